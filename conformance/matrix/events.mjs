// Events and acknowledgements, both ways; binary; order.
import assert from "node:assert/strict";
import { ack, event, record } from "../lib/client.mjs";

const nested = {
  list: [1, "two", null, { three: [true, 3.5, -0.25e-7] }],
  text: 'quotes " and \\ and \n, a \u0000, ünï, 漢字, 🎉, \u2028',
  empty: [{}, [], ""],
};

export const cases = {
  "events carry any number of arguments, and come back the same": async ({ clients }) => {
    const socket = await clients.connect();
    for (const args of [[], [1], [nested, "second", [3]], [null, null], [Array(100).fill("x")]]) {
      socket.emit("echo", ...args);
      assert.deepEqual(await event(socket, "echo"), args);
    }
  },

  "events keep their order": async ({ clients }) => {
    const socket = await clients.connect();
    const echoes = record(socket, "echo");
    for (let i = 0; i < 500; i++) socket.emit("echo", i);
    await ack(socket, "echo-ack");
    assert.deepEqual(echoes, Array.from({ length: 500 }, (_, i) => [i]));
  },

  "the server acknowledges": async ({ clients }) => {
    const socket = await clients.connect();
    assert.deepEqual(await ack(socket, "echo-ack"), []);
    assert.deepEqual(await ack(socket, "echo-ack", nested, 2, "three"), [nested, 2, "three"]);
    const many = await Promise.all(Array.from({ length: 50 }, (_, i) => ack(socket, "echo-ack", i)));
    assert.deepEqual(many, Array.from({ length: 50 }, (_, i) => [i]));
  },

  "an acknowledgement that is late is a timeout, and only that": async ({ clients }) => {
    const socket = await clients.connect();
    const late = await new Promise((resolve) => socket.timeout(100).emit("slow", 400, resolve));
    assert.ok(late instanceof Error);
    assert.equal(late.message, "operation has timed out");
    assert.deepEqual(await ack(socket, "slow", 400), ["done"]); // by now the late one has come, too
    assert.ok(socket.connected);
  },

  "a slow acknowledgement does not hold up other events": async ({ clients }) => {
    const socket = await clients.connect();
    const order = []; // of arrival: this process may be stopped for longer than the slow one takes
    await Promise.all([
      ack(socket, "slow", 700).then(() => order.push("slow")),
      ack(socket, "echo-ack", 1).then(() => order.push("quick")),
    ]);
    assert.deepEqual(order, ["quick", "slow"]);
  },

  "the client acknowledges": async ({ clients }) => {
    const socket = await clients.connect();
    socket.on("question", (question, reply) => reply({ you: question }));
    assert.deepEqual(await ack(socket, "ask", nested, 5000), [{ answer: { you: nested } }]);
    const binary = await ack(socket, "ask", Buffer.from([1, 2, 3]), 5000);
    assert.deepEqual(binary, [{ answer: { you: Buffer.from([1, 2, 3]) } }]);
  },

  "the server's timeout for the client's acknowledgement": async ({ clients }) => {
    const socket = await clients.connect();
    const asked = event(socket, "question");
    assert.deepEqual(await ack(socket, "ask", "anybody?", 100), [{ error: "timeout" }]);
    const [question, reply] = await asked;
    assert.equal(question, "anybody?");
    reply("too late"); // is ignored
    socket.on("question", (_question, answer) => answer("in time"));
    assert.deepEqual(await ack(socket, "ask", "again?", 5000), [{ answer: "in time" }]);
  },

  "binary at any depth, to the server and back": async ({ clients }) => {
    const socket = await clients.connect();
    await binaryBothWays(socket);
  },

  "forceBase64": async ({ clients }) => {
    const socket = await clients.connect("/", { forceBase64: true });
    await binaryBothWays(socket);
  },

  "10,000 messages buffered before connecting": async ({ clients }) => {
    const socket = clients.socket();
    for (let i = 0; i < 10_000; i++) socket.emit("count", i);
    const counted = ack(socket, "counted");
    socket.connect();
    assert.deepEqual(await counted, [{ count: 10_000, ordered: true }]);
    assert.deepEqual(await ack(socket, "counted"), [{ count: 10_000, ordered: true }]);
  },

  "a volatile event goes out while connected, and not before": async ({ clients }) => {
    const socket = clients.socket();
    socket.volatile.emit("count", 0);
    socket.connect();
    await event(socket, "connect");
    assert.deepEqual(await ack(socket, "counted"), [{ count: 0, ordered: true }]);
  },
};

async function binaryBothWays(socket) {
  const a = Buffer.from([0, 1, 2, 255]);
  const b = Buffer.alloc(5000, 7);
  const value = { a, list: [b, { deep: { a } }], text: "t" };
  assert.deepEqual(await ack(socket, "binary", value, b), [{ buffers: 4, bytes: 4 + 5000 + 4 + 5000 }]);
  assert.deepEqual(await ack(socket, "binary", new Uint8Array([1, 2]), Buffer.alloc(0)), [{ buffers: 2, bytes: 2 }]);
  assert.deepEqual(await ack(socket, "binary", "none"), [{ buffers: 0, bytes: 0 }]);

  socket.emit("echo", value, "between", b);
  assert.deepEqual(await event(socket, "echo"), [value, "between", b]);
  assert.deepEqual(await ack(socket, "echo-ack", [a], b), [[a], b]);

  const blob = event(socket, "blob");
  socket.emit("blob", 1000);
  const filled = (byte) => Buffer.alloc(1000, byte);
  assert.deepEqual(await blob, [{ name: "blob", parts: [filled(1), { deep: filled(2) }] }, filled(3)]);
}
