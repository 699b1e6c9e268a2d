// What goes wrong outside: nothing buffered is lost, nothing arrives twice, nothing stays behind.
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { WebSocketServer } from "ws";
import { equal, once } from "./behaviour.mjs";
import { build, context, loadClient, servers, startServer } from "./lab.mjs";
import { isWebSocket, startProxy } from "./proxy.mjs";

// Timers that the client holds: its bundle calls the global functions.
const timers = new Map();
const [set, clear] = [setTimeout, clearTimeout];
globalThis.setTimeout = (fn, ms, ...args) => {
  const ours = /socket\.io\.esm\.min\.js/.test(new Error().stack.split("\n")[2]); // called by the bundle itself
  const id = set(() => (timers.delete(id), fn(...args)), ms);
  if (ours) timers.set(id, ms);
  return id;
};
globalThis.clearTimeout = (id) => (timers.delete(id), clear(id));

const sleep = (ms) => new Promise((resolve) => set(resolve, ms));
const quick = { reconnectionDelay: 20, reconnectionDelayMax: 50 };
const numbers = (n) => Array.from({ length: n }, (_, i) => i);
const TRANSPORTS = [["polling"], ["websocket"], ["polling", "websocket"]];
let unique = 0;
const key = () => `fault-${process.pid}-${unique++}`;

async function until(check, what) {
  for (const end = Date.now() + 20_000; !(await check()); ) {
    if (Date.now() > end) throw new Error("never happened: " + what);
    await sleep(5);
  }
}

const state = async (server) => (await fetch(server.url + "/state")).json();

/** Waits until the upgrade is over, or the server has the one client's next poll. */
async function settled(socket, server) {
  const { engine } = socket.io;
  if (engine.transport.name === "polling" && socket.io.opts.transports.length > 1) await once(engine, "upgrade");
  if (engine.transport.name === "polling") await until(async () => (await state(server)).polls === 1, "a poll that waits");
}

const connected = async (socket) => socket.connected || (await once(socket, "connect"));

// Our client only: what the official one does here is known, and partly what ours is to do better.
const clientKind = "ours";
const client = await loadClient(clientKind);
build();

for (const serverKind of servers) {

  const fault = (name, options, run) =>
    test(`${clientKind} client, ${serverKind} server: ${name}`, { timeout: 60_000 }, async (t) => {
      timers.clear(); // those of a case that ran out of time
      const server = await startServer(serverKind, options);
      const ctx = context(client, server.url);
      const rejections = [];
      const note = (err) => rejections.push(String(err));
      process.on("unhandledRejection", note);
      try {
        await run(ctx, server, t);
      } finally {
        ctx.close();
        await server.stop();
      }
      await sleep(20);
      process.off("unhandledRejection", note);
      equal(rejections, [], "unhandled rejections");
      equal([...timers.values()], [], "timers left after disconnect()");
    });

  for (const transports of TRANSPORTS) {
    fault(`restart (${transports.join("+")})`, {}, async (ctx, server) => {
      const { port } = server;
      const socket = ctx.connect("/", { ...quick, transports });
      const welcome = once(socket, "welcome");
      await connected(socket);
      await welcome;
      await settled(socket, server);
      const gone = once(socket, "disconnect");
      await server.stop("SIGTERM");
      equal((await gone)[0], "transport close");
      const [id, failures] = [key(), []];
      socket.on("connect_error", (err) => failures.push(err.message));
      for (let i = 0; i < 50; i++) socket.emit("count", id, i);
      await until(() => failures.length >= 2, "two failed attempts");
      equal(failures[0], transports[0] === "polling" ? "xhr poll error" : "websocket error");
      const again = await startServer(serverKind, { port });
      server.stop = again.stop;
      await connected(socket);
      equal(await socket.emitWithAck("counted", id), numbers(50));
    });

    fault(`network cut (${transports.join("+")})`, {}, async (ctx, server, t) => {
      const proxy = await startProxy(server.port);
      t.after(() => proxy.stop());
      const socket = ctx.track(ctx.io(proxy.url, { ...quick, transports, forceNew: true }));
      await connected(socket);
      if (transports.length > 1 && socket.io.engine.transport.name === "polling") await once(socket.io.engine, "upgrade");
      const gone = once(socket, "disconnect");
      proxy.refuse(true);
      proxy.cut(); // a poll is under way, or the WebSocket open
      const [reason, details] = await gone;
      equal(reason, transports[0] === "polling" && transports.length === 1 ? "transport error" : "transport close");
      if (reason === "transport error") {
        const post = details.message === "xhr post error"; // that of the CONNECT packet may be under way, too
        equal([details.message, details.description], [post ? details.message : "xhr poll error", 0]);
      }
      const id = key();
      for (let i = 0; i < 20; i++) socket.emit("count", id, i);
      await sleep(60);
      proxy.refuse(false);
      await connected(socket);
      equal(await socket.emitWithAck("counted", id), numbers(20));
    });

    fault(`silence (${transports.join("+")})`, { pingInterval: 500, pingTimeout: 500 }, async (ctx, server, t) => {
      const proxy = await startProxy(server.port);
      t.after(() => proxy.stop());
      const socket = ctx.track(ctx.io(proxy.url, { ...quick, transports, forceNew: true, timeout: 1000 }));
      await connected(socket);
      const gone = once(socket, "disconnect");
      proxy.freeze();
      equal((await gone)[0], "ping timeout");
      // On a busy machine the next one may end in silence, too.
      await until(() => socket.timeout(1000).emitWithAck("echo", 1).then((one) => one === 1, () => false), "an answer");
    });
  }

  fault("recovery after a cut", { recovery: true }, async (ctx, server, t) => {
    const proxy = await startProxy(server.port);
    t.after(() => proxy.stop());
    const room = key();
    const other = ctx.connect("/", { transports: ["websocket"] });
    for (const transports of [["polling"], ["websocket"]]) {
      const socket = ctx.track(ctx.io(proxy.url, { ...quick, transports, forceNew: true }));
      const got = [];
      socket.on("news", (i) => got.push(i));
      await connected(socket);
      equal(socket.recovered, false);
      await socket.emitWithAck("join", room + transports);
      other.emit("tell", room + transports, "news", 0);
      await until(() => got.length === 1, "the first event");
      const { id } = socket;
      if (serverKind === "node") await settled(socket, server); // it would not notice
      proxy.refuse(true);
      proxy.cut();
      await once(socket, "disconnect");
      if (serverKind === "node") await until(async () => (await state(server)).connections === 1, "its end on the server"); // ours takes the session over
      for (let i = 1; i < 10; i++) other.emit("tell", room + transports, "news", i);
      await other.emitWithAck("echo", 1);
      proxy.refuse(false);
      await connected(socket);
      equal([socket.recovered, socket.id], [true, id]);
      other.emit("tell", room + transports, "news", 10);
      await until(() => got.length >= 11, "the missed events");
      equal(got, numbers(11));
    }
  });

  for (const [what, answer] of [
    ["refuses", "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"],
    ["swallows", ""],
  ]) {
    fault(`a proxy that ${what} WebSocket`, {}, async (ctx, server, t) => {
      const up = (_, pair) => {
        if (!isWebSocket(pair)) return true;
        if (answer) pair.client.end(answer);
        return false;
      };
      const proxy = await startProxy(server.port, { up });
      t.after(() => proxy.stop());
      const socket = ctx.track(ctx.io(proxy.url, { ...quick, forceNew: true }));
      let drops = 0;
      socket.on("disconnect", () => drops++);
      await connected(socket);
      const id = key();
      for (let i = 0; i < 30; i++) {
        socket.emit("count", id, i);
        await sleep(5);
      }
      equal(await socket.emitWithAck("counted", id), numbers(30));
      equal([socket.io.engine.transport.name, drops], ["polling", 0]);
      const back = ctx.track(ctx.io(proxy.url, { transports: ["websocket", "polling"], tryAllTransports: true, timeout: 2000, forceNew: true }));
      if (answer) {
        await connected(back);
        equal(back.io.engine.transport.name, "polling");
      }
    });
  }

  // Cut at each step of the upgrade: polling has to go on as if nothing had been. With the probe answered, the
  // client takes the WebSocket as soon as its poll ends: the proxy keeps that answer until the client knows of the cut.
  const steps = {
    "before the probe is answered": () => ({ up: (chunk, pair) => !(isWebSocket(pair) && !/HTTP\/1/.test(chunk) && (pair.cut(), true)) }),
    "after the probe is answered": (held) => {
      let answered = false;
      return {
        down(chunk, pair) {
          if (answered && !isWebSocket(pair)) return void held.push(() => pair.client.write(chunk)), false;
          if (!chunk.includes("3probe")) return true;
          answered = true;
          held.push(() => ((answered = false), pair.cut()));
          pair.client.end(chunk);
          return false;
        },
      };
    },
  };
  for (const [step, hooks] of Object.entries(steps)) {
    fault(`cut during the upgrade, ${step}`, {}, async (ctx, server, t) => {
      const held = [];
      const proxy = await startProxy(server.port, hooks(held));
      t.after(() => proxy.stop());
      const socket = ctx.track(ctx.io(proxy.url, { ...quick, forceNew: true }));
      const [id, got, events] = [key(), [], []];
      socket.on("disconnect", () => events.push("disconnect"));
      socket.on("n", (i) => got.push(i));
      await once(socket.io, "open");
      let sent = 0;
      const timer = setInterval(() => socket.emit("count", id, sent++), 1);
      socket.emit("burst", 50, 10);
      const [err] = await once(socket.io.engine, "upgradeError");
      held.forEach((release) => release());
      equal(err.message, "probe error");
      await sleep(100);
      clearInterval(timer);
      equal(await socket.emitWithAck("counted", id), numbers(sent));
      equal([events, socket.io.engine.transport.name, got], [[], "polling", numbers(50)]);
    });
  }

  fault("cut during the upgrade takes everything: what was not sent comes later, once", {}, async (ctx, server, t) => {
    let [release, upgrading] = [undefined, false];
    const probed = new Promise((resolve) => (release = resolve));
    const down = (chunk, pair) => {
      if (upgrading && !isWebSocket(pair)) return false; // the end of the poll would let the upgrade go on
      if (!release || !chunk.includes("3probe")) return true;
      release(() => pair.client.write(chunk));
      release = undefined;
      return false;
    };
    const proxy = await startProxy(server.port, { down });
    t.after(() => proxy.stop());
    const socket = ctx.track(ctx.io(proxy.url, { ...quick, forceNew: true }));
    const id = key();
    await connected(socket);
    const answer = await probed;
    let sent = 0;
    socket.io.engine.once("upgrading", () => {
      while (sent < 20) socket.emit("count", id, sent++, Uint8Array.of(sent));
      // Polling only: were it the WebSocket, polling would go on, and post what had waited.
      set(() => {
        upgrading = false;
        proxy.pairs.forEach((other) => isWebSocket(other) || other.cut());
      }, 10);
    });
    upgrading = true;
    answer();
    await once(socket, "disconnect");
    equal(sent, 20);
    await connected(socket);
    equal(await socket.emitWithAck("counted", id), numbers(20));
  });

  fault("sleep of the machine", { pingInterval: 300, pingTimeout: 600 }, async (ctx, server) => {
    for (const transports of [["polling"], ["websocket"]]) {
      const id = key();
      const args = [fileURLToPath(new URL("sleeper.mjs", import.meta.url)), clientKind, server.url, transports[0], id];
      const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
      const exited = new Promise((resolve) => child.once("close", resolve));
      let text = "";
      child.stdout.on("data", (chunk) => (text += chunk));
      await until(() => text.includes("awake\n"), "the sleeper's start");
      child.kill("SIGSTOP");
      await sleep(1500);
      child.stdin.write("woken\n");
      child.kill("SIGCONT");
      await until(() => text.includes("done "), "the sleeper's end");
      equal(await exited, 0, "exit code");
      const [, sent, reasons, doubtful] = /done (\d+) (.*) ([\d,]*)\n/.exec(text);
      const reader = ctx.connect("/", {});
      const counted = await reader.emitWithAck("counted", id);
      const mayMiss = new Set(doubtful.split(",").filter(Boolean).map(Number));
      equal(counted, numbers(+sent).filter((n) => counted.includes(n) || !mayMiss.has(n)));
      if (!/^(ping timeout|transport close|transport error)$/.test(reasons)) throw new Error("reasons: " + reasons);
    }
  });
}

// A server that answers garbage: each answer must end in connect_error or a disconnect, and in silence afterwards.
const open = (more) => `0{"sid":"abc","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000${more || ""}}`;
const garbage = {
  "a web page": "<!doctype html><p>hello",
  "an empty body": "",
  "bad JSON": "0{",
  "null": "0null",
  "no session": "0{}",
  "a message first": '42["x"]',
  "an unknown packet": "9",
  "upgrades of a wrong type": open().replace("[]", "5"),
  "pings of a wrong type": open().replace("25000", '"x"'),
  "open, then an unknown packet": open() + "\x1e" + "z",
  "open, then a bad Socket.IO type": open() + "\x1e49",
  "open, then bad JSON": open() + '\x1e42["x',
  "open, then an object as event": open() + "\x1e42{}",
  "open, then a reserved event": open() + '\x1e42["connect"]',
  "open, then too many attachments": open() + '\x1e4511-["x"]',
  "open, then no attachments": open() + '\x1e450-["x"]',
  "open, then an attachment of nothing": open() + "\x1ebAAAA",
  "open, then bad base64": open() + "\x1eb%%%",
  "open, then text for an attachment": open() + '\x1e451-["x",{"_placeholder":true,"num":0}]\x1e42["y"]',
  "open, then a placeholder out of range": open() + '\x1e451-["x",{"_placeholder":true,"num":7}]\x1ebAAAA',
  "open, then an empty message": open() + "\x1e4",
  "open twice": open() + "\x1e" + open(),
  "open, then closed": open() + "\x1e1",
  "open, then an unknown namespace": open() + '\x1e42/other,["x"]',
};

for (const transport of ["polling", "websocket"]) {
  test(`${clientKind} client: garbage over ${transport}`, { timeout: 60_000 }, async (t) => {
    let body = "";
    const http = createServer((req, res) => {
      if (req.method === "POST") return req.resume().on("end", () => res.end("ok"));
      if (!/[?&]sid=/.test(req.url)) res.end(body); // a poll after the handshake is left waiting
    });
    const wss = new WebSocketServer({ server: http });
    wss.on("connection", (ws) => body.split("\x1e").forEach((frame) => ws.send(frame)));
    await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
    t.after(() => {
      http.closeAllConnections();
      wss.close();
      http.close();
    });
    const rejections = [];
    const note = (err) => rejections.push(String(err));
    process.on("unhandledRejection", note);
    for (const [name, text] of Object.entries(garbage)) {
      body = text;
      const socket = client.io(`http://127.0.0.1:${http.address().port}`, { forceNew: true, transports: [transport], timeout: 200, ...quick });
      const events = [];
      socket.on("connect_error", (err) => events.push("error: " + err.message));
      socket.on("disconnect", (reason) => events.push(reason));
      // A close packet means something over polling only: a WebSocket is closed by closing it.
      const harmless = /unknown namespace$|^upgrades/.test(name) || (transport === "websocket" && /closed$/.test(name));
      if (harmless) {
        await sleep(60);
        equal(events, [], name);
      } else {
        await until(() => events.length >= 2, name);
      }
      socket.disconnect();
      // A POST that was under way ends first; its heartbeat's timer with it.
      await until(() => timers.size === 0, `no timer after "${name}"`);
      t.diagnostic(`${name}: ${[...new Set(events)].join(" | ")}`);
    }
    process.off("unhandledRejection", note);
    equal(rejections, [], "unhandled rejections");
  });
}
