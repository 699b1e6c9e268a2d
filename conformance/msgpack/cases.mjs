// What holds of both servers, for the official client, in Node and in a browser.
// connect(path, options) gives a socket that is not connected to anything else.

const within = (promise, what) => {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(reject, 20_000, new Error("no " + what))));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};
const next = (emitter, event) => within(new Promise((resolve) => emitter.once(event, (...args) => resolve(args))), event);
const call = (socket, ...args) => within(socket.emitWithAck(...args), "ack of " + args[0]);
const hex = (v) => {
  if (!(v instanceof ArrayBuffer) && !ArrayBuffer.isView(v)) throw new Error("not bytes: " + JSON.stringify(v));
  const view = v instanceof ArrayBuffer ? new Uint8Array(v) : new Uint8Array(v.buffer, v.byteOffset, v.byteLength);
  return [...view].map((b) => b.toString(16).padStart(2, "0")).join("");
};
const sorted = (v) =>
  v && typeof v === "object" && !Array.isArray(v)
    ? Object.fromEntries(Object.keys(v).sort().map((k) => [k, sorted(v[k])]))
    : Array.isArray(v) ? v.map(sorted) : v;
const same = (got, want) => {
  const [a, b] = [JSON.stringify(sorted(got)), JSON.stringify(sorted(want))];
  if (a !== b) throw new Error(`got ${a}, want ${b}`);
};
const inNode = typeof process !== "undefined";
const bytes = (...values) => new Uint8Array(values).buffer;
const mine = (...values) => (inNode ? Buffer.from(values) : bytes(...values));

/** A socket that has been welcomed, and the welcome's arguments. */
async function open(connect, path = "/", options = {}) {
  const socket = connect(path, options);
  const refused = new Promise((_, reject) => socket.once("connect_error", reject));
  const welcome = await Promise.race([next(socket, "welcome"), refused]);
  if (options.transports?.[0] === "polling" && options.transports[1]) {
    const { engine } = socket.io;
    if (engine.transport.name !== "websocket") await next(engine, "upgrade");
  }
  return { socket, welcome };
}

export const cases = [
  {
    name: "auth, and acknowledgements of the server",
    async run({ connect, transports }) {
      const auth = { token: "abc", n: 1, list: [1, { a: null }] };
      const { socket, welcome } = await open(connect, "/", { auth, transports });
      same(welcome.slice(0, 2), [auth, false]);
      const values = [0, -1, 255, 65536, 4294967296, -4294967296, 2 ** 53 - 1, 1.5, 1e-7, true, false, null, "", "é😀\n\"\\", "x".repeat(70_000), [], {}, [[{ a: [1] }]], { _placeholder: true, num: 0 }];
      for (const v of values) same(await call(socket, "echo", v), v);
      same(await call(socket, "echo", Array.from({ length: 20_000 }, (_, i) => i)), Array.from({ length: 20_000 }, (_, i) => i));
    },
  },
  {
    name: "bytes, both ways and within",
    async run({ connect, transports }) {
      const { socket } = await open(connect, "/", { transports });
      same(hex(await call(socket, "echo", mine(1, 2, 3))), "010203");
      same(hex(await call(socket, "echo", mine())), "");
      same(hex((await call(socket, "echo", { a: [{ b: mine(9) }] })).a[0].b), "09");
      const large = new Uint8Array(200_000).map((_, i) => i % 251);
      same(hex(await call(socket, "echo", inNode ? Buffer.from(large) : large.buffer)), hex(large));
      same(await call(socket, "kinds", bytes(1, 2), { x: mine(3) }, mine(4)), [{ bytes: "0102" }, { x: { bytes: "03" } }, { bytes: "04" }]);
    },
  },
  {
    name: "what the server sees",
    async run({ connect, transports }) {
      const { socket } = await open(connect, "/", { transports });
      same(await call(socket, "kinds", undefined, { a: undefined, b: 1 }, new Date(1700000000123), NaN, Infinity), [null, { b: 1 }, "2023-11-14T22:13:20.123Z", null, null]);
      const view = new Uint8Array([9, 1, 2, 3]).subarray(1);
      // Node's build sends the whole buffer; that for browsers an object.
      same(await call(socket, "kinds", view), [inNode ? { bytes: "09010203" } : { 0: 1, 1: 2, 2: 3 }]);
      same(await call(socket, "kinds", view.slice().buffer), [{ bytes: "010203" }]);
      same(await call(socket, "kinds", { _placeholder: true, num: 0 }), [{ _placeholder: true, num: 0 }]);
    },
  },
  {
    name: "acknowledgements of the client",
    async run({ connect, transports }) {
      const { socket } = await open(connect, "/", { transports });
      socket.on("question", (v, ack) => ack(v));
      for (const v of [1, "a", null, { a: [1.5] }]) same(await call(socket, "call", v), v);
      same(hex(await call(socket, "call", mine(7))), "07");
    },
  },
  {
    name: "rooms and broadcasts",
    async run({ connect, transports }) {
      const all = await Promise.all([1, 2, 3].map(() => open(connect, "/", { transports })));
      const [a, b, c] = all.map(({ socket }) => socket);
      const room = "room" + Math.random();
      await call(a, "join", room);
      await call(b, "join", room);
      c.on("news", () => c.emit("wrong"));
      const got = [next(a, "news"), next(b, "news")];
      const stray = next(c, "done");
      await call(c, "tell", room, "news", { n: 1 }, mine(5));
      await call(c, "join", c.id + "x");
      await call(a, "tell", c.id + "x", "done");
      for (const [data, b] of await Promise.all(got)) {
        same(data, { n: 1 });
        same(hex(b), "05");
      }
      await stray;
    },
  },
  {
    name: "namespaces, made by the server and by clients",
    async run({ connect, transports }) {
      const { socket } = await open(connect, "/", { transports });
      const name = "/dyn-" + Math.floor(Math.random() * 1e9);
      const child = socket.io.socket(name);
      const [, recovered] = await next(child, "welcome");
      same(recovered, false);
      same(await call(child, "echo", { a: 1 }), { a: 1 });
      same(await call(socket, "echo", 2), 2);
      child.disconnect();
      same(await call(socket, "echo", 3), 3);
      const kicked = next(socket, "disconnect");
      socket.emit("kick");
      same((await kicked)[0], "io server disconnect");
    },
  },
  {
    name: "refusals",
    async run({ connect, transports }) {
      const [err] = await next(connect("/guarded", { transports }), "connect_error");
      same([err.message, err.data], ["not authorized", { code: 7, list: [1, 2] }]);
      const [none] = await next(connect("/nowhere", { transports }), "connect_error");
      same(none.message, "Invalid namespace");
    },
  },
  {
    name: "recovery",
    async run({ connect, transports }) {
      const { socket } = await open(connect, "/", { transports, reconnectionDelay: 500, randomizationFactor: 0 });
      const { id } = socket;
      await call(socket, "leave", "missed", 1, mine(8)); // what it is to be sent when it has left
      const missed = next(socket, "missed");
      const welcome = next(socket, "welcome");
      socket.io.engine.close();
      await next(socket, "connect");
      const [n, b, offset] = await missed;
      same([n, hex(b), typeof offset], [1, "08", "string"]);
      same((await welcome)[1], true);
      same([socket.recovered, socket.id], [true, id]);
    },
  },
];

/** What only this server has. */
export const goCases = [
  {
    name: "a token in the handshake",
    async run({ connect, transports }) {
      const { socket } = await open(connect, "/", { transports });
      const token = await call(socket, "token", "ada");
      const { id } = await new Promise((resolve, reject) => {
        const s = connect("/jwt", { auth: { token }, transports });
        s.once("connect", () => call(s, "whoami").then((id) => resolve({ id }), reject));
        s.once("connect_error", reject);
      });
      same(id, "ada");
      const [err] = await next(connect("/jwt", { auth: { token: token + "x" }, transports }), "connect_error");
      same(typeof err.data.code, "string");
    },
  },
  {
    name: "data like a placeholder beside bytes: these come as base64",
    async run({ connect, transports }) {
      const { socket } = await open(connect, "/", { transports });
      same(await call(socket, "kinds", { _placeholder: true, num: 0 }, mine(1)), [{ _placeholder: true, num: 0 }, "AQ=="]);
    },
  },
];
