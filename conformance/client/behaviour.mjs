// The behaviour that an application sees, as cases that run in Node and in a page: no Node API in here.
// run(t): t.url, t.io, t.Manager, t.connect(path, options), t.browser.

export function equal(got, want, what = "value") {
  const [a, b] = [show(got), show(want)];
  if (a !== b) throw new Error(`${what} is ${a}, want ${b}`);
}

/** JSON with binary spelled out, whatever class holds it. */
export function show(value) {
  return JSON.stringify(value === undefined ? null : value, function (key) {
    const v = this[key];
    if (v instanceof ArrayBuffer || ArrayBuffer.isView(v)) {
      return "bytes:" + Array.from(v instanceof ArrayBuffer ? new Uint8Array(v) : new Uint8Array(v.buffer, v.byteOffset, v.byteLength));
    }
    if (v === undefined) return "undefined";
    return v && Object.getPrototypeOf(v) === Object.prototype ? Object.fromEntries(Object.entries(v).sort()) : v;
  });
}

export const once = (emitter, event) => new Promise((resolve) => emitter.once(event, (...args) => resolve(args)));

export async function connected(socket) {
  if (!socket.connected) await once(socket, "connect");
  return socket;
}

async function upgraded(socket) {
  await connected(socket);
  if (socket.io.engine.transport.name !== "websocket") await once(socket.io.engine, "upgrade");
  return socket;
}

const until = async (test, what) => {
  for (const end = Date.now() + 20_000; !(await test()); ) {
    if (Date.now() > end) throw new Error("never happened: " + what);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

const fails = (promise) => promise.then((value) => { throw new Error("no error, but " + show(value)); }, (err) => err);
const bytes = (...list) => Uint8Array.from(list);
let unique = 0;
const key = () => `k${Date.now()}-${Math.random()}-${unique++}`;

/** The cases for one pairing. */
export const casesFor = (server, blobs) =>
  cases.filter((c) => (!c.servers || c.servers.includes(server)) && (blobs || !c.blobs));

const TRANSPORTS = [["polling"], ["websocket"], ["polling", "websocket"]];

const perTransport = (name, run) =>
  TRANSPORTS.map((transports) => ({ name: `${name} (${transports.join("+")})`, blobs: /Blob/.test(name), run: (t) => run(t, { transports }) }));

// A case may name the servers it is for, or need Blobs, which the official client does not know in Node.
export const cases = [
  ...perTransport("connects, says who it is, and disconnects", async (t, opts) => {
    const socket = t.connect("/", opts);
    equal([socket.connected, socket.disconnected, socket.active, socket.id, socket.recovered], [false, true, true, undefined, false]);
    const [[welcome]] = await Promise.all([once(socket, "welcome"), once(socket, "connect")]);
    equal(welcome.id, socket.id, "id");
    equal(welcome.auth, {}, "auth");
    equal(socket.connected, true);
    const gone = once(socket, "disconnect");
    socket.disconnect();
    equal(await gone, ["io client disconnect", undefined]);
    equal([socket.connected, socket.active, socket.id], [false, false, undefined]);
  }),

  ...perTransport("echoes every JSON value", async (t, opts) => {
    const socket = t.connect("/", opts);
    const values = [0, -1.5, "", "é€😀\u2028\x1e\"\\", true, null, [], {}, { a: [{ b: null }] }, [[[[1]]]]];
    equal(await new Promise((resolve) => socket.emit("echo", ...values, (...args) => resolve(args))), values);
    socket.emit("echo", ...values);
    equal(await once(socket, "echo"), values);
  }),

  ...perTransport("echoes binary at any depth", async (t, opts) => {
    const socket = t.connect("/", opts);
    const big = new Uint8Array(70000).map((_, i) => i);
    const sent = [bytes(1, 2).buffer, { deep: [bytes(3), { view: new DataView(bytes(9, 4, 9).buffer, 1, 1) }] }, bytes(), big, new Uint16Array([258])];
    const want = [bytes(1, 2), { deep: [bytes(3), { view: bytes(4) }] }, bytes(), big, bytes(2, 1)];
    equal(await new Promise((resolve) => socket.emit("echo", ...sent, (...args) => resolve(args))), want);
    socket.emit("echo", ...sent);
    equal(await once(socket, "echo"), want);
  }),

  ...perTransport("sends Blobs and Files in order", async (t, opts) => {
    const socket = t.connect("/", opts);
    const got = [];
    socket.on("echo", (...args) => got.push(args));
    socket.emit("echo", 1, new Blob([bytes(1, 2, 3)]));
    socket.emit("echo", 2);
    socket.emit("echo", { file: new File([bytes(4)], "f") }, bytes(5));
    await until(() => got.length === 3, "three answers");
    equal(got, [[1, bytes(1, 2, 3)], [2], [{ file: bytes(4) }, bytes(5)]]);
  }),

  ...perTransport("keeps the order of many events both ways", async (t, opts) => {
    const socket = t.connect("/", opts);
    const [n, id, got] = [300, key(), []];
    socket.on("n", (i) => got.push(i));
    socket.emit("burst", n, 10);
    for (let i = 0; i < n; i++) {
      socket.emit("count", id, i);
      if (i % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const want = Array.from({ length: n }, (_, i) => i);
    equal(await socket.emitWithAck("counted", id), want);
    await until(() => got.length >= n, "the burst");
    equal(got, want);
  }),

  ...perTransport("splits what it posts by maxPayload", async (t, opts) => {
    const socket = t.connect("/", { ...opts, autoConnect: false });
    const [id, filler] = [key(), "é".repeat(100_000)];
    for (let i = 0; i < 12; i++) socket.emit("count", id, i, filler, bytes(i)); // 2.4 MB against a limit of 1 MB
    socket.connect();
    equal(await socket.emitWithAck("counted", id), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    equal(socket.connected, true);
  }),

  ...perTransport("acknowledges the server's events", async (t, opts) => {
    const socket = t.connect("/", opts);
    socket.on("question", (a, b, ack) => {
      ack("answered", a, bytes(b));
      ack("twice");
    });
    socket.emit("ask", "x", 7);
    equal(await once(socket, "answer"), ["answered", "x", bytes(7)]);
  }),

  ...perTransport("server disconnects the socket: no reconnection", async (t, opts) => {
    const socket = await connected(t.connect("/", { ...opts, reconnectionDelay: 1 }));
    const gone = once(socket, "disconnect");
    socket.emit("leave-me");
    equal((await gone)[0], "io server disconnect");
    equal(socket.active, false);
    socket.connect();
    await connected(socket);
    equal(await socket.emitWithAck("echo", 1), 1);
  }),

  ...perTransport("server kicks the client: no reconnection", async (t, opts) => {
    const socket = await connected(t.connect("/", opts));
    const gone = once(socket, "disconnect");
    socket.emit("kick");
    equal((await gone)[0], "io server disconnect");
    equal(socket.active, false);
  }),

  ...perTransport("connection cut by the server: reconnects", async (t, opts) => {
    const socket = await connected(t.connect("/", { ...opts, reconnectionDelay: 10 }));
    const [first, gone, events] = [socket.id, once(socket, "disconnect"), []];
    for (const event of ["reconnect_attempt", "reconnect", "close", "open"]) {
      socket.io.on(event, (arg) => events.push([event, typeof arg === "object" ? "object" : arg]));
    }
    if (opts.transports.length > 1) await upgraded(socket);
    socket.emit("cut");
    const [reason] = await gone;
    equal(reason, "transport close");
    equal([socket.active, socket.id], [true, undefined]);
    await connected(socket);
    equal(socket.id !== first, true, "a new id");
    await until(() => events.length >= 4, "the manager's events");
    equal(events.map(([event]) => event), ["close", "reconnect_attempt", "open", "reconnect"]);
    equal(events[3][1], 1);
  }),

  {
    name: "upgrades, with events on the way, and says so",
    async run(t) {
      const socket = t.connect("/", {});
      const [id, names, got] = [key(), [], []];
      socket.on("n", (i) => got.push(i));
      await once(socket.io, "open");
      names.push(socket.io.engine.transport.name);
      const upgrade = once(socket.io.engine, "upgrade");
      let sent = 0;
      const send = () => socket.emit("count", id, sent++);
      const timer = setInterval(send, 1);
      socket.emit("burst", 100, 0);
      const [transport] = await upgrade;
      clearInterval(timer);
      names.push(transport.name, socket.io.engine.transport.name);
      send();
      equal(names, ["polling", "websocket", "websocket"]);
      equal(await socket.emitWithAck("counted", id), Array.from({ length: sent }, (_, i) => i));
      await until(() => got.length >= 100, "the burst");
      equal(got, Array.from({ length: 100 }, (_, i) => i));
    },
  },
  {
    name: "upgrade: false stays on polling",
    async run(t) {
      const socket = await connected(t.connect("/", { upgrade: false }));
      equal(await socket.emitWithAck("late", 200, 1), 1);
      equal(socket.io.engine.transport.name, "polling");
    },
  },
  {
    name: "rememberUpgrade goes straight to WebSocket",
    async run(t) {
      const socket = await upgraded(t.connect("/", { rememberUpgrade: true, reconnectionDelay: 1 }));
      const again = once(socket.io, "open");
      socket.io.engine.close();
      await again;
      equal(socket.io.engine.transport.name, "websocket");
    },
  },
  {
    name: "forceBase64 carries binary as text",
    async run(t) {
      for (const transports of TRANSPORTS) {
        const socket = t.connect("/", { transports, forceBase64: true });
        equal(await socket.emitWithAck("echo", { a: bytes(1, 2, 255) }), { a: bytes(1, 2, 255) });
      }
    },
  },
  {
    name: "auth as object, changed between connections",
    async run(t) {
      const socket = t.connect("/", { auth: { token: "a" } });
      equal((await once(socket, "welcome"))[0].auth, { token: "a" });
      socket.disconnect();
      socket.auth = { token: "b", n: [1] };
      socket.connect();
      equal((await once(socket, "welcome"))[0].auth, { token: "b", n: [1] });
    },
  },
  {
    name: "auth as function, asked at each connection",
    async run(t) {
      let n = 0;
      const socket = t.connect("/", { auth: (give) => setTimeout(() => give({ n: ++n }), 5), reconnectionDelay: 1 });
      equal((await once(socket, "welcome"))[0].auth, { n: 1 });
      socket.io.engine.close();
      equal((await once(socket, "welcome"))[0].auth, { n: 2 });
    },
  },
  {
    name: "query and extraHeaders",
    async run(t) {
      const opts = { query: { x: "1&2=é", y: "" }, transports: ["polling"], extraHeaders: { "x-test": "yes" } };
      const socket = t.connect("/", opts);
      const { query } = (await once(socket, "welcome"))[0];
      equal([query.x, query.y, query.EIO, query.transport], ["1&2=é", "", "4", "polling"]);
      equal(await socket.emitWithAck("header", "x-test"), "yes");
      const other = t.connect("/?z=3%264", { forceNew: true });
      equal((await once(other, "welcome"))[0].query.z, "3&4");
    },
  },
  {
    name: "namespaces share a connection",
    async run(t) {
      const opts = { forceNew: false, multiplex: true };
      const [a, b, c] = ["/", "/custom", "/été"].map((nsp) => t.connect(nsp, opts));
      await Promise.all([a, b, c].map(connected));
      equal([a.io === b.io, b.io === c.io, a.nsp, c.nsp], [true, true, "/", "/été"]);
      equal(new Set([a.id, b.id, c.id]).size, 3, "ids");
      equal(await b.emitWithAck("echo", bytes(1)), bytes(1));
      equal(await c.emitWithAck("echo", "c"), "c");
      const again = t.connect("/custom", opts);
      equal(again.io === b.io, false, "the same namespace twice shares a connection");
      const fresh = t.connect("/custom", { forceNew: true });
      equal(fresh.io === b.io, false, "forceNew shares a connection");
      b.disconnect();
      equal([a.connected, b.connected], [true, false]);
      equal(await a.emitWithAck("echo", "still"), "still");
      const closed = once(a.io, "close");
      c.disconnect();
      a.disconnect();
      equal((await closed)[0], "forced close");
    },
  },
  {
    name: "unknown namespace: connect_error, not active",
    async run(t) {
      const socket = t.connect("/nowhere", {});
      const [err] = await once(socket, "connect_error");
      equal([err instanceof Error, err.message, socket.active], [true, "Invalid namespace", false]);
    },
  },
  {
    name: "middleware error: connect_error with data, then in with the right token",
    async run(t) {
      const socket = t.connect("/guarded", { auth: { token: "wrong" } });
      const [err] = await once(socket, "connect_error");
      equal([err.message, err.data, socket.active], ["not authorized", { code: "E_AUTH", details: [1, 2] }, false]);
      socket.auth.token = "secret";
      socket.connect();
      await connected(socket);
      equal(await socket.emitWithAck("echo", 1), 1);
    },
  },
  {
    name: "one refused namespace does not harm the other",
    async run(t) {
      const good = t.connect("/", {});
      await connected(good);
      const bad = good.io.socket("/guarded", { auth: {} });
      await once(bad, "connect_error");
      equal(await good.emitWithAck("echo", 1), 1);
      equal(good.connected, true);
    },
  },
  {
    name: "buffers while disconnected, in order, and flushes before connect",
    async run(t) {
      const socket = t.connect("/", { autoConnect: false });
      const id = key();
      for (let i = 0; i < 5; i++) socket.emit("count", id, i);
      equal(socket.sendBuffer.length, 5);
      socket.on("connect", () => socket.emit("count", id, "connect"));
      socket.connect();
      await connected(socket);
      equal(await socket.emitWithAck("counted", id), [0, 1, 2, 3, 4, "connect"]);
      equal(socket.sendBuffer.length, 0);
    },
  },
  {
    name: "volatile: dropped while disconnected, sent when ready",
    async run(t) {
      const socket = t.connect("/", { autoConnect: false, transports: ["websocket"] });
      const id = key();
      socket.volatile.emit("count", id, "dropped");
      socket.connect();
      await connected(socket);
      await socket.emitWithAck("echo", 1);
      socket.volatile.emit("count", id, "sent");
      equal(await socket.emitWithAck("counted", id), ["sent"]);
    },
  },
  {
    name: "acks: timeout, late answer, emitWithAck, ackTimeout",
    async run(t) {
      const socket = await connected(t.connect("/", {}));
      const [err] = await new Promise((resolve) => socket.timeout(30).emit("never", (...args) => resolve(args)));
      equal([err instanceof Error, err.message], [true, "operation has timed out"]);
      equal(await new Promise((resolve) => socket.timeout(2000).emit("echo", 1, (...args) => resolve(args))), [null, 1]);
      equal((await fails(socket.timeout(30).emitWithAck("late", 80, 1))).message, "operation has timed out");
      equal(await socket.timeout(2000).emitWithAck("late", 80, 1), 1);
      equal(Object.keys(socket.acks), []);
      const other = await connected(t.connect("/", { ackTimeout: 300 }));
      equal((await fails(other.emitWithAck("never"))).message, "operation has timed out");
      equal(await new Promise((resolve) => other.emit("echo", 2, (...args) => resolve(args))), [null, 2]);
    },
  },
  {
    name: "acks pending at disconnect fail where an error can be told, buffered ones wait",
    async run(t) {
      const socket = await connected(t.connect("/", { reconnectionDelay: 1 }));
      const calls = [];
      socket.emit("never", (...args) => calls.push(args));
      const pending = [fails(socket.emitWithAck("never")), fails(socket.timeout(5000).emitWithAck("never"))];
      socket.io.engine.close();
      for (const err of await Promise.all(pending)) equal(err.message, "socket has been disconnected");
      equal([calls, Object.keys(socket.acks)], [[], []]);
      const buffered = socket.emitWithAck("echo", "later");
      equal(await buffered, "later");
    },
  },
  {
    name: "retries: sent again until acknowledged, in order, one at a time",
    async run(t) {
      const socket = t.connect("/", { retries: 4, ackTimeout: 120 });
      const order = [];
      const results = [
        new Promise((resolve) => socket.emit("third", key(), (...args) => resolve(order.push("third") && args))),
        new Promise((resolve) => socket.emit("echo", "x", (...args) => resolve(order.push("echo") && args))),
      ];
      const [[failed, tries], echoed] = await Promise.all(results);
      equal([failed, tries >= 3, echoed], [null, true, [null, "x"]]); // the third answer may come too late as well
      equal(order, ["third", "echo"]);
      const [err] = await new Promise((resolve) => socket.emit("never", (...args) => resolve(args)));
      equal(err.message, "operation has timed out");
    },
  },
  {
    name: "retries: what was emitted while disconnected arrives once, in order",
    async run(t) {
      const socket = t.connect("/", { retries: 2, ackTimeout: 2000, autoConnect: false });
      const done = [];
      for (let i = 0; i < 3; i++) socket.emit("echo", i, (err, value) => done.push([err, value]));
      socket.connect();
      await until(() => done.length === 3, "three answers");
      equal(done, [[null, 0], [null, 1], [null, 2]]);
    },
  },
  {
    name: "reserved names throw",
    async run(t) {
      const socket = t.connect("/", { autoConnect: false });
      for (const name of ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"]) {
        let message;
        try {
          socket.emit(name);
        } catch (err) {
          message = err.message;
        }
        equal(message, `"${name}" is a reserved event name`);
      }
    },
  },
  {
    name: "listeners: on, once, off, and their aliases",
    async run(t) {
      const socket = await connected(t.connect("/", {}));
      const got = [];
      const [a, b, c] = ["a", "b", "c"].map((name) => (value) => got.push(name + value));
      socket.on("echo", a).once("echo", b).addEventListener("echo", c);
      equal([socket.listeners("echo").length, socket.hasListeners("echo"), socket.hasListeners("x")], [3, true, false]);
      const say = async (value) => {
        socket.emit("echo", value);
        await socket.emitWithAck("echo", 0);
      };
      await say(1);
      socket.off("echo", a);
      await say(2);
      socket.once("echo", b).off("echo", b).removeListener("echo", c).on("echo", a);
      await say(3);
      socket.off("echo");
      await say(4);
      socket.on("echo", a).removeAllListeners();
      await say(5);
      equal(got, ["a1", "b1", "c1", "c2", "a3"]);
    },
  },
  {
    name: "catch-all listeners, both ways",
    async run(t) {
      const socket = await connected(t.connect("/", {}));
      await socket.emitWithAck("echo", 0);
      const got = [];
      const [a, b] = [(...args) => got.push(["in-a", ...args]), (...args) => got.push(["in-b", ...args])];
      const [x, y] = [(...args) => got.push(["out-x", ...args]), (...args) => got.push(["out-y", ...args])];
      socket.onAny(a).prependAny(b).onAnyOutgoing(x).prependAnyOutgoing(y);
      equal([socket.listenersAny().length, socket.listenersAnyOutgoing().length], [2, 2]);
      socket.emit("echo", 1);
      await once(socket, "echo");
      equal(got, [["out-y", "echo", 1], ["out-x", "echo", 1], ["in-b", "echo", 1], ["in-a", "echo", 1]]);
      socket.offAny(a).offAnyOutgoing(x);
      got.length = 0;
      socket.emit("echo", 2);
      await once(socket, "echo");
      equal(got, [["out-y", "echo", 2], ["in-b", "echo", 2]]);
      socket.offAny().offAnyOutgoing();
      equal([socket.listenersAny().length, socket.listenersAnyOutgoing().length], [0, 0]);
    },
  },
  {
    name: "rooms",
    async run(t) {
      const [a, b] = await Promise.all([t.connect("/", {}), t.connect("/", {})].map(connected));
      const room = key();
      await b.emitWithAck("join", room);
      const heard = once(b, "news");
      a.emit("tell", room, "news", { from: a.id, data: bytes(1) });
      equal(await heard, [{ from: a.id, data: bytes(1) }]);
    },
  },
  {
    name: "manager: settings, events, a failing address",
    async run(t) {
      const manager = t.manager("http://127.0.0.1:9", { reconnectionDelay: 10, reconnectionDelayMax: 20, reconnectionAttempts: 2, autoConnect: false });
      equal([manager.reconnection(), manager.reconnectionAttempts(), manager.reconnectionDelay(), manager.reconnectionDelayMax(), manager.randomizationFactor(), manager.timeout()], [true, 2, 10, 20, 0.5, 20000]);
      equal(manager.timeout(5000).timeout(), 5000);
      const events = [];
      for (const event of ["open", "error", "close", "reconnect_attempt", "reconnect", "reconnect_error", "reconnect_failed"]) {
        manager.on(event, (arg) => events.push(typeof arg === "number" ? `${event} ${arg}` : event));
      }
      const socket = t.track(manager.socket("/"));
      const errors = [];
      socket.on("connect_error", (err) => errors.push(err.message));
      socket.connect();
      await once(manager, "reconnect_failed");
      await until(() => events.length >= 8, "all events");
      equal(events, ["error", "reconnect_attempt 1", "error", "reconnect_error", "reconnect_attempt 2", "error", "reconnect_failed", "reconnect_error"]);
      equal(errors, ["xhr poll error", "xhr poll error", "xhr poll error"]);
      equal(socket.active, true);
    },
  },
  {
    name: "reconnection: false leaves it closed",
    async run(t) {
      const socket = await connected(t.connect("/", { reconnection: false }));
      const gone = once(socket, "disconnect");
      socket.io.engine.close();
      equal((await gone)[0], "forced close");
      equal(socket.active, true);
      socket.connect();
      await connected(socket);
    },
  },
  {
    name: "websocket error: its message, and the reconnection that follows",
    async run(t) {
      const manager = t.manager("http://127.0.0.1:9", { transports: ["websocket"], reconnection: false });
      const socket = t.track(manager.socket("/"));
      const [err] = await once(socket, "connect_error");
      equal([err.message, err.type], ["websocket error", "TransportError"]);
    },
  },
  {
    name: "tryAllTransports falls back",
    async run(t) {
      const opts = { transports: ["websocket", "polling"], tryAllTransports: true, path: "/socket.io", reconnection: false };
      const manager = t.manager("http://127.0.0.1:9", opts);
      const [err] = await once(t.track(manager.socket("/")), "connect_error");
      equal(err.message, "xhr poll error");
    },
  },
  {
    name: "no transports",
    async run(t) {
      const manager = t.manager(t.url, { transports: [], reconnection: false });
      const [err] = await once(t.track(manager.socket("/")), "connect_error");
      equal(err.message || err, "No transports available"); // the official client gives a string here
    },
  },
  {
    name: "engine events",
    async run(t) {
      const manager = t.manager(t.url, { transports: ["polling"] });
      const seen = new Set();
      for (const event of ["open", "handshake", "packet", "packetCreate", "data", "message", "flush", "drain", "heartbeat"]) {
        manager.engine.on(event, () => seen.add(event));
      }
      const socket = await connected(t.track(manager.socket("/")));
      await socket.emitWithAck("echo", 1);
      await until(() => seen.has("drain"), "the answer to the POST"); // the acknowledgement may overtake it
      equal([...seen].sort(), ["data", "drain", "flush", "handshake", "heartbeat", "message", "open", "packet", "packetCreate"]);
      equal([typeof manager.engine.id, manager.engine.readyState, manager.opts.path], ["string", "open", "/socket.io"]);
      const closed = once(manager.engine, "close");
      socket.disconnect();
      equal((await closed)[0], "forced close");
      equal(manager.engine.readyState, "closed");
    },
  },
  {
    name: "emit and disconnect at once: the event still leaves",
    servers: ["go"], // the Node server takes the event, and drops it when the disconnection comes before its next tick
    async run(t) {
      for (const transports of TRANSPORTS) {
        const [id, socket] = [key(), await connected(t.connect("/", { transports }))];
        socket.emit("count", id, 1);
        socket.disconnect();
        const probe = await connected(t.connect("/", {}));
        await until(async () => show(await probe.emitWithAck("counted", id)) === "[1]", "the event");
      }
    },
  },
  {
    name: "disconnect and connect again, at once",
    async run(t) {
      for (const transports of TRANSPORTS) {
        const socket = await connected(t.connect("/", { transports }));
        const first = socket.id;
        socket.disconnect().connect();
        equal(await socket.emitWithAck("echo", 1), 1);
        equal(socket.id !== first, true, "a new id");
      }
    },
  },
  {
    name: "disconnect while connecting: silence",
    async run(t) {
      for (const transports of TRANSPORTS) {
        const socket = t.connect("/", { transports });
        const events = [];
        for (const event of ["connect", "disconnect", "connect_error"]) socket.on(event, () => events.push(event));
        socket.disconnect();
        const other = await connected(t.connect("/", {}));
        await other.emitWithAck("late", 50, 1);
        equal([events, socket.active, socket.connected], [[], false, false]);
      }
    },
  },
];
