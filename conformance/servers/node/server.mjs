// The reference implementation of CONTRACT.md, on the official Node server.
import { createServer } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { Server } from "socket.io";

const httpServer = createServer(control);
const io = new Server(httpServer, {
  pingInterval: 1000,
  pingTimeout: 10_000,
  serveClient: false,
  cleanupEmptyChildNamespaces: true,
  addTrailingSlash: false, // accepts both
});
const generateId = io.engine.generateId;
io.engine.generateId = (request) => {
  const id = request._query.engine;
  if (id === "none") throw new Error("no id for you");
  return id ?? generateId(request);
};

const reasons = new Map(); // by socket id
const reasonWaiters = new Map(); // by socket id: callbacks

for (const name of ["/", "/chat", "/admin", "/closed", "/stream"]) {
  io.of(name).on("connection", (socket) => {
    remember(socket);
    (name === "/stream" ? stream : events)(socket);
  });
}

const byUser = (name, auth, next) => next(null, name.startsWith("/of-") && name === `/of-${auth.user}`);
for (const parent of [io.of(/^\/dynamic-\d+$/), io.of(byUser)]) {
  parent.use((socket, next) => next(socket.handshake.auth.token === "wrong" ? refusal({ code: "E_AUTH" }) : undefined));
  parent.on("connection", (socket) => {
    remember(socket);
    events(socket);
    listen(socket);
    socket.on("say-all", (text, ack) => {
      parent.emit("said", text);
      ack(true);
    });
    socket.on("room-events", (ack) => ack(roomEvents.get(socket.nsp.name) ?? []));
  });
}

const roomEvents = new Map(); // by namespace
io.on("new_namespace", (namespace) => {
  const all = roomEvents.get(namespace.name) ?? [];
  roomEvents.set(namespace.name, all);
  for (const type of ["create-room", "join-room", "leave-room", "delete-room"]) {
    namespace.adapter.on(type, (room) => room.length !== 20 && all.push(`${type} ${room}`)); // ids have 20 characters
  }
});

function refusal(data) {
  return Object.assign(new Error("not authorized"), { data });
}

function remember(socket) {
  socket.on("disconnect", (reason) => {
    reasons.set(socket.id, reason);
    for (const tell of reasonWaiters.get(socket.id) ?? []) tell();
    reasonWaiters.delete(socket.id);
  });
}

function listen(socket) {
  const heard = { in: [], out: [] };
  socket.onAny((name, ...args) => heard.in.push(`${name} ${withoutAck(args).length}`));
  socket.onAnyOutgoing((name, ...args) => heard.out.push(`${name} ${args.length}`));
  socket.on("heard", (ack) => ack(heard));
  socket.once("first", (ack) => ack("once"));
}

io.of("/admin").use((socket, next) => {
  if (socket.handshake.auth.token === "secret") return next();
  next(refusal({ code: "E_AUTH", need: ["token"] }));
});
io.of("/closed").use((_socket, next) => next(new Error("closed")));

function events(socket) {
  let count = 0;
  let ordered = true;

  if (socket.handshake.auth.room) socket.join(socket.handshake.auth.room);
  socket.use(([name, , may], next) => next(name === "count-if" && may !== true ? new Error("not let through") : undefined));
  socket.on("error", () => {}); // of the line above
  utilities(socket);
  socket.on("message", (...args) => socket.send(...args));
  socket.on("plain", (...args) => socket.compress(false).emit("plain", ...args));
  socket.on("echo", (...args) => socket.emit("echo", ...withoutAck(args)));
  socket.on("echo-ack", (...args) => args.pop()(...args));
  socket.on("slow", (ms, ack) => setTimeout(() => ack("done"), ms));
  socket.on("ask", async (question, ms, ack) => ack(await ask(socket, question, ms)));
  socket.on("ask-room", (room, question, ms, ack) => {
    const source = socket.nsp.to(room).timeout(ms);
    source.emit("question", question, (error, answers) => ack({ answers, missing: Boolean(error) }));
  });
  socket.on("size", (data) => socket.emit("size", Buffer.byteLength(data)));
  socket.on("binary", (...args) => args.pop()(weigh(args)));
  socket.on("blob", (n) => {
    const blob = (value) => Buffer.alloc(n, value);
    socket.emit("blob", { name: "blob", parts: [blob(1), { deep: blob(2) }] }, blob(3));
  });
  socket.on("whoami", (ack) => ack({ id: socket.id, namespace: socket.nsp.name, auth: socket.handshake.auth }));
  socket.on("join", async (room, ack) => {
    await socket.join(room);
    ack(true);
  });
  socket.on("leave", async (room, ack) => {
    await socket.leave(room);
    ack(true);
  });
  socket.on("rooms", (ack) => ack([...socket.rooms].filter((room) => room !== socket.id).sort()));
  socket.on("say", ({ from, to, except }, text, ack) => {
    const source = from === "namespace" ? socket.nsp : socket.broadcast;
    source.to(to).except(except).emit("said", text);
    ack(true);
  });
  const countOne = (i) => {
    ordered &&= i === count;
    count++;
  };
  socket.on("count", countOne);
  socket.on("count-if", countOne);
  socket.on("counted", (ack) => ack({ count, ordered }));
  socket.on("kick", (whole) => socket.disconnect(whole));
}

// utilities are what is done to all sockets of a room.
function utilities(socket) {
  const { nsp } = socket;
  socket.on("gather", (from, to, ack) => ack((nsp.in(from).socketsJoin(to), true)));
  socket.on("scatter", (from, room, ack) => ack((nsp.in(from).socketsLeave(room), true)));
  socket.on("dismiss", (room, whole, ack) => ack((nsp.in(room).disconnectSockets(whole), true)));
  socket.on("sockets", async (room, ack) => {
    const found = (await nsp.in(room).fetchSockets()).map(({ id, rooms, handshake: { auth, query, headers } }) => {
      return { id, rooms: [...rooms].filter((room) => room !== id).sort(), auth, query: query.note ?? "", header: headers["x-note"] ?? "" };
    });
    ack(found.sort((a, b) => (a.id < b.id ? -1 : 1)));
  });
}

function stream(socket) {
  let ticks = 0;
  let count = 0;
  let ordered = true;
  const timer = setInterval(() => socket.emit("tick", ticks++), 2);
  socket.on("disconnect", () => clearInterval(timer));
  socket.on("tock", (i) => {
    ordered &&= i === count;
    count++;
  });
  socket.on("stop", (ack) => {
    clearInterval(timer);
    ack({ ticks, count, ordered });
  });
}

async function ask(socket, question, ms) {
  try {
    return { answer: await socket.timeout(ms).emitWithAck("question", question) };
  } catch {
    return { error: "timeout" };
  }
}

function withoutAck(args) {
  return typeof args.at(-1) === "function" ? args.slice(0, -1) : args;
}

function weigh(value) {
  if (Buffer.isBuffer(value)) return { buffers: 1, bytes: value.length };
  const sum = { buffers: 0, bytes: 0 };
  if (typeof value !== "object" || value === null) return sum;
  for (const part of Object.values(value)) {
    const { buffers, bytes } = weigh(part);
    sum.buffers += buffers;
    sum.bytes += bytes;
  }
  return sum;
}

async function control(request, response) {
  const url = new URL(request.url, "http://localhost");
  const end = (status, body) => response.writeHead(status).end(body);
  switch (`${request.method} ${url.pathname}`) {
    case "GET /control/reason": {
      const id = url.searchParams.get("id");
      if (!reasons.has(id)) {
        const told = new Promise((resolve) => reasonWaiters.set(id, [...(reasonWaiters.get(id) ?? []), resolve]));
        await Promise.race([told, delay(5000)]);
      }
      return reasons.has(id) ? end(200, reasons.get(id)) : end(404);
    }
    case "GET /control/exists":
      return end(io._nsps.has(url.searchParams.get("namespace")) ? 204 : 404);
    case "POST /control/say": {
      const to = io.to(url.searchParams.get("room"));
      (url.searchParams.has("volatile") ? to.volatile : to).emit("said", url.searchParams.get("text"));
      return end(204);
    }
    case "POST /control/shutdown":
      end(204);
      return shutdown();
    default:
      return end(404);
  }
}

async function shutdown() {
  await io.close();
  process.exit(0);
}

process.on("SIGTERM", shutdown);
httpServer.listen(Number(process.env.PORT), "127.0.0.1", () => console.log("listening"));
