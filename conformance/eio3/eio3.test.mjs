// The official client 2.5 in Node, against gosio and, as the oracle, Node's server with allowEIO3.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import io from "socket.io-client-2";
import { io as io4 } from "socket.io-client-4";
import { startProxy } from "../client/proxy.mjs";
import { ask, cases, equal, event } from "./cases.mjs";
import { startServer } from "./lab.mjs";

const modes = { polling: ["polling"], websocket: ["websocket"], upgrade: ["polling", "websocket"] };
const fast = { pingInterval: 300, pingTimeout: 10_000 };

/** Makes sockets that a test closes. */
function sockets(t) {
  const all = [];
  t.after(() => all.forEach((socket) => (socket.io.reconnection(false), socket.disconnect(), socket.io.engine?.close())));
  return (make, url, options) => {
    const socket = make(url, { forceNew: true, reconnectionDelay: 20, reconnectionDelayMax: 100, ...options });
    all.push(socket);
    return socket;
  };
}

for (const kind of ["go", "node"]) {
  describe(`the ${kind} server`, { concurrency: true }, () => {
    let server;
    before(async () => (server = await startServer(kind, fast)));
    after(async () => assert.equal(await server.stop(), 0, "the server's exit code; 66 is a data race"));

    for (const [mode, transports] of Object.entries(modes)) {
      for (const forceBase64 of kind === "go" ? [false, true] : [false]) {
        for (const { name, run } of cases.filter(({ name }) => !forceBase64 || /text|bytes|many/.test(name))) {
          test(`${mode}${forceBase64 ? ", base64" : ""}: ${name}`, { timeout: 30_000 }, (t) => {
            const make = sockets(t);
            const connect = (path, options) => make(io, server.urls[0] + path, { transports, forceBase64, ...options });
            return run({ connect, mode });
          });
        }
      }
      test(`${mode}: one room for clients of 2.x and 4.x`, { timeout: 30_000 }, async (t) => {
        const make = sockets(t);
        const old = [make(io, server.urls[0], { transports }), make(io, server.urls[0], { transports, forceBase64: true })];
        const all = [...old, make(io4, server.urls[0], { transports })];
        const room = `room ${mode} 😀`;
        for (const socket of all) await ask(socket, "join", room);
        for (const [i, socket] of all.entries()) socket.on("question", (v, answer) => answer([v, i]));
        const data = new Uint8Array(300).map((_, i) => i).buffer; // 2.x does not take views for bytes in Node
        for (const sender of all) {
          const heard = all.map((socket) => event(socket, "news"));
          sender.emit("tell", room, "news", "text €", { data });
          for (const args of await Promise.all(heard)) equal(args, ["text €", { data }]);
        }
        const [answers] = await ask(old[0], "all", room);
        assert.deepEqual(answers.sort(), [["all", 0], ["all", 1], ["all", 2]]);
      });
      test(`${mode}: the network is cut, and the client comes back`, { timeout: 30_000 }, async (t) => {
        const proxy = await startProxy(server.ports[0]);
        t.after(() => proxy.stop());
        const socket = sockets(t)(io, proxy.url, { transports });
        await event(socket, "welcome");
        const gone = event(socket, "disconnect");
        proxy.refuse(true); // the client's XMLHttpRequest asks once more by itself
        proxy.cut();
        const [reason] = await gone;
        assert.match(reason, /^transport (close|error)$/);
        const back = event(socket, "connect");
        proxy.refuse(false);
        await back;
        equal(await ask(socket, "same", "again"), ["again"]);
      });
    }
  });

  test(`${kind}: recovery is not for clients of 2.x`, { timeout: 30_000 }, async (t) => {
    const server = await startServer(kind, { ...fast, recovery: true });
    t.after(() => server.stop());
    const socket = sockets(t)(io, server.urls[0], {});
    await event(socket, "welcome");
    const { id } = socket;
    socket.io.engine.close();
    await event(socket, "connect");
    assert.notEqual(socket.id, id);
    equal(await ask(socket, "same", "again"), ["again"]);
  });

  test(`${kind}: refused without allowEIO3`, { timeout: 30_000 }, async (t) => {
    const server = await startServer(kind, { allowEIO3: false });
    t.after(() => server.stop());
    for (const transports of Object.values(modes)) {
      const socket = sockets(t)(io, server.urls[0], { transports, reconnection: false });
      const [error] = await event(socket, "connect_error");
      assert.equal(error.message, transports[0] === "polling" ? "xhr poll error" : "websocket error");
      assert.equal(socket.connected, false);
    }
    const response = await fetch(`${server.urls[0]}/socket.io/?EIO=3&transport=polling`);
    assert.deepEqual([response.status, await response.json()], [400, { code: 5, message: "Unsupported protocol version" }]);
  });
}

describe("behind frameworks", { concurrency: true }, () => {
  let server;
  before(async () => (server = await startServer("go", fast)));
  after(async () => assert.equal(await server.stop(), 0));
  for (const [i, framework] of ["net/http", "gin", "fiber"].entries()) {
    for (const [mode, transports] of Object.entries(modes)) {
      test(`${framework}, ${mode}`, { timeout: 30_000 }, async (t) => {
        const make = sockets(t);
        const connect = (path, options) => make(io, server.urls[i] + path, { transports, ...options });
        const some = cases.filter(({ name }) => /welcome|bytes|text|many|refused by/.test(name));
        await Promise.all(some.map(({ run }) => run({ connect, mode })));
      });
    }
  }
});
