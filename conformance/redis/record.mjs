// Records the messages of the official adapters and emitters, on a Redis that only
// takes notes:
//
//	node conformance/redis/record.mjs >internal/clusterwire/testdata/official.jsonl
//
// Each line has the form, the bytes in hex (of entries their fields), and what
// they mean: events as socket.io-parser writes them for clients, so that nothing
// of the expectation is ours.
import crypto from "node:crypto";
import { createRequire } from "node:module";
import { setTimeout as pause } from "node:timers/promises";

// The same ids in every recording.
let count = 0;
crypto.randomBytes = (n) => Buffer.alloc(n, ++count);

const require = createRequire(import.meta.url);
const { Server } = require("socket.io");
const { createAdapter, createShardedAdapter } = require("@socket.io/redis-adapter");
const { createAdapter: createStreamsAdapter } = require("@socket.io/redis-streams-adapter");
const { Emitter } = require("@socket.io/redis-emitter");
const { ClusterAdapterWithHeartbeat } = require("socket.io-adapter");
const { Encoder } = require("socket.io-parser");

/** A client of Redis, as package redis has it, that takes notes. */
class Notes {
  sent = [];
  listeners = [];
  note(channel, payload) {
    this.sent.push({ channel, payload: Buffer.isBuffer(payload) ? payload : typeof payload === "string" ? Buffer.from(payload) : payload });
    return Promise.resolve("1-1");
  }
  publish = (channel, payload) => this.note(channel, payload);
  sPublish = (channel, payload) => this.note(channel, payload);
  xAdd = (stream, id, fields) => this.note(stream, fields);
  set = (key, value) => this.note(key, value);
  hear = (channels, f) => {
    this.listeners.push({ channels: [channels].flat(), f });
    return Promise.resolve();
  };
  subscribe = this.hear;
  pSubscribe = this.hear;
  sSubscribe = this.hear;
  sUnsubscribe = () => Promise.resolve();
  sendCommand = () => Promise.resolve(["", "3"]); // NUMSUB: two others
  xRead = () => new Promise(() => {});
  duplicate = () => this;
  connect = () => Promise.resolve();
  on() {}
  off() {}
  listenerCount = () => 2;
  /** tell has a server get what another one has published. */
  tell(channel, payload) {
    for (const l of this.listeners) {
      if (l.channels.includes(channel)) l.f(payload, channel);
    }
  }
}

/** text is an event or an answer as clients get it: JSON, and attachments. */
function text(type, data) {
  const [head, ...binary] = new Encoder().encode({ type, data, nsp: "/" });
  return { data: head.replace(/^\d+(-)?/, ""), attachments: binary.map((b) => Buffer.from(b).toString("hex")) };
}
const event = (...args) => text(2, args);
// The value of an answer; undefined and null are the same.
const answer = (value) => text(3, [value === undefined ? null : value]);

const lines = [];
function line(name, form, sent, want) {
  const { channel, payload } = sent;
  const wire = Buffer.isBuffer(payload) ? { hex: payload.toString("hex") } : { fields: payload };
  const w = { ...want };
  if (w.data === undefined) delete w.data;
  lines.push(JSON.stringify({ name, form, channel, ...wire, want: w }));
}

const date = new Date(Date.UTC(2026, 10, 29, 22, 53, 33, 250));
const wholeSecond = new Date(Date.UTC(1969, 11, 31, 23, 59, 59));
const args = {
  nothing: [],
  plain: ["hello world"],
  unicode: ["žluťoučký 日本 👍 \u0000 \" \\ \n é"],
  // Integers over 64 bits are others when notepack.io has written them.
  numbers: [0, -0, 1, -1, 127, 128, -32, -33, 255, 256, 65535, 65536, 2 ** 31, 2 ** 32, 2 ** 53 - 1, -(2 ** 53 - 1), 1.5, -2.25, 0.1, 5e-324, 1e-7, NaN, Infinity],
  words: [true, false, null, undefined],
  nested: [{ a: [{ b: { c: [1, [2, [3, []]], {}] } }], "": "", "a b": null }],
  undefinedMember: [{ gone: undefined, there: 1 }],
  dates: [date, { at: date }, new Date(0), wholeSecond],
  long: ["x".repeat(300), Array.from({ length: 20 }, (_, i) => i), Object.fromEntries(Array.from({ length: 17 }, (_, i) => ["k" + i, i]))],
  lookalike: [{ _placeholder: true, num: 0 }],
};
const binary = {
  bytes: [Buffer.from([0, 1, 2, 255]), { in: [Buffer.alloc(0), new Uint8Array([7, 8])] }, "text"],
  manyBytes: [Buffer.alloc(300, 9), Buffer.alloc(256, 3)],
  bytesAndDates: [{ at: date, b: Buffer.from("x") }],
};
const all = { ...args, ...binary };

const targets = {
  everybody: { go: (b) => b, want: {} },
  aRoom: { go: (b) => b.to("room"), want: { rooms: ["room"] } },
  rooms: { go: (b) => b.to(["a", "b"]).to("日本").except(["c", "d#"]), want: { rooms: ["a", "b", "日本"], except: ["c", "d#"] } },
  numbers: { go: (b) => b.to(7).to(-1).to(1.5).except(0), want: { rooms: ["7", "-1", "1.5"], except: ["0"] } },
  flags: { go: (b) => b.volatile.compress(false), want: { volatile: true, noCompress: true } },
  compressed: { go: (b) => b.compress(true), want: {} },
};

/** sending is what servers and emitters send. forms: of broadcasts, requests, calls. */
async function sending(notes, of, forms, uid, kind) {
  const take = async () => {
    await pause(0);
    const sent = notes.sent.splice(0);
    if (sent.length !== 1) throw new Error(`${kind}: ${sent.length} messages`);
    return sent[0];
  };
  const want = (w, nsp = "/") => ({ uid, nsp, ...w });
  const moved = (w) => (kind === "classic emitter" ? { ...w, uid: "" } : w);
  const io = of("/");
  for (const [name, list] of Object.entries(all)) {
    io.emit("event", ...list);
    line(`${kind} ${name}`, forms.broadcast, await take(), want({ type: "broadcast", ...event("event", ...list) }));
  }
  for (const [name, t] of Object.entries(targets)) {
    t.go(io).emit(name, 1);
    line(`${kind} to ${name}`, forms.broadcast, await take(), want({ type: "broadcast", ...t.want, ...event(name, 1) }));
  }
  const far = of("/dynamic-日本");
  far.to("room").emit("far");
  line(`${kind} namespace`, forms.broadcast, await take(), want({ type: "broadcast", rooms: ["room"], ...event("far") }, "/dynamic-日本"));
  far.socketsJoin("r");
  line(`${kind} join in a namespace`, forms.request, await take(), moved(want({ type: "join", join: ["r"] }, "/dynamic-日本")));
  const { rooms, numbers } = targets;
  rooms.go(io).socketsJoin(["x", "y"]);
  line(`${kind} join`, forms.request, await take(), moved(want({ type: "join", ...rooms.want, join: ["x", "y"] })));
  numbers.go(io).socketsLeave([3, "z"]);
  line(`${kind} leave`, forms.request, await take(), moved(want({ type: "leave", ...numbers.want, join: ["3", "z"] })));
  io.disconnectSockets();
  line(`${kind} disconnect`, forms.request, await take(), moved(want({ type: "disconnect" })));
  rooms.go(io).disconnectSockets(true);
  line(`${kind} close`, forms.request, await take(), moved(want({ type: "disconnect", ...rooms.want, close: true })));
  for (const [name, list] of Object.entries(forms.serverSideBinary ? all : args)) {
    io.serverSideEmit("event", ...list);
    // @msgpack/msgpack writes null for members that are undefined.
    const meant = name === "undefinedMember" && forms.broadcast === "entry" ? [{ gone: null, there: 1 }] : list;
    line(`${kind} server-side ${name}`, forms.call, await take(), want({ type: "serverSide", ...event("event", ...meant) }));
  }
}

const sockets = (binary) => [
  { id: "A".repeat(20), handshake: { headers: { host: "h" }, auth: {}, time: "now" }, rooms: new Set(["A".repeat(20), "r", 5]), data: { a: 1, ...binary } },
  { id: "B".repeat(20), handshake: {}, rooms: new Set(), data: {} },
];
const socketsWant = (binary) => [
  { id: "A".repeat(20), handshake: { headers: { host: "h" }, auth: {}, time: "now" }, rooms: ["A".repeat(20), "r", "5"], data: { a: 1, ...binary } },
  { id: "B".repeat(20), handshake: {}, rooms: [], data: {} },
];

/** asking is what servers ask each other, and how they answer. */
async function asking(io, notes, forms, kind) {
  const adapter = io.of("/").adapter;
  const uid = adapter.uid;
  const takeAll = async () => {
    for (let i = 0; i < 20; i++) await pause(0);
    return notes.sent.splice(0);
  };
  const want = (w) => (forms.classic ? w : { uid, nsp: "/", ...w });
  const id = (sent) => (sent.payload[0] === 0x7b ? JSON.parse(sent.payload) : forms.decode(sent.payload));
  const requestId = (m) => m.requestId ?? m.data.requestId;

  // A fetch, and what a server with sockets answers.
  adapter.fetchSockets({ rooms: new Set(["a"]), except: new Set([7]), flags: {} }).catch(() => {});
  const [fetch] = await takeAll();
  const fetchID = requestId(id(fetch));
  line(`${kind} fetch`, forms.call, fetch, { uid, nsp: forms.classic ? undefined : "/", type: "fetch", requestId: fetchID, rooms: ["a"], except: ["7"] });

  io.of("/").timeout(60_000).to("a").volatile.emit("call", 1, () => {});
  const [call] = await takeAll();
  const callID = requestId(id(call));
  line(`${kind} call`, forms.call, call, { uid, nsp: "/", type: "broadcast", requestId: callID, rooms: ["a"], volatile: true, timeout: 60_000, ...event("call", 1) });
  io.of("/").timeout(60_000).emit("call", Buffer.from([1]), () => {});
  const [binaryCall] = await takeAll();
  line(`${kind} call with bytes`, forms.call, binaryCall, {
    uid, nsp: "/", type: "broadcast", requestId: requestId(id(binaryCall)), timeout: 60_000, ...event("call", Buffer.from([1])),
  });
  io.of("/").serverSideEmit("ask", 1, () => {});
  const [ask] = await takeAll();
  const askID = requestId(id(ask));
  line(`${kind} ask`, forms.call, ask, { uid, nsp: forms.classic ? undefined : "/", type: "serverSide", requestId: askID, ...event("ask", 1) });

  // Another server of the same kind answers.
  const other = forms.server();
  await pause(10); // that of streams subscribes later
  const there = other.io.of("/").adapter;
  const proto = Object.getPrototypeOf(Object.getPrototypeOf(there));
  const answered = async (sent) => {
    other.notes.tell(sent.channel, sent.payload);
    for (let i = 0; i < 20; i++) await pause(0);
    return other.notes.sent.splice(0);
  };
  const theirs = (w) => (forms.classic ? w : { uid: there.uid, nsp: "/", ...w });
  const base = forms.classic ? proto : Object.getPrototypeOf(proto);
  for (const [name, extra] of Object.entries({ plain: {}, bytes: { b: Buffer.from("binary") } })) {
    const original = base.fetchSockets;
    base.fetchSockets = () => Promise.resolve(sockets(extra));
    const [response] = await answered(fetch);
    base.fetchSockets = original;
    const data = name === "plain" ? {} : { b: response.payload[0] === 0x7b ? Buffer.from("binary").toJSON() : Buffer.from("binary").toString("base64") };
    line(`${kind} fetch response ${name}`, forms.response, response, theirs({ type: "fetchResponse", requestId: fetchID, sockets: socketsWant(data) }));
  }
  for (const [name, value] of Object.entries({ undefined, null: null, text: "é", object: { a: [1, 2.5] }, date, bytes: Buffer.from([1, 2]), deep: { b: Buffer.alloc(3) } })) {
    const original = base.broadcastWithAck;
    base.broadcastWithAck = (packet, opts, clients, ack) => {
      clients(2);
      ack(value);
    };
    const [clients, ack] = await answered(call);
    base.broadcastWithAck = original;
    if (name === "null") line(`${kind} client count`, forms.response, clients, theirs({ type: "clientCount", requestId: callID, clients: 2 }));
    line(`${kind} ack ${name}`, forms.response, ack, theirs({ type: "ack", requestId: callID, ...answer(value) }));
    if (forms.classic && Buffer.isBuffer(value?.b ?? value)) continue; // JSON alone
    const f = (_, done) => done(value);
    other.io.on("ask", f);
    const [response] = await answered(ask);
    other.io.off("ask", f);
    line(`${kind} answer ${name}`, forms.response, response, theirs({ type: "serverSideResponse", requestId: askID, ...answer(value) }));
  }
  if (!forms.classic) return;
  adapter.allRooms().catch(() => {});
  const [rooms] = await takeAll();
  line(`${kind} all rooms`, forms.call, rooms, { uid, type: "allRooms", requestId: requestId(id(rooms)) });
  there.rooms.set("a", new Set()).set(7, new Set());
  const [list] = await answered(rooms);
  line(`${kind} all rooms response`, forms.response, list, { type: "allRoomsResponse", requestId: requestId(id(rooms)), join: ["a", "7"] });
  // What older servers ask is answered still.
  const older = (request) => answered({ channel: rooms.channel, payload: Buffer.from(JSON.stringify({ uid, requestId: "older", ...request })) });
  const original = base.sockets;
  base.sockets = () => Promise.resolve(new Set(["a", "b"]));
  const [ids] = await older({ type: 0, rooms: [] });
  base.sockets = original;
  line(`${kind} list response`, forms.response, ids, { type: "listResponse", requestId: "older", sockets: [{ id: "a" }, { id: "b" }] });
  other.io.of("/").sockets.set("a", { join() {}, leave() {}, disconnect() {} });
  for (const [name, request] of Object.entries({ join: { type: 2, room: "r" }, leave: { type: 3, room: "r" }, disconnect: { type: 4, close: false } })) {
    const [done] = await older({ ...request, sid: "a" });
    line(`${kind} ${name} of one done`, forms.response, done, { type: "done", requestId: "older" });
  }
}

const notepack = require("notepack.io");
const msgpack = require(require.resolve("@msgpack/msgpack", { paths: [require.resolve("@socket.io/redis-streams-adapter")] }));
const opts = { serveClient: false };

function server(make) {
  const notes = new Notes();
  const io = new Server({ ...opts, adapter: make(notes) });
  return { io, notes };
}

{
  const make = (notes) => createAdapter(notes, notes);
  const { io, notes } = server(make);
  const forms = { broadcast: "classic broadcast", request: "classic request", call: "classic request", response: "classic response", classic: true, decode: notepack.decode, server: () => server(make) };
  const fixed = (nsp) => {
    io.of(nsp).adapter.uid = "server";
    return io.of(nsp);
  };
  await sending(notes, fixed, forms, "server", "classic server");
  await asking(io, notes, forms, "classic");
  const emitted = new Notes();
  await sending(emitted, (nsp) => new Emitter(emitted).of(nsp), forms, "emitter", "classic emitter");
}
for (const [kind, make, forms] of [
  ["sharded", (notes) => createShardedAdapter(notes, notes), { broadcast: "envelope", request: "envelope", call: "envelope", response: "envelope", decode: notepack.decode }],
  ["streams", (notes) => createStreamsAdapter(notes), { broadcast: "entry", request: "entry", call: "envelope", response: "envelope", decode: msgpack.decode }],
]) {
  const { io, notes } = server(make);
  forms.server = () => server(make);
  forms.serverSideBinary = true;
  const fixed = (nsp) => {
    io.of(nsp).adapter.uid = "0123456789abcdef";
    return io.of(nsp);
  };
  await pause(10);
  await sending(notes, fixed, forms, "0123456789abcdef", `${kind} server`);
  await asking(io, notes, forms, kind);
}
{
  const notes = new Notes();
  const io = new Server({ ...opts, adapter: createStreamsAdapter(notes), connectionStateRecovery: {} });
  for (const [name, data] of Object.entries({ plain: { a: 1, at: date }, bytes: { b: Buffer.from("b") } })) {
    io.of("/").adapter.persistSession({ sid: "A".repeat(20), pid: "private", rooms: ["A".repeat(20), "r", 5], data });
    const [sent] = notes.sent.splice(0);
    line(`session ${name}`, "session", sent, { sid: "A".repeat(20), pid: "private", join: ["A".repeat(20), "r", "5"], session: name === "plain" ? { a: 1, at: date } : { b: Buffer.from("b").toString("base64") } });
  }
}
// What servers with heartbeats say of themselves. Of the official adapters for Redis
// streams 0.2 has them; the messages and the encoders are those of today.
for (const [kind, form, make] of [
  ["sharded", "envelope", (notes) => createShardedAdapter(notes, notes)],
  ["streams", "entry", (notes) => createStreamsAdapter(notes)],
]) {
  const nsp = server(make).io.of("/");
  const beating = new ClusterAdapterWithHeartbeat(nsp, {});
  beating.uid = "0123456789abcdef";
  const said = [];
  beating.doPublish = async (message) => {
    const payload = nsp.adapter.encode(message);
    said.push({ channel: form, payload: typeof payload === "string" ? Buffer.from(payload) : payload });
    return "";
  };
  beating.init();
  beating.onMessage({ type: 1, uid: "another", nsp: "/" });
  beating.close();
  for (const type of ["initialHeartbeat", "heartbeat", "closed"]) {
    line(`${kind} ${type}`, form, said.shift(), { uid: beating.uid, nsp: "/", type });
  }
}
process.stdout.write(lines.join("\n") + "\n", () => process.exit(0));
