// What a socket does at odd moments, against a server that is a script.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Manager } from "../../../core/internal/browser/dist/socket.io.esm.min.js";

/** Runs with a WebSocket whose server answers frames by what answer returns, and gives what came. */
async function withServer(answer, run) {
  const came = [];
  class FakeWebSocket {
    constructor() {
      this.say = (data) => queueMicrotask(() => this.onmessage({ data }));
      queueMicrotask(() => {
        this.onopen();
        this.say('0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000}');
      });
    }
    send(frame) {
      came.push(frame);
      for (const reply of answer(frame) || []) this.say(reply);
    }
    close() {}
  }
  const was = globalThis.WebSocket;
  globalThis.WebSocket = FakeWebSocket;
  const manager = new Manager("http://127.0.0.1:1", { transports: ["websocket"], reconnection: false, autoConnect: false });
  try {
    await run(manager, came);
  } finally {
    manager._close();
    globalThis.WebSocket = was;
  }
}

const joins = (frame) => (frame[1] === "0" ? [`40${frame.slice(2).replace(/,.*/, ",")}{"sid":"${frame}"}`] : []);
const joined = (socket) => new Promise((resolve) => socket.on("connect", resolve).connect());

test("a namespace that is left before the server's answer is left on the server, too", async () => {
  await withServer(joins, async (manager, came) => {
    const [here, left] = [manager.socket("/here"), manager.socket("/left")];
    await joined(here);
    left.on("connect", () => assert.fail("it was left"));
    left.connect().disconnect();
    await sleep(10);
    assert.deepEqual(came, ["40/here,", "40/left,", "41/left,"]);
    left.off("connect");
    await joined(left); // once more, and it stays
    await sleep(10);
    assert.deepEqual(came.slice(3), ["40/left,"]);
  });
});

test("volatile events that are dropped leave no acknowledgement behind", async () => {
  await withServer(joins, async (manager) => {
    const socket = manager.socket("/");
    for (let i = 0; i < 1000; i++) socket.volatile.emit("position", i, () => assert.fail("nobody has it"));
    assert.equal(Object.keys(socket.acks).length, 0);
    await assert.rejects(socket.volatile.emitWithAck("position"), /dropped/);
    await assert.rejects(socket.timeout(5).volatile.emitWithAck("position"), /timed out/);
    assert.equal(Object.keys(socket.acks).length, 0);
    await joined(socket);
    socket.emit("first");
    await assert.rejects(socket.volatile.emitWithAck("position"), /dropped/); // the transport is busy
    assert.equal(Object.keys(socket.acks).length, 0);
  });
});

test("times longer than timers are long, and not over at once", async () => {
  const ids = [];
  const answer = (frame) => (frame.startsWith("42") ? void ids.push(parseInt(frame.slice(2))) : joins(frame));
  await withServer(answer, async (manager) => {
    const errors = [];
    manager.timeout(Infinity).on("error", (err) => errors.push(err));
    const socket = manager.socket("/");
    await joined(socket);
    for (const ms of [Infinity, 2 ** 31, 1e12]) socket.timeout(ms).emit("question", (err) => err && errors.push(err));
    await sleep(20);
    assert.deepEqual(errors, []);
    assert.equal(ids.length, 3);
    for (const id of ids) socket.onpacket({ type: 3, nsp: "/", id, data: [] }); // stops the timers
  });
});

test("with retries an event that does not encode holds up no other, and no connect", async () => {
  const answer = (frame) => (frame.startsWith("42") ? [`43${parseInt(frame.slice(2))}["got it"]`] : joins(frame));
  await withServer(answer, async (manager) => {
    const socket = manager.socket("/", { retries: 3 });
    const uncaught = [];
    const { queueMicrotask } = globalThis;
    const keep = (fn) => () => {
      try {
        fn();
      } catch (err) {
        uncaught.push(err.name);
      }
    };
    globalThis.queueMicrotask = (fn) => queueMicrotask(keep(fn));
    try {
      const bad = new Promise((resolve) => socket.emit("bad", 10n, resolve));
      const good = new Promise((resolve) => socket.emit("good", (err, value) => resolve(err || value)));
      await joined(socket);
      assert.equal((await bad).name, "TypeError");
      assert.equal(await good, "got it");
      assert.throws(() => socket.emit("bad", 10n), TypeError); // as without retries
      assert.deepEqual(await new Promise((resolve) => socket.emit("good", (...all) => resolve(all))), [null, "got it"]);
      assert.deepEqual(uncaught, ["TypeError"]);
      assert.equal(Object.keys(socket.acks).length, 0);
    } finally {
      globalThis.queueMicrotask = queueMicrotask;
    }
  });
});
