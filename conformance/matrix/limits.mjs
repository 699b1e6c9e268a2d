// Messages at and over maxHttpBufferSize.
import assert from "node:assert/strict";
import { ack, event, upgraded } from "../lib/client.mjs";

const limit = 1_000_000; // the default
const header = '42["size",""]'.length;

// How many bytes of binary make a message of the limit: raw over WebSocket,
// "b" and base64 over polling.
const binaryAtLimit = (transport) => (transport === "polling" ? Math.floor((limit - 1) / 4) * 3 : limit);

export const cases = {
  "a text message of just the limit": async ({ clients }) => {
    const socket = await connect(clients);
    const room = limit - header; // bytes, of which é takes two
    for (const text of ["x".repeat(room), "é".repeat(Math.floor(room / 2)) + "x".repeat(room % 2)]) {
      socket.emit("size", text);
      assert.deepEqual(await event(socket, "size"), [room]);
    }
  },

  "a text message over the limit ends the connection": async ({ clients }) => {
    await ends(clients, () => "x".repeat(limit - header + 1));
  },

  "a binary message of just the limit": async ({ clients }) => {
    const socket = await connect(clients);
    const size = binaryAtLimit(socket.io.engine.transport.name);
    socket.emit("size", Buffer.alloc(size, 1));
    assert.deepEqual(await event(socket, "size"), [size]);
  },

  "a binary message over the limit ends the connection": async ({ clients }) => {
    await ends(clients, (transport) => Buffer.alloc(binaryAtLimit(transport) + 3, 1));
  },

  "many messages, each under the limit and together far over it": async ({ clients }) => {
    const socket = clients.socket();
    const text = "x".repeat(300_000);
    let answers = 0;
    const all = new Promise((resolve) => socket.on("size", () => ++answers === 10 && resolve()));
    for (let i = 0; i < 10; i++) socket.emit("size", text);
    socket.connect();
    await all;
    assert.deepEqual(await ack(socket, "echo-ack", 1), [1]);
  },
};

// connect waits for the upgrade, too: at the limit the transport matters.
async function connect(clients, options) {
  const socket = await clients.connect("/", options);
  if (clients.mode === "upgrade") await upgraded(socket);
  return socket;
}

async function ends(clients, make) {
  const socket = await connect(clients, { reconnection: false });
  const other = await connect(clients); // lives on
  const transport = socket.io.engine.transport.name;
  const gone = event(socket, "disconnect");
  socket.emit("size", make(transport));
  const [reason] = await gone;
  // Over polling the answer to the POST is an error. It also ends the session at
  // once, as in the reference since 6.6.12, which the waiting GET may say first.
  const expected = transport === "polling" ? ["transport error", "transport close"] : ["transport close"];
  assert.ok(expected.includes(reason), reason);
  assert.deepEqual(await ack(other, "echo-ack", 1), [1]);
  socket.connect();
  await event(socket, "connect");
}
