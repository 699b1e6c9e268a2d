// What the reference gets wrong about recovery, with the official client.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { ack, event, record, upgraded } from "../lib/client.mjs";
import { loadClient } from "../client/lab.mjs";
import { startProxy } from "../client/proxy.mjs";
import { startServer } from "./server.mjs";

let server, io;
before(async () => {
  server = await startServer();
  ({ io } = await loadClient("official"));
});
after(async () => assert.equal(await server.stop(), 0, "the server's exit code; 66 is a data race"));

for (const transports of [["websocket"], ["polling"], ["polling", "websocket"]]) {
  describe(transports.join(" and "), () => {
    const name = transports.join();
    const connect = async (t, url, options) => {
      const socket = io(`${url}/traps`, { forceNew: true, transports, reconnectionDelay: 5, reconnectionDelayMax: 30, ...options });
      t.after(() => socket.disconnect());
      await event(socket, "connect");
      if (transports.length > 1) await upgraded(socket);
      return socket;
    };
    const direct = () => `http://127.0.0.1:${server.port}`;
    const behindProxy = async (t, options) => {
      const proxy = await startProxy(server.port);
      t.after(() => proxy.stop());
      return { proxy, socket: await connect(t, proxy.url, options) };
    };
    // lose makes a client lose its connection, and find it again when back is called.
    const lose = async (proxy, socket) => {
      const gone = event(socket, "disconnect");
      proxy.refuse(true);
      proxy.cut();
      await gone;
      const connected = event(socket, "connect");
      return async () => {
        proxy.refuse(false);
        await connected;
        assert.ok(socket.recovered);
      };
    };

    test("a client that never heard an event is recovered, and its middleware runs", async (t) => {
      const auth = { name: `quiet ${name}` };
      const { proxy, socket } = await behindProxy(t, { auth });
      const { id } = socket;
      for (const runs of [2, 3]) {
        const back = await lose(proxy, socket);
        await back();
        assert.equal(socket.id, id);
        assert.deepEqual(await ack(socket, "runs"), [runs]);
        assert.deepEqual(await ack(socket, "rooms"), [[`kept ${auth.name}`]]);
      }
    });

    test("a volatile event that ends with a string is no offset", async (t) => {
      const auth = { name: `notes ${name}` };
      const { proxy, socket } = await behindProxy(t, { auth });
      const other = await connect(t, direct(), { auth: { name: "other" } });
      const heard = record(socket, "told");
      const note = event(socket, "note");
      assert.deepEqual(await ack(socket, "notes"), [true]);
      await note;
      const back = await lose(proxy, socket);
      for (const text of ["one", "two"]) await ack(other, "tell", `kept ${auth.name}`, text);
      await back();
      await ack(socket, "runs");
      assert.deepEqual(heard.map(([text]) => text), ["one", "two"]);
    });

    test("of two clients with one session the later has it", async (t) => {
      const auth = { name: `twice ${name}` };
      const { id, _pid } = await connect(t, direct(), { auth, reconnection: false });
      const again = async () => {
        const socket = io(`${direct()}/traps`, { auth, forceNew: true, transports, reconnection: false, autoConnect: false });
        t.after(() => socket.disconnect());
        socket._pid = _pid; // as the client itself sends it when it comes back
        socket.connect();
        await event(socket, "connect");
        if (transports.length > 1) await upgraded(socket);
        assert.ok(socket.recovered && socket.id === id);
        return socket;
      };
      const first = await again();
      const gone = event(first, "disconnect");
      const second = await again();
      assert.match((await gone)[0], /^transport (close|error)$/);
      assert.deepEqual(await ack(second, "rooms"), [[`kept ${auth.name}`]]);
    });
  });
}
