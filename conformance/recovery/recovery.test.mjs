// Connection state recovery under random cuts: whenever a client is told that
// it is recovered, nothing was lost, came twice or out of order.
import assert from "node:assert/strict";
import { test } from "node:test";
import { loadClient } from "../client/lab.mjs";
import { startProxy } from "../client/proxy.mjs";
import { startServer } from "./server.mjs";

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const random = (n) => Math.floor(Math.random() * n);
const TRANSPORTS = [["websocket"], ["polling"], ["polling", "websocket"]];

/** Breaks connections after a random number of bytes, in one of several ways. */
class Saboteur {
  constructor(counts) {
    this.counts = counts;
    this.active = true;
    this.arm();
  }

  arm() {
    this.left = random(random(3) ? 4000 : 600); // bytes until the next cut; the few ones hit handshakes
    this.up = random(4) === 0;
  }

  hooks() {
    const see = (up) => (chunk, pair) => {
      if (!this.active || pair.frozen) return true;
      if (up !== this.up || (this.left -= chunk.length) > 0) return true;
      const to = up ? pair.upstream : pair.client;
      to.write(chunk.subarray(0, random(chunk.length + 1)));
      this.strike(pair);
      return false;
    };
    return { up: see(true), down: see(false) };
  }

  strike(pair) {
    this.arm();
    this.counts.cuts++;
    switch (random(4)) {
      case 0: // the client notices, the server does not
        this.counts.halfOpen++;
        pair.frozen = true;
        pair.client.destroy();
        break;
      case 1: // the other way round
        pair.frozen = true;
        pair.upstream.destroy();
        sleep(random(100)).then(() => pair.client.destroy());
        break;
      default: // the rest of what is on its way may still arrive
        setImmediate(() => pair.cut());
    }
  }
}

/** Checks what a session must be, from its first connect on. */
class Checker {
  constructor(fail) {
    this.fail = fail;
    this.fresh();
  }

  fresh() {
    this.n = 0;
    this.rooms = new Map();
  }

  direct(n, data) {
    if (n !== ++this.n) this.fail(`direct event ${n}, want ${this.n}`);
    if (typeof data !== "string" && Buffer.from(data).toString() !== "binary") this.fail("binary data is " + data);
  }

  room(room, k) {
    const want = this.rooms.get(room);
    if (k !== want) this.fail(`event ${k} of ${room}, want ${want}`);
    this.rooms.set(room, k + 1);
  }

  join(room, k) {
    if (this.rooms.has(room)) this.fail(`in ${room} twice`);
    this.rooms.set(room, k + 1);
  }

  leave(room, k) {
    if (this.rooms.get(room) !== k + 1) this.fail(`left ${room} at ${k}, want ${this.rooms.get(room) - 1}`);
    this.rooms.delete(room);
  }
}

async function play(io, port, i, counts, failures, end) {
  const saboteur = new Saboteur(counts);
  const proxy = await startProxy(port, saboteur.hooks());
  const transports = TRANSPORTS[i % TRANSPORTS.length];
  const fail = (text) => failures.push(`client ${i} (${transports}): ${text}`);
  const checker = new Checker(fail);
  const socket = io(proxy.url, {
    forceNew: true,
    transports,
    auth: { name: `client-${process.pid}-${counts.kind}-${i}` },
    reconnectionDelay: 5,
    reconnectionDelayMax: 30,
    timeout: 5000,
  });
  let before; // the id of the session that was lost
  let last = { greeting: 0 };
  socket.on("connect", () => {
    if (before !== undefined) counts[socket.recovered ? "recovered" : "fresh"]++;
    else if (socket.recovered) fail("recovered what was not lost");
    if (socket.recovered && socket.id !== before) fail("recovered with another id");
    if (!socket.recovered) checker.fresh();
    before = undefined;
    last.id = socket.id;
  });
  socket.on("disconnect", (reason) => {
    if (reason !== "io server disconnect") {
      before = last.id;
      return;
    }
    counts.left++;
    socket.connect();
  });
  for (const event of ["direct", "room", "join", "leave"]) socket.on(event, (...args) => checker[event](...args));
  socket.on("question", (text, ack) => ack("answer"));
  while (!end()) {
    await sleep(50 + random(500));
    if (random(100) === 0) socket.emit("again");
  }
  saboteur.active = false;
  const finished = new Promise((resolve) => socket.on("end", resolve));
  let answered = false;
  while (!answered) {
    try {
      const total = await socket.timeout(3000).emitWithAck("finish");
      answered = true;
      assert.equal(await finished, total);
      assert.equal(checker.n, total, `client ${i}: direct events`);
      assert.deepEqual([...checker.rooms.keys()], [], `client ${i}: rooms that were not left`);
    } catch (err) {
      if (answered || failures.length) throw err; // otherwise a last cut
    }
  }
  socket.disconnect();
  await proxy.stop();
}

// The ends of the test: enough sessions lost, or the time is over. Of a slow machine less
// is asked, and it may take three times as long for that.
// CUTS=10000 has the official client lose so many.
const cuts = Number(process.env.CUTS ?? 0);
for (const [kind, clients, enough, least, seconds] of [
  cuts ? ["official", 36, cuts, cuts, 1100] : ["official", 36, 1000, 1000, 30],
  ["ours", 12, 200, 200, 10],
]) {
  test(`${kind} client under random cuts`, { timeout: 150_000 + 3 * seconds * 1000 }, async () => {
    const { io } = await loadClient(kind);
    const counts = { kind, clients, cuts: 0, halfOpen: 0, recovered: 0, fresh: 0, left: 0 };
    const failures = [];
    const server = await startServer();
    const begin = Date.now();
    const lost = () => counts.recovered + counts.fresh;
    const little = () => counts.cuts < least || lost() < least / 5;
    const end = () => failures.length || lost() >= enough || Date.now() - begin > seconds * 1000 * (little() ? 3 : 1);
    try {
      await Promise.all(Array.from({ length: clients }, (_, i) => play(io, server.port, i, counts, failures, end)));
    } finally {
      console.log(JSON.stringify({ ...counts, seconds: (Date.now() - begin) / 1000 }));
      const code = await server.stop();
      assert.equal(code, 0, "the server's exit code; 66 is a data race");
      assert.deepEqual(failures, []);
    }
    assert.ok(counts.cuts >= least, `only ${counts.cuts} cuts in time`);
    assert.ok(lost() >= least / 5, `only ${lost()} sessions were lost in time`);
    assert.ok(counts.recovered >= 0.9 * lost(), `only ${counts.recovered} of ${lost()} sessions were recovered`);
  });
}
