// Subprotocols of the WebSocket, and a peer that reads past the 101 and drops it.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { describe, it } from "node:test";
import { WebSocket } from "ws";
import { Clients, ack, event, versions } from "../lib/client.mjs";

const server = new URL(process.env.SERVER);

describe("the option protocols", () => {
  for (const version of Object.keys(versions)) {
    for (const mode of ["websocket", "upgrade"]) {
      it(`client ${version}, ${mode}`, { timeout: 60_000 }, async (t) => {
        const clients = new Clients(server.origin, version, mode, t);
        for (const [protocols, want] of [
          [["chat.v1", "chat.v2"], "chat.v2"], // the server chooses
          [["other"], "other"],
          [[], ""],
        ]) {
          const socket = clients.socket("/", { protocols });
          const connected = event(socket, "connect");
          socket.connect();
          const upgraded = mode === "upgrade" ? event(socket.io.engine, "upgrade") : connected;
          await Promise.all([connected, upgraded]);
          assert.equal(socket.io.engine.transport.name, "websocket");
          assert.equal(socket.io.engine.transport.ws.protocol, want);
          assert.deepEqual(await ack(socket, "echo-ack", protocols), [protocols]);
        }
      });
    }
  }
});

describe("a proxy that loses what comes with the 101", () => {
  it("loses the open packet of a client that shows no proxy", { timeout: 60_000 }, async (t) => {
    const proxy = await Proxy.open(t, "");
    for (let i = 0; proxy.lost === 0; i++) {
      assert.ok(i < 50, "it has lost nothing: the other test proves nothing");
      const ws = new WebSocket(`ws://127.0.0.1:${proxy.port}/socket.io/?EIO=4&transport=websocket`);
      await once(ws, "open");
      ws.terminate();
    }
  });

  for (const version of Object.keys(versions)) {
    it(`client ${version} connects when the proxy says Via`, { timeout: 60_000 }, async (t) => {
      const proxy = await Proxy.open(t, "Via: 1.1 test\r\n");
      const clients = new Clients(`http://127.0.0.1:${proxy.port}`, version, "websocket", t);
      for (let i = 0; i < 5; i++) {
        // On a busy machine the proxy may read both at once all the same: the
        // client tries again, as it does by default.
        const socket = clients.socket("/", { timeout: 1000 });
        socket.connect();
        await event(socket, "connect");
        assert.deepEqual(await ack(socket, "echo-ack", i), [i]);
        socket.disconnect();
      }
    });
  }
});

// Proxy passes on bytes, adds a header to each connection's first request, and
// drops what comes in one piece with the header of a 101.
class Proxy {
  lost = 0;

  static async open(t, header) {
    const proxy = new Proxy();
    const listener = createServer((client) => {
      const upstream = connect(Number(server.port), server.hostname);
      for (const [one, other] of [[client, upstream], [upstream, client]]) {
        one.on("error", () => {}); // a close follows
        one.on("close", () => other.destroy());
      }
      let first = true;
      client.on("data", (chunk) => {
        upstream.write(first ? chunk.toString("latin1").replace("\r\n", `\r\n${header}`) : chunk, "latin1");
        first = false;
      });
      let head = true;
      upstream.on("data", (chunk) => {
        const end = head && chunk.toString("latin1").startsWith("HTTP/1.1 101") ? chunk.indexOf("\r\n\r\n") + 4 : chunk.length;
        head = false;
        proxy.lost += chunk.length - end;
        client.write(chunk.subarray(0, end));
      });
    }).listen(0, "127.0.0.1");
    t.after(() => listener.close());
    await once(listener, "listening");
    proxy.port = listener.address().port;
    return proxy;
  }
}
