// What a client of Socket.IO 2.x does with either server, in Node and in a browser.
// A case gets { connect, mode, url, server }.

export const patience = 20_000;

/** Waits for an event and returns its arguments. */
export const event = (socket, name) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no ${name} came`)), patience);
    socket.once(name, (...args) => (clearTimeout(timer), resolve(args)));
  });

/** Sends an event and waits for its acknowledgement. */
export const ask = (socket, ...args) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer to ${args[0]}`)), patience);
    socket.emit(...args, (...answer) => (clearTimeout(timer), resolve(answer)));
  });

export function equal(got, want) {
  const [a, b] = [got, want].map((v) => JSON.stringify(plain(v)));
  if (a !== b) throw new Error(`got ${a?.slice(0, 300)}, want ${b?.slice(0, 300)}`);
}

/** Bytes, whatever they came as, are { bytes }. */
function plain(v) {
  if (v instanceof ArrayBuffer) v = new Uint8Array(v);
  if (ArrayBuffer.isView(v)) return { bytes: Array.from(new Uint8Array(v.buffer, v.byteOffset, v.byteLength)) };
  if (Array.isArray(v)) return v.map(plain);
  if (v && typeof v === "object") return Object.fromEntries(Object.entries(v).sort().map(([key, value]) => [key, plain(value)]));
  return v;
}

const bytes = (...list) => new Uint8Array(list).buffer;
const engine = (socket) => socket.io.engine;

/** Waits until the client has ended its upgrade, if it makes one. */
export const settled = async (socket, mode) => {
  if (mode !== "upgrade" || engine(socket).transport.name === "websocket") return;
  await event(engine(socket), "upgrade");
};

const texts = ["plain", "", "äöü €", "𝄞 astral 😀", "line\nbreak \\n \u2028", "\u0000\u001e:", "x".repeat(20_000), "😀".repeat(5_000)];

export const cases = [
  {
    name: "welcome: the id is the client's own, the query is no auth payload",
    async run({ connect, mode }) {
      const socket = connect("/", { query: { name: "ann&bob" } });
      const [welcome] = await event(socket, "welcome");
      equal(welcome, { id: socket.id, protocol: 3, auth: {}, name: "ann&bob" });
      equal(socket.id, engine(socket).id);
      await settled(socket, mode);
      equal((await ask(socket, "transport"))[0], mode === "upgrade" ? "websocket" : mode);
    },
  },
  {
    name: "text of all kinds, both ways",
    async run({ connect }) {
      const socket = connect("/");
      for (const text of texts) {
        const back = event(socket, "echo");
        socket.emit("echo", text, { text, n: [1.5, null, true] });
        equal(await back, [text, { text, n: [1.5, null, true] }]);
      }
      equal(await Promise.all(texts.map(async (text) => (await ask(socket, "same", text))[0])), texts);
    },
  },
  {
    name: "bytes, both ways, between texts",
    async run({ connect, mode, lossy }) {
      const socket = connect("/");
      await event(socket, "connect");
      const list = [bytes(), bytes(0, 1, 2, 255, 254, 4), new Uint8Array(70_000).map((_, i) => i).buffer];
      const want = lossy ? [] : list;
      for (const data of want) {
        const back = event(socket, "echo");
        socket.emit("echo", "before 😀", { deep: [data] }, data);
        equal(await back, ["before 😀", { deep: [data] }, data]);
        equal(await ask(socket, "same", data), [data]);
      }
      await settled(socket, mode);
    },
  },
  {
    name: "acknowledgements, both ways",
    async run({ connect }) {
      const socket = connect("/");
      socket.on("question", (v, answer) => answer({ again: v }));
      equal(await ask(socket, "same", { n: 1 }), [{ n: 1 }]);
      equal(await ask(socket, "ask", "you"), [{ again: "you" }]);
    },
  },
  {
    name: "namespaces on one connection, with a query for each",
    async run({ connect }) {
      const token = "a b,c/?#&=ä" + "x".repeat(2000);
      const main = connect("/");
      const custom = main.io.socket("/custom", { query: { token, twice: "" } });
      const [welcome] = await event(custom, "welcome");
      equal(welcome, { id: custom.id, protocol: 3, auth: { token, twice: "" }, name: "" });
      equal(custom.id, "/custom#" + engine(main).id);
      equal(await ask(custom, "same", "there"), ["there"]);
      equal(await ask(main, "same", "here"), ["here"]);
      const left = event(custom, "disconnect");
      custom.disconnect();
      equal(await left, ["io client disconnect"]);
      equal(await ask(main, "same", "still here"), ["still here"]);
      const again = event(custom, "connect");
      custom.connect();
      await again;
      equal(await ask(custom, "same", "back"), ["back"]);
    },
  },
  {
    name: "only another namespace",
    async run({ connect }) {
      const socket = connect("/custom");
      equal(await ask(socket, "same", 1), [1]);
    },
  },
  {
    name: "refused by middleware",
    async run({ connect }) {
      const main = connect("/");
      await event(main, "connect");
      const guarded = main.io.socket("/guarded", { query: { token: "wrong" } });
      equal(await event(guarded, "error"), [{ code: "E_AUTH" }]);
      equal(await ask(main, "same", "unharmed"), ["unharmed"]);
      const let_in = connect("/guarded", { query: { token: "secret" } });
      equal((await event(let_in, "welcome"))[0].auth, { token: "secret" });
    },
  },
  {
    name: "refused on /",
    async run({ connect }) {
      const socket = connect("/", { query: { refuse: "yes" } });
      equal(await event(socket, "error"), ["not today"]);
      equal(socket.connected, false);
    },
  },
  {
    name: "a namespace that does not exist",
    async run({ connect }) {
      const socket = connect("/nobody");
      const [error] = await event(socket, "error");
      equal(error.message ?? error, "Invalid namespace"); // the reference sends an object, 2.x servers a string
    },
  },
  {
    name: "the server disconnects",
    async run({ connect }) {
      for (const [how, reason] of [["leave-me", "io server disconnect"], ["kick", "io server disconnect"]]) {
        const socket = connect("/");
        await event(socket, "connect");
        const gone = event(socket, "disconnect");
        socket.emit(how);
        equal(await gone, [reason]);
      }
    },
  },
  {
    name: "the server closes the connection, and the client comes back",
    async run({ connect }) {
      const socket = connect("/");
      await event(socket, "welcome");
      const { id } = socket;
      const gone = event(socket, "disconnect");
      const back = event(socket, "connect");
      socket.emit("cut");
      equal(await gone, ["transport close"]);
      await back;
      equal(socket.id === id, false);
      equal(await ask(socket, "same", "again"), ["again"]);
    },
  },
  {
    name: "many events at once, in order, while the client upgrades",
    async run({ connect, lossy }) {
      const socket = connect("/");
      const [n, got] = [lossy ? 0 : 200, []];
      const all = new Promise((resolve) => socket.on("n", (i, data) => (got.push([i, data]), got.length === n && resolve())));
      socket.emit("burst", n);
      const echoed = [];
      const back = new Promise((resolve) => socket.on("echo", (i) => (echoed.push(i), echoed.length === 200 && resolve())));
      for (let i = 0; i < 200; i++) socket.emit("echo", i);
      if (n) await all;
      await back;
      equal(got, Array.from({ length: n }, (_, i) => [i, bytes(i, i >> 8)]));
      equal(echoed, Array.from({ length: 200 }, (_, i) => i));
    },
  },
  {
    name: "heartbeats keep a quiet connection",
    async run({ connect, mode }) {
      const socket = connect("/");
      const reasons = [];
      socket.on("disconnect", (reason) => reasons.push(reason));
      await event(socket, "connect");
      await settled(socket, mode);
      for (let i = 0; i < 3; i++) await event(socket, "pong");
      equal(reasons, []);
      equal(await ask(socket, "same", "alive"), ["alive"]);
    },
  },
];
