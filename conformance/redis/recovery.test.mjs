// Clients that lose their connection to a server in Go or Node, and come back to one of
// the other kind, by Redis streams. SEED repeats a run.
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { Emitter, GoServer, Node, modes, startRedis, until } from "./lab.mjs";
import { random } from "./values.mjs";

const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
console.log(`SEED=${seed} (recovery)`);

const namespaces = ["/", "/dyn-日本"];
const isGo = (node) => node instanceof GoServer;

describe("clients come back to another server", { concurrency: false }, () => {
  let redis, nodes, emitter;
  const r = random(seed);
  const witness = {}; // by namespace, a client that stays
  before(async () => {
    redis = await startRedis();
    const node = () => Node.start(redis.socket, modes.streams, { connectionStateRecovery: {} });
    const go = () => GoServer.start(redis.socket, "streams");
    nodes = [await node(), await go(), await node(), await go()];
    emitter = new Emitter(redis.socket, modes.streams.form);
    // A Node server does not get what is in the stream before its first XREAD.
    const first = [];
    for (const namespace of namespaces) {
      for (const n of nodes) first.push(await n.client(namespace));
      witness[namespace] = first.at(-1);
    }
    await until("all follow the stream", async () => {
      for (const namespace of namespaces) await emitter.do({ do: "emit", namespace, except: [], event: "first", args: [] });
      return first.every((c) => c.got.length > 0);
    });
  });
  after(async () => {
    await emitter.stop();
    for (const node of nodes) await node.stop();
  });

  let last = 0;
  const by = (node) => (isGo(node) || node === emitter ? (order) => node.do(order) : (order) => {
    const nsp = node.io.of(order.namespace);
    const to = (order.rooms ? nsp.to(order.rooms) : nsp).except(order.except);
    if (order.do === "join") return to.socketsJoin(order.targets);
    to.emit(order.event, ...order.args.map((a) => (a?.$bytes ? Buffer.from(a.$bytes, "base64") : a)));
  });

  /** say has a server say something, and notes who is meant. */
  async function say(node, namespace, clients) {
    const order = { do: "emit", namespace, event: "event", except: r.below(3) === 0 ? [r.one(["a", "b", "nobody"])] : [], args: [++last] };
    if (r.below(3) > 0) order.rooms = [r.one(["a", "b", "c", r.one(clients).id]), r.one(["a", "c", "nobody"])];
    if (r.below(4) === 0) order.args.push({ $bytes: "AAEC" });
    for (const c of clients) {
      const is = (room) => c.rooms.has(room);
      if (c.namespace === namespace && (!order.rooms || order.rooms.some(is)) && !order.except.some(is)) c.want.push(order.args);
    }
    await by(node)(order);
  }

  /** arrived waits until a client has got all that is meant for it, and checks it. */
  async function arrived(c) {
    await until(`event ${c.want.at(-1)?.[0]} at ${c.id}`, () => c.want.length === 0 || c.got.some((e) => e[1] === c.want.at(-1)[0]));
    check(c);
  }
  function check(c) {
    const got = c.got.splice(0).filter(([name]) => name === "event").map((e) => {
      assert.match(e.at(-1), /^\d+-\d+$/);
      return e.slice(1, -1);
    });
    assert.deepEqual(got, c.want.splice(0).map((args) => args.map((a) => (a?.$bytes ? Buffer.from(a.$bytes, "base64") : a))));
  }

  async function newClient(node, namespace, rooms) {
    const c = await node.client(namespace);
    Object.assign(c, { want: [], rooms: new Set([c.id, ...rooms]) });
    for (const room of rooms) await by(nodes[1])({ do: "join", namespace, rooms: [c.id], except: [], targets: [room] });
    await until("it is in its rooms", async () => (await node.view(namespace))[c.id].length === c.rooms.size);
    return c;
  }
  const knows = async (node, c) => (await node.view(c.namespace))[c.id] !== undefined;

  /** lose ends the connection of a client, without a word. */
  async function lose(c) {
    const gone = once(c.socket, "disconnect");
    c.socket.io.engine.transport.ws.terminate();
    await gone;
    await until("its server has noticed", async () => !(await knows(c.node, c)));
  }

  /** comeBack connects a client to another server. */
  async function comeBack(c, node) {
    c.socket.io.uri = `http://127.0.0.1:${isGo(node) ? node.port : node.http.address().port}`;
    c.node = node;
    const back = once(c.socket, "connect");
    c.socket.connect();
    await back;
  }

  /** isSame checks that a client is what it was. */
  async function isSame(c) {
    assert.equal(c.socket.recovered, true, `recovered by ${isGo(c.node) ? "Go" : "Node"}`);
    assert.equal(c.socket.id, c.id);
    assert.deepEqual((await c.node.view(c.namespace))[c.id].sort(), [...c.rooms].sort());
    const [info] = isGo(c.node)
      ? await c.node.do({ do: "fetch", namespace: c.namespace, rooms: [c.id] })
      : (await c.node.io.of(c.namespace).in(c.id).fetchSockets()).map((s) => ({ profile: s.data.profile?.id }));
    assert.equal(info.profile, c.id);
  }

  test("one that was away gets what it has missed, once and in order", async () => {
    const clients = [];
    for (const namespace of namespaces) {
      for (const node of nodes) clients.push(await newClient(node, namespace, r.one([[], ["a"], ["a", "b"], ["c"]])));
    }
    for (let round = 0; round < 12; round++) {
      const namespace = r.one(namespaces);
      const here = clients.filter((c) => c.namespace === namespace);
      // The last one is for all: who has got no event yet is not recovered by Node.
      for (const origin of [r.one(nodes), emitter]) {
        for (let i = r.below(5); i > 0; i--) await say(origin, namespace, here);
        const args = [++last];
        for (const c of here) c.want.push(args);
        await by(origin)({ do: "emit", namespace, event: "event", except: [], args });
        for (const c of here) await arrived(c);
      }
      const away = here.filter(() => r.below(2) === 0);
      for (const c of away) await lose(c);
      for (const origin of [...nodes, emitter]) {
        for (let i = r.below(6); i > 0; i--) await say(origin, namespace, here);
        // These are for those who are there.
        if (isGo(origin)) await origin.do({ do: "call", namespace, event: "ask", args: [], except: [] });
        else if (origin !== emitter) await origin.io.of(namespace).timeout(20_000).emitWithAck("ask");
        for (const c of here.filter((c) => !away.includes(c))) await arrived(c);
        // Who is away is to get what one says behind what the one before has said.
        const name = `mark ${++last}`;
        await by(origin)({ do: "emit", namespace, event: name, except: [], args: [] });
        const [watch] = here.filter((c) => !away.includes(c)).concat(witness[namespace]);
        await until(name, () => watch.got.some((e) => e[0] === name));
      }
      for (const c of away) await comeBack(c, r.one(nodes.filter((n) => isGo(n) !== isGo(c.node))));
      for (const c of away) {
        await arrived(c);
        await isSame(c);
      }
    }
  });

  // A client of a Node server gets what that server sends, and what it reads, each in its
  // order; its offset is the last one that came. A Node server that a client comes to
  // loses and doubles some of what is sent at that moment. See docs/recovery.md.
  for (const from of ["Go", "Node"]) test(`under traffic, a server in Go goes on behind the offset of a client that comes from one in ${from}`, async () => {
    for (let round = 0; round < 4; round++) {
      const c = await newClient(from === "Go" ? nodes[1] : nodes[0], "/", [`traffic ${from} ${round}`]);
      const rooms = [[...c.rooms].at(-1)];
      let on = true;
      const traffic = nodes.map(async (node) => {
        while (on) {
          await by(node)({ do: "emit", namespace: "/", event: "event", rooms, except: [], args: [rooms[0]] });
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
      });
      const offsets = () => c.got.map((event) => event.at(-1));
      await until("some have come", () => c.got.length > 20);
      await lose(c);
      if (from === "Node") c.got = c.got.filter((event) => event.at(-1) === c.socket._lastOffset);
      const [start, came] = [offsets()[0], c.got.length];
      await comeBack(c, nodes[3]);
      assert.equal(c.socket.recovered, true);
      await until("more have come", () => c.got.length > came + 20);
      on = false;
      await Promise.all(traffic);
      await nodes[0].redis[0].ping(); // what Node has sent is in the stream
      const entries = await nodes[0].redis[0].xRange("socket.io", start, "+");
      const want = entries.filter(({ message }) => message.data?.includes(rooms[0])).map(({ id }) => id);
      await until("all have come", () => offsets().includes(want.at(-1)));
      assert.deepEqual(offsets().slice(0, want.length), want); // a server in Go may send one that is not there yet
      c.socket.io.engine.close();
    }
  });
});
