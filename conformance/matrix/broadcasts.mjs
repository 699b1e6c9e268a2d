// Broadcasts that every client acknowledges.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { ack, event } from "../lib/client.mjs";

const long = 15_000; // within a test's patience

// inTime asks with more and more time, until all have answered that do: on a
// busy machine that takes a while.
async function inTime(socket, room, wanted) {
  for (let ms = 1_000; ; ms *= 2) {
    const [result] = await ack(socket, "ask-room", room, "who?", ms);
    if (answerers(result).length >= wanted || ms * 2 > long) return result;
  }
}

// room puts so many clients into a room of their own; each answers a question
// with its number and the question.
async function room(clients, n) {
  const name = randomUUID();
  const sockets = await Promise.all(Array.from({ length: n }, () => clients.connect()));
  for (const [i, socket] of sockets.entries()) {
    await ack(socket, "join", name);
    socket.on("question", (question, reply) => reply([i, question], "more"));
  }
  return { name, sockets };
}

function answerers({ answers }) {
  return answers.map(([i]) => i).sort();
}

export const cases = {
  "every client of a room answers, in the order of the answers, the one that asks included": async ({ clients }) => {
    const { name, sockets } = await room(clients, 3);
    const question = { deep: [Buffer.from([1, 2, 3]), "text", null] };
    let before = Promise.resolve(); // the answer of the one before has arrived
    for (const i of [1, 2, 0]) {
      let replied;
      const turn = before;
      before = new Promise((resolve) => (replied = resolve));
      sockets[i].off("question").on("question", async (got, reply) => {
        await turn;
        reply([i, got], "more");
        replied(i > 0 && ack(sockets[i], "echo-ack")); // which comes behind it; other events of who asks have to wait
      });
    }
    const [result] = await ack(sockets[0], "ask-room", name, question, long);
    assert.deepEqual(result, { answers: [1, 2, 0].map((i) => [i, question]), missing: false });
  },

  "nobody is asked, and that is known at once": async ({ clients }) => {
    const socket = await clients.connect();
    const start = Date.now();
    const result = await ack(socket, "ask-room", randomUUID(), "anybody?", long);
    assert.deepEqual(result, [{ answers: [], missing: false }]);
    assert.ok(Date.now() - start < long);
  },

  "one is silent: the answers of the others come at the end of the time": async ({ clients }) => {
    const { name, sockets } = await room(clients, 3);
    let late;
    sockets[1].off("question").on("question", (_question, reply) => (late = reply));
    const result = await inTime(sockets[0], name, 2);
    assert.deepEqual(answerers(result), [0, 2]);
    assert.equal(result.missing, true);
    late("too late"); // is ignored
    sockets[1].off("question").on("question", (_question, reply) => reply([1]));
    const [again] = await ack(sockets[1], "ask-room", name, "and now?", long);
    assert.deepEqual(answerers(again), [0, 1, 2]);
    assert.equal(again.missing, false);
  },

  "one leaves, and is not waited for": async ({ clients, target }) => {
    const { name, sockets } = await room(clients, 4);
    sockets[1].off("question").on("question", () => sockets[1].disconnect());
    sockets[2].off("question").on("question", () => sockets[2].io.engine.close());
    sockets[2].io.reconnection(false);
    const [result] = await ack(sockets[0], "ask-room", name, "who?", target === "node" ? 2_000 : long);
    assert.deepEqual(answerers(result), [0, 3]);
    assert.equal(result.missing, target === "node"); // the reference waits, until the time is over
  },

  "two broadcasts and a question to one client at a time": async ({ clients }) => {
    const { name, sockets } = await room(clients, 2);
    const results = await Promise.all([
      ack(sockets[0], "ask-room", name, "a", long),
      ack(sockets[1], "ask-room", name, "b", long),
      ack(sockets[1], "ask", "c", long),
    ]);
    for (const [result] of results) result.answers?.sort(([a], [b]) => a - b);
    const two = (question) => [{ answers: [[0, question], [1, question]], missing: false }];
    assert.deepEqual(results, [two("a"), two("b"), [{ answer: [1, "c"] }]]);
    sockets[0].emit("echo", "still there");
    assert.deepEqual(await event(sockets[0], "echo"), ["still there"]);
  },
};
