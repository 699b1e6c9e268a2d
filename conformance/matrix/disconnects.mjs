// How connections end, with which reasons, and how they come back.
import assert from "node:assert/strict";
import { ack, event, record, until } from "../lib/client.mjs";
import { Server } from "../lib/server.mjs";

export const cases = {
  "the server disconnects a socket": async ({ clients, server }) => {
    const main = await clients.connect();
    const chat = clients.sibling(main, "/chat");
    chat.connect();
    await event(chat, "connect");
    const { id } = chat;
    const gone = event(chat, "disconnect");
    chat.emit("kick", false);
    assert.equal((await gone)[0], "io server disconnect");
    assert.equal(await server.reason(id), "server namespace disconnect");
    assert.ok(!chat.active); // no reconnection by itself
    assert.deepEqual(await ack(main, "echo-ack", "alive"), ["alive"]);
    chat.connect();
    await event(chat, "connect");
    assert.notEqual(chat.id, id);
  },

  "the server disconnects the whole connection": async ({ clients, server }) => {
    const main = await clients.connect();
    const chat = clients.sibling(main, "/chat");
    chat.connect();
    await event(chat, "connect");
    const ids = [main.id, chat.id];
    const closed = event(main.io, "close");
    const gone = [event(main, "disconnect"), event(chat, "disconnect")];
    chat.emit("kick", true);
    for (const [reason] of await Promise.all(gone)) assert.equal(reason, "io server disconnect");
    await closed;
    for (const id of ids) assert.equal(await server.reason(id), "server namespace disconnect");
    main.connect();
    await event(main, "connect");
    assert.deepEqual(await ack(main, "echo-ack", 1), [1]);
  },

  "the client disconnects": async ({ clients, server }) => {
    const socket = await clients.connect();
    const { id } = socket;
    const gone = event(socket, "disconnect");
    socket.disconnect();
    assert.equal((await gone)[0], "io client disconnect");
    assert.equal(await server.reason(id), "client namespace disconnect");
  },

  "the client closes its connection without a word": async ({ clients, server, target }) => {
    const socket = await clients.connect("/", { reconnection: false });
    const { id } = socket;
    await ack(socket, "echo-ack"); // nothing is under way
    const gone = event(socket, "disconnect");
    socket.io.engine.close();
    assert.equal((await gone)[0], "forced close");
    const reason = await server.reason(id);
    // The reference writes to the closing socket of an old client now and then.
    assert.ok(reason === "transport close" || (target === "node" && reason === "transport error"), reason);
  },

  "what was sent before a disconnect has arrived": async ({ clients, server }) => {
    const main = await clients.connect();
    const chat = clients.sibling(main, "/chat");
    chat.connect();
    await event(chat, "connect");
    const echoes = record(chat, "echo");
    const gone = event(chat, "disconnect");
    for (let i = 0; i < 100; i++) chat.emit("echo", i);
    chat.emit("kick", false);
    await gone;
    assert.deepEqual(echoes, Array.from({ length: 100 }, (_, i) => [i]));
  },

  "reconnection after the server was killed": async ({ clients, target, t, mode }) => {
    const server = await Server.start(target, t);
    const { socket, chat } = await twoSockets(clients, server);
    const { id } = socket;
    const gone = [event(socket, "disconnect"), event(chat, "disconnect")];
    await server.kill();
    for (const [reason] of await Promise.all(gone)) {
      assert.equal(reason, mode === "polling" ? "transport error" : "transport close");
    }
    await comesBack(server, socket, chat, id);
  },

  "reconnection after the server was shut down": async ({ clients, target, t }) => {
    const server = await Server.start(target, t);
    const { socket, chat } = await twoSockets(clients, server);
    const { id } = socket;
    const gone = [event(socket, "disconnect"), event(chat, "disconnect")];
    await server.shutdown();
    for (const [reason] of await Promise.all(gone)) assert.equal(reason, "transport close");
    await comesBack(server, socket, chat, id);
  },
};

async function twoSockets(clients, server) {
  const socket = await clients.connect("/", { url: server.url });
  const chat = clients.sibling(socket, "/chat");
  chat.connect();
  await event(chat, "connect");
  if (clients.mode === "upgrade") {
    await until("the upgrade", () => socket.io.engine.transport.name === "websocket");
    await ack(socket, "echo-ack"); // over WebSocket: the server has upgraded, too
  }
  return { socket, chat };
}

// comesBack starts the server again: what was emitted meanwhile must arrive.
async function comesBack(server, socket, chat, id) {
  for (let i = 0; i < 10; i++) socket.emit("count", i);
  const back = [event(socket, "connect"), event(chat, "connect")];
  await server.restart();
  await Promise.all(back);
  assert.notEqual(socket.id, id);
  assert.deepEqual(await ack(socket, "counted"), [{ count: 10, ordered: true }]);
  assert.deepEqual(await ack(chat, "counted"), [{ count: 0, ordered: true }]);
}
