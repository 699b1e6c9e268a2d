// The emitter in Go, and Node servers with the official adapters: what it has sent
// and done is what their clients have seen. SEED repeats a run.
import assert from "node:assert/strict";
import { once } from "node:events";
import { before, describe, test } from "node:test";
import { Emitter, Node, modes, startRedis, until } from "./lab.mjs";
import { args, bytes, names, random } from "./values.mjs";

const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
console.log(`SEED=${seed}`);


describe("Node servers obey the emitter", { concurrency: false }, () => {
  let redis;
  before(async () => (redis = await startRedis()));

  for (const [name, mode] of Object.entries(modes)) {
    test(`${name}: random operations`, async () => {
      const lab = await start(redis, mode);
      await operate(lab, random(seed), 500);
      await lab.stop();
    });
  }

  for (const [name, mode] of Object.entries(modes)) {
    // Among random operations any volatile event may be missing: here none may.
    test(`${name}: a volatile event comes, as one, to a client that waits for it`, async () => {
      const node = await Node.start(redis.socket, mode);
      const emitter = new Emitter(redis.socket, mode.form);
      const client = await node.client("/");
      const flags = [];
      const { client: connection } = node.io.of("/").sockets.get(client.id);
      const write = connection.writeToEngine;
      connection.writeToEngine = function ([packet], opts) {
        flags.push([JSON.parse(packet.slice(1))[0], opts.volatile === true]);
        return write.apply(this, arguments);
      };
      await until("the first event", async () => {
        await emitter.do({ do: "emit", event: "ready" });
        return client.got.length;
      });
      await emitter.do({ do: "emit", event: "end" });
      await until("all that came before", () => client.got.at(-1)[0] === "end");
      client.got.length = 0;
      for (let i = 0; i < 10; i++) {
        await until("a connection that has nothing to do", () => connection.conn.transport.writable);
        await emitter.do({ do: "emit", event: "volatile", args: [i], volatile: true });
        await until(`volatile event ${i}`, () => client.got.length > i);
      }
      assert.deepEqual(client.got, Array.from({ length: 10 }, (_, i) => ["volatile", i]));
      assert.deepEqual(new Set(flags.map(String)), new Set(["ready,false", "end,false", "volatile,true"]));
      await emitter.stop();
      node.stop();
    });
  }

  for (const name of ["classic", "sharded, dynamic", "streams"]) {
    test(`${name}: a socket is disconnected, or its whole connection`, async () => {
      const node = await Node.start(redis.socket, modes[name]);
      const emitter = new Emitter(redis.socket, modes[name].form);
      const pair = async () => {
        const client = await node.client("/");
        const other = client.socket.io.socket("/dyn-other"); // of the same connection
        await once(other, "connect");
        client.other = { got: [], socket: other };
        other.onAny((event) => client.other.got.push(event));
        other.on("disconnect", (reason) => (client.other.reason = reason));
        return client;
      };
      const [left, closed] = [await pair(), await pair()];
      await until("both hear", async () => {
        await emitter.do({ do: "emit", namespace: "/dyn-other", event: "ready" });
        await emitter.do({ do: "emit", event: "ready" });
        return [left, closed].every((c) => c.got.length && c.other.got.length);
      });
      await emitter.do({ do: "disconnect", rooms: [left.id] });
      await emitter.do({ do: "disconnect", rooms: [closed.id], close: true });
      await until("both are disconnected", () => left.reason && closed.reason && closed.other.reason);
      await emitter.do({ do: "emit", namespace: "/dyn-other", event: "still here" });
      await until("the other namespace hears", () => left.other.got.includes("still here"));
      assert.deepEqual([left.reason, left.other.reason, closed.reason, closed.other.reason], ["io server disconnect", undefined, "io server disconnect", "io server disconnect"]);
      await emitter.stop();
      node.stop();
    });
  }

  test("sharded: an event for one room goes to that room's channel", async () => {
    const mode = modes["sharded, dynamic"];
    const lab = await start(redis, { ...mode, form: "by-room" });
    const [one, , two] = lab.clients;
    await lab.emitter.do({ do: "join", rooms: [one.id], targets: ["r"] });
    const channel = "socket.io#/#r#";
    const count = async () => (await lab.nodes[0].redis[0].sendCommand(["PUBSUB", "SHARDNUMSUB", channel]))[1];
    await until("a subscription of the one server that has the room", async () => (await count()) === 1);
    await lab.emitter.do({ do: "emit", rooms: ["r"], event: "for the room" });
    await lab.emitter.do({ do: "emit", rooms: [two.id], event: "for a socket" });
    await until("both", () => one.got.length && two.got.length);
    assert.deepEqual(one.got, [["for the room"]]);
    assert.deepEqual(two.got, [["for a socket"]]);
    await lab.stop();
  });

  test("streams: a client that comes back finds what the emitter has sent", async () => {
    const node = await Node.start(redis.socket, modes.streams, { connectionStateRecovery: {} });
    const emitter = new Emitter(redis.socket, "streams");
    const client = await node.client("/", { reconnection: true, reconnectionDelay: 300, reconnectionDelayMax: 300 });
    await until("an event with an offset", async () => {
      await emitter.do({ do: "emit", event: "first" });
      return client.got.length;
    });
    const id = client.id;
    const back = new Promise((resolve) => client.socket.once("connect", resolve));
    client.socket.io.engine.close();
    await until("its session is kept", async () => (await node.redis[0].keys("sio:session:*")).length);
    await emitter.do({ do: "emit", event: "missed", args: ["é", bytes(Buffer.from("b"))] });
    await emitter.do({ do: "emit", rooms: [id], event: "missed, too" });
    await emitter.do({ do: "emit", rooms: ["another"], event: "not for it" });
    await back;
    const missed = () => client.got.filter(([event]) => event !== "first").map((e) => e.slice(0, -1)); // without the offset
    await until("what it has missed", () => missed().length >= 2);
    assert.equal(client.socket.recovered, true);
    assert.deepEqual(missed(), [["missed", "é", Buffer.from("b")], ["missed, too"]]);
    await emitter.stop();
    node.stop();
  });
});

/** start makes two nodes with clients of two namespaces, and waits until they hear. */
async function start(redis, mode) {
  const nodes = [await Node.start(redis.socket, mode), await Node.start(redis.socket, mode)];
  const emitter = new Emitter(redis.socket, mode.form);
  const clients = [];
  for (const namespace of ["/", "/dyn-日本"]) {
    for (let i = 0; i < 6; i++) clients.push(await nodes[i < 3 ? 0 : 1].client(namespace));
  }
  // clients of "/": two of each node first
  clients.sort((a, b) => Number(a.namespace !== "/") - Number(b.namespace !== "/"));
  const ordered = [clients[0], clients[1], clients[3], clients[4], clients[2], clients[5], ...clients.slice(6)];
  await until("everybody hears", async () => {
    for (const namespace of ["/", "/dyn-日本"]) {
      await emitter.do({ do: "emit", namespace, event: "ready" });
      await emitter.do({ do: "server", namespace, event: "server", args: ["ready"] });
    }
    return ordered.every((c) => c.got.length) && nodes.every((n) => new Set(n.serverSide.map(([nsp]) => nsp)).size === 2);
  });
  await mark({ clients: ordered, emitter, nodes }, "begin");
  for (const c of ordered) c.got.length = 0;
  for (const n of nodes) n.serverSide.length = 0;
  return {
    nodes, emitter, clients: ordered,
    async stop() {
      await emitter.stop();
      for (const n of nodes) n.stop();
    },
  };
}

/** mark waits until all that has been sent has arrived. */
async function mark({ clients, emitter, nodes }, event) {
  for (const namespace of ["/", "/dyn-日本"]) {
    await emitter.do({ do: "emit", namespace, event });
    await emitter.do({ do: "server", namespace, event: "server", args: [event] });
  }
  await until(`the event ${event}`, () =>
    clients.every((c) => c.gone || c.got.at(-1)?.[0] === event) && nodes.every((n) => n.serverSide.filter(([, e]) => e === event).length === 2));
}

/** operate does random operations, and keeps a model of what they must bring about. */
async function operate(lab, r, count) {
  const { clients, emitter, nodes } = lab;
  const want = new Map(clients.map((c) => [c, []]));
  const wantServer = [];
  const log = [];
  for (let i = 0; i < count; i++) {
    const namespace = r.one(["/", "/", "/dyn-日本"]);
    const here = clients.filter((c) => c.namespace === namespace && !c.gone);
    const pool = [...names, ...here.map((c) => c.id)];
    const rooms = r.below(4) === 0 ? undefined : r.some(pool, 3);
    const except = r.below(3) === 0 ? r.some(pool, 2) : [];
    const means = here.filter((c) => (rooms === undefined || rooms.some((x) => c.rooms.has(x))) && !except.some((x) => c.rooms.has(x)));
    const order = { namespace, rooms, except };
    const dice = r.below(100);
    if (dice < 55) {
      const a = args(r);
      Object.assign(order, { do: "emit", event: r.one(["event", "日本", "message", "e v"]), args: [i, ...a.sent] });
      order.volatile = r.below(8) === 0;
      if (r.below(4) === 0) order.compress = r.below(2) === 0;
      for (const c of means) want.get(c).push({ event: [order.event, i, ...a.got], optional: order.volatile });
    } else if (dice < 75) {
      Object.assign(order, { do: "join", targets: r.some(names, 3) });
      for (const c of means) order.targets.forEach((x) => c.rooms.add(x));
    } else if (dice < 90) {
      Object.assign(order, { do: "leave", targets: r.some(names, 2) });
      for (const c of means) order.targets.forEach((x) => c.rooms.delete(x));
    } else if (dice < 97) {
      const a = args(r);
      Object.assign(order, { do: "server", event: "server", args: [i, ...a.sent] });
      wantServer.push([namespace, i, ...a.got]);
    } else if (here.length > 3) {
      const victim = r.one(here);
      Object.assign(order, { do: "disconnect", rooms: [victim.id], except: [], close: r.below(2) === 0 });
      victim.gone = "io server disconnect"; // so it is called with the whole connection, too
    } else continue;
    log.push(order);
    emitter.send(order);
  }
  for (let i = 0; i < log.length; i++) await emitter.done();
  await mark(lab, "end");
  await until("all that are disconnected", () => clients.every((c) => !c.gone || c.reason));
  try {
    for (const [c, events] of want) {
      if (c.gone) assert.equal(c.reason, c.gone);
      else assert.deepEqual(c.got.pop(), ["end"]);
      const got = [...c.got];
      for (const { event, optional } of events) {
        if (optional && got[0]?.[1] !== event[1]) continue;
        assert.deepEqual(got.shift(), event);
      }
      assert.deepEqual(got, []);
    }
    for (const n of nodes) {
      for (const namespace of ["/", "/dyn-日本"]) {
        const mine = (list) => list.filter(([nsp, event]) => nsp === namespace && event !== "end");
        assert.deepEqual(mine(n.serverSide), mine(wantServer));
      }
    }
    // the servers' own view
    for (const namespace of ["/", "/dyn-日本"]) {
      const sockets = nodes.flatMap((n) => [...n.io.of(namespace).sockets.values()]);
      const alive = clients.filter((c) => c.namespace === namespace && !c.gone);
      assert.deepEqual(
        Object.fromEntries(sockets.map((s) => [s.id, [...s.rooms].sort()]).sort()),
        Object.fromEntries(alive.map((c) => [c.id, [...c.rooms].sort()]).sort()),
      );
    }
  } catch (error) {
    console.error(`SEED=${seed}, after ${log.length} operations`);
    throw error;
  }
}
