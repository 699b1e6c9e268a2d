// The stock client and limits.md's middleware: what a rate limit says, and that an event
// which is sent again, because its acknowledgement was lost, is handled once.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Clients, event, modes } from "../lib/client.mjs";
import { startProxy } from "../client/proxy.mjs";
import { startServer } from "../recovery/server.mjs";

let server;
before(async () => (server = await startServer()));
after(async () => assert.equal(await server.stop(), 0, "the server ends as it should"));

const url = () => `http://127.0.0.1:${server.port}`;

describe("limits", { concurrency: true }, () => {
  for (const [version, mode] of [...Object.keys(modes).map((mode) => ["4.8", mode]), ["4.7", "upgrade"]]) {
    const clients = (t, to = url()) => new Clients(to, version, mode, t);

    describe(`${version}, ${mode}`, { concurrency: true }, () => {
      test("an event over the limit is acknowledged with when to try again, and passes then", async (t) => {
        const socket = await clients(t).connect("/limited");
        const answers = await Promise.all(Array.from({ length: 30 }, (_, n) => socket.emitWithAck("say", n)));
        const passed = answers.filter((answer) => typeof answer === "number").length;
        assert.ok(passed >= 5 && passed < 30, `${passed} have passed`);
        for (const answer of answers.slice(0, 5)) assert.equal(typeof answer, "number");
        let n = 0;
        while (n < 10) {
          const answer = await socket.emitWithAck("say", n);
          if (answer === n) {
            n++;
            continue;
          }
          assert.equal(answer.error.code, "rate_limited");
          const { retryAfter } = answer.error.data;
          assert.ok(Number.isInteger(retryAfter) && retryAfter > 0 && retryAfter <= 50, `retryAfter ${retryAfter}`);
          await delay(retryAfter + 2); // a timer of Node's may be early
        }
      });

      test("a namespace that is refused says when to try again", async (t) => {
        const all = clients(t);
        const socket = all.sibling(await all.connect(), "/limited"); // on a connection that stays open
        socket.connect();
        await event(socket, "connect");
        socket.disconnect().connect();
        const [err] = await event(socket, "connect_error");
        assert.equal(err.message, "too many connections");
        assert.ok(err.data.retryAfter > 0 && err.data.retryAfter <= 300, `retryAfter ${err.data.retryAfter}`);
        await delay(err.data.retryAfter + 2);
        socket.connect();
        await event(socket, "connect");
      });

      test("a connection that is refused comes back by itself", async (t) => {
        const all = Array.from({ length: 3 }, () => clients(t).socket("/", { path: "/few/" }));
        await Promise.all(all.map((socket) => (socket.connect(), event(socket, "connect"))));
      });

      test("an order whose acknowledgement comes too late is placed once", async (t) => {
        const socket = await clients(t).connect("/", { retries: 10, ackTimeout: 150 });
        const key = `${version} ${mode} slow`;
        assert.deepEqual(await send(socket, { key, slow: true }), [key, null]);
        await placedOnce(t, key);
      });

      test("an order whose acknowledgement is lost with the connection is placed once", async (t) => {
        let lost = 0;
        const proxy = await startProxy(server.port, {
          down(chunk, pair) {
            if (lost >= 5 || !/4[36](\d+-)?\d*\[/.test(chunk.toString("latin1"))) return true;
            lost++;
            if (lost % 2) pair.cut(); // the client notices
            else pair.frozen = true; // it does not, until a ping is missing
            return false;
          },
        });
        t.after(() => proxy.stop());
        const socket = await clients(t, proxy.url).connect("/", { retries: 20, ackTimeout: 300 });
        const keys = Array.from({ length: 8 }, (_, n) => `${version} ${mode} lost ${n}`);
        const data = Buffer.from([1, 2, 3]);
        const answers = await Promise.all(keys.map((key, n) => send(socket, { key, data: n % 2 ? data : undefined })));
        answers.forEach(([key, binary], n) => {
          assert.equal(key, keys[n]);
          if (n % 2) assert.deepEqual(Buffer.from(binary), data);
        });
        assert.equal(lost, 5, "acknowledgements that were lost");
        for (const key of keys) await placedOnce(t, key);
      });

      test("what was done offline, and survived the page, is placed once and in order", async (t) => {
        const Outbox = await outboxOf("../../docs/idempotency.md");
        const storage = new Map();
        storage.getItem = storage.get;
        storage.setItem = storage.set;
        const name = `${version} ${mode} outbox`;
        const keys = Array.from({ length: 12 }, (_, n) => `${name} ${n}`);
        let lost = 0;
        const proxy = await startProxy(server.port, {
          down(chunk, pair) {
            if (lost >= 3 || !/43\d*\[/.test(chunk.toString("latin1"))) return true;
            lost++;
            pair.cut();
            return false;
          },
        });
        t.after(() => proxy.stop());
        const offline = clients(t, proxy.url).socket();
        const before = new Outbox(offline, storage);
        for (const key of keys.slice(0, 8)) before.emit("order", { key, list: name });
        offline.connect(); // and the page is closed in the middle
        while (before.events.length > 6) await delay(5);
        offline.disconnect();
        const socket = clients(t, proxy.url).socket();
        const outbox = new Outbox(socket, storage);
        for (const key of keys.slice(8)) outbox.emit("order", { key, list: name });
        socket.connect();
        while (outbox.events.length > 0) await delay(5);
        assert.equal(lost, 3, "acknowledgements that were lost");
        for (const key of keys) await placedOnce(t, key);
        const list = await (await clients(t).connect()).emitWithAck("list", name);
        assert.deepEqual(list, keys);
      });

      async function placedOnce(t, key) {
        const socket = await clients(t).connect();
        assert.equal(await socket.emitWithAck("placed", key), 1, key);
      }
    });
  }
});

/** Emits an order, and waits for its acknowledgement, which follows those of others. */
function send(socket, order) {
  return new Promise((resolve, reject) => {
    socket.emit("order", order, (err, ...answer) => (err ? reject(err) : resolve(answer)));
  });
}

/** The class Outbox of a page, as a reader would copy it. */
async function outboxOf(page) {
  const text = await readFile(new URL(page, import.meta.url), "utf8");
  const [, code] = /```js\n(class Outbox \{.*?\n\}\n)/s.exec(text);
  const module = await import(`data:text/javascript,${encodeURIComponent(`export default ${code}`)}`);
  return module.default;
}
