// Servers are killed, or stopped, at the worst moment: what clients and the other servers
// see of it, in each mode. The servers of Node have the official adapters. STOP is for how
// many seconds a server is stopped: 12 are longer than each time after which a server of
// this module gives a connection up (5 s for an answer, 10 s between probes), and less
// than the 45 s after which a client does. SEED repeats a run.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { GoServer, Node, NodeProcess, modes, startRedis, until } from "./lab.mjs";
import { random } from "./values.mjs";

const stopped = Number(process.env.STOP ?? 12) * 1000;
const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
console.log(`SEED=${seed} (faults)`);

const families = {
  "by room": { go: "room", mode: "classic" },
  "by pattern": { go: "pattern", mode: "classic" },
  "sharded, dynamic": { go: "sharded-dynamic", mode: "sharded, dynamic" },
  "sharded, dynamic-private": { go: "sharded-dynamic-private", mode: "sharded, dynamic-private" },
  "sharded, static": { go: "sharded-static", mode: "sharded, static" },
  streams: { go: "streams", mode: "streams" },
};

/** halt stops a server's process, and returns when the kernel has done so. */
async function halt({ child }) {
  child.kill("SIGSTOP");
  await until("the process is stopped", () => / T /.test(readFileSync(`/proc/${child.pid}/stat`, "utf8").replace(/\(.*\)/, "")));
}

describe("servers that end or stop", { concurrency: 6 }, () => {
  for (const [family, { go, mode }] of Object.entries(families)) describe(family, { concurrency: false }, () => {
    const r = random(seed);
    let redis, asker, node, near, far;
    const newGo = () => GoServer.start(redis.socket, go, { RECOVERY: "1" });
    const victims = { Go: newGo, Node: () => NodeProcess.start(redis.socket, mode) };
    before(async () => {
      redis = await startRedis();
      asker = await newGo();
      node = await Node.start(redis.socket, modes[mode], { connectionStateRecovery: {} });
      near = await asker.client("/");
      far = await node.client("/");
      await connected(near, far);
    });
    after(async () => {
      await asker.stop();
      node.stop();
    });

    let last = 0;
    const emit = (server, event, ...args) => (server === node ? node.io.emit(event, ...args) : server.do({ do: "emit", event, args }));

    /** connected waits until clients hear what the servers in Go and Node say: from then on they lose nothing. */
    async function connected(...clients) {
      for (const from of [asker, node]) {
        const name = `hello ${++last}`;
        await until("all hear all", async () => {
          await emit(from, name);
          return clients.every((c) => c.got.some((e) => e[0] === name));
        });
      }
      for (const c of clients) c.got.length = 0;
    }
    const sorted = (...clients) => clients.map((c) => c.id).sort();

    for (const [kind, start] of Object.entries(victims)) {
      // In classic form a Node server has no name: beside another one nobody can tell
      // whose answer is missing, and it is waited for until the deadline.
      const nameless = kind === "Node" && mode === "classic";
      const deadline = nameless ? 4000 : 20_000;
      const soon = 10_000; // two seconds, or the deadline, and what a busy machine takes

      test(`a server in ${kind} is killed in the middle of a fetch`, async () => {
        const victim = await start();
        const c = await victim.client("/");
        await connected(c, near, far);
        await halt(victim);
        const answer = asker.ask({ do: "fetch", expect: deadline });
        await pause(300);
        const killed = Date.now();
        victim.kill();
        const { result, error } = await answer;
        if (nameless) assert.match(error, /1 of 2 have answered/);
        else assert.equal(error, undefined);
        assert.deepEqual(sorted(...result), sorted(near, far));
        assert.ok(Date.now() - killed < soon, `it took ${Date.now() - killed} ms`);
        await connected(near, far);
      });

      test(`a server in ${kind} is killed in the middle of a broadcast with acknowledgements`, async () => {
        const victim = await start();
        const c = await victim.client("/");
        await connected(c, near, far);
        c.silent = true;
        let asked = 0;
        c.socket.on("quiet", () => asked++);
        const answer = asker.ask({ do: "call", event: "quiet", args: [], expect: deadline });
        const nodes = node.io.timeout(4000).emitWithAck("quiet").catch((error) => error.responses); // at its deadline, most often
        await until("both have asked", () => asked === 2);
        const killed = Date.now();
        victim.kill();
        const { result, error } = await answer;
        if (!nameless) assert.equal(error, undefined);
        assert.deepEqual(result.sort(), sorted(near, far));
        assert.ok(Date.now() - killed < soon, `it took ${Date.now() - killed} ms`);
        assert.deepEqual((await nodes).sort(), sorted(near, far));
        await connected(near, far);
      });

      test(`a server in ${kind} is killed in the middle of a recovery`, async () => {
        for (let round = 0; round < 3; round++) {
          const victim = await start();
          const c = await victim.client("/");
          await connected(c);
          const from = last + 1;
          const say = async () => {
            for (const server of [asker, node]) {
              await emit(server, "n", ++last);
              // What two servers say at the same time is in no order.
              await until(`${last} is there`, () => [near, far].every((w) => w.got.some((e) => e[1] === last)));
            }
          };
          await say();
          await until("they came", () => c.got.some((e) => e[1] === last));
          c.socket.io.engine.transport.ws.terminate();
          await until("it is gone", () => c.socket.io._readyState === "closed");
          await pause(50); // so that its server knows
          await say();
          const id = c.id;
          c.socket.connect(); // to the same server
          await pause(r.below(40));
          victim.kill();
          await until("it is cut off again", () => c.socket.io._readyState === "closed");
          await say();
          c.socket.io.uri = `http://127.0.0.1:${asker.port}`;
          const back = once(c.socket, "connect");
          c.socket.connect();
          await back;
          if (family !== "streams") assert.equal(c.socket.recovered, false, "only its own server can recover it");
          assert.equal(c.socket.recovered, c.socket.id === id);
          await say();
          await until("it hears again", () => c.got.some((e) => e[1] === last));
          const got = c.got.filter((e) => e[0] === "n").map((e) => e[1]);
          for (let i = 1; i < got.length; i++) assert.ok(got[i] > got[i - 1], `once and in order: ${got}`);
          if (c.socket.recovered) assert.deepEqual(got, Array.from({ length: last - from + 1 }, (_, i) => from + i));
          c.socket.io.engine.close();
        }
      });
    }

    test(`a server in Go and one in Node are stopped for ${stopped / 1000} seconds`, { timeout: stopped + 60_000 }, async () => {
      const stops = [await newGo(), await victims.Node()];
      const clients = [await stops[0].client("/"), await stops[1].client("/")];
      await connected(...clients, near, far);
      const sent = { go: [], node: [] };
      let on = true;
      const traffic = Object.entries({ go: asker, node }).map(async ([name, server]) => {
        for (let i = 0; on; i++) {
          sent[name].push(i);
          await emit(server, name, i);
          await pause(5);
        }
      });
      const numbers = (client, name) => client.got.filter((e) => e[0] === name).map((e) => e[1]);
      await pause(200);
      for (const server of stops) await halt(server);
      const begin = Date.now();
      const { result, error } = await asker.ask({ do: "fetch", expect: 2000 });
      assert.deepEqual(sorted(...result), sorted(near, far), "those who answer are there at the deadline");
      assert.match(error, /answered/);
      assert.ok(Date.now() - begin < Math.max(4000, stopped - 2000), "at the deadline");
      await pause(stopped - (Date.now() - begin));
      for (const server of stops) server.child.kill("SIGCONT");
      for (const name of Object.keys(sent)) {
        const now = sent[name].length;
        for (const c of clients) await until(`what ${name} says comes again`, () => numbers(c, name).some((n) => n > now));
      }
      on = false;
      await Promise.all(traffic);
      for (const name of Object.keys(sent)) {
        for (const client of [near, far, ...clients]) await until(`the last of ${name}`, () => numbers(client, name).includes(sent[name].at(-1)));
        for (const client of [near, far]) assert.deepEqual(numbers(client, name), sent[name], "the others' clients notice nothing");
        const got = numbers(clients[0], name);
        for (let i = 1; i < got.length; i++) assert.ok(got[i] > got[i - 1], "once and in order");
        if (stops[0].gaps.length === 0) assert.deepEqual(got, sent[name], "all, or a gap is reported");
      }
      console.log(`${family}: stopped for ${stopped / 1000} s, of ${sent.go.length + sent.node.length} events`, sent.go.length + sent.node.length - numbers(clients[0], "go").length - numbers(clients[0], "node").length, "are lost; gaps:", stops[0].gaps);
      for (const c of clients) assert.equal(c.reason, undefined, "no server has lost its client");
      assert.deepEqual(asker.gaps, []);
      await until("they answer again", async () => {
        const { result, error } = await asker.ask({ do: "fetch" });
        return error === undefined && result.length === 4;
      });
      for (const server of stops) server.kill();
    });
  });
});
