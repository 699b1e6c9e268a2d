// The contract server (CONTRACT.md) on the official Node server. Options come as JSON in argv[2].
import { createServer } from "node:http";
import { Server } from "socket.io";

const options = JSON.parse(process.argv[2] || "{}");
let polls = 0; // that wait for an answer
const http = createServer((req, res) => {
  if (req.url === "/state") res.end(JSON.stringify({ polls, connections: io.engine.clientsCount }));
  else res.writeHead(404).end();
});
const io = new Server(http, {
  pingInterval: options.pingInterval ?? 25000,
  pingTimeout: options.pingTimeout ?? 20000,
  maxHttpBufferSize: options.maxHttpBufferSize ?? 1e6,
  transports: options.transports ?? ["polling", "websocket"],
  cors: { origin: true, credentials: true },
  ...(options.recovery && { connectionStateRecovery: {} }),
});
// Server keeps for other paths what listened before it.
http.on("request", (req, res) => {
  if (req.method !== "GET" || !/[?&]sid=/.test(req.url)) return;
  polls++;
  res.once("close", () => polls--);
});

// What clients counted in, by the key they chose; survives their reconnects.
const counters = new Map();
const tries = new Map();

function serve(socket) {
  socket.emit("welcome", { id: socket.id, auth: socket.handshake.auth, query: { ...socket.handshake.query } });
  socket.on("echo", (...args) => {
    const ack = typeof args.at(-1) === "function" ? args.pop() : undefined;
    ack ? ack(...args) : socket.emit("echo", ...args);
  });
  socket.on("ask", (...args) => {
    socket.emit("question", ...args, (...answer) => socket.emit("answer", ...answer));
  });
  socket.on("burst", (n, size) => {
    const filler = "x".repeat(size);
    for (let i = 0; i < n; i++) socket.emit("n", i, filler);
  });
  socket.on("count", (key, i) => {
    if (!counters.has(key)) counters.set(key, []);
    counters.get(key).push(i);
  });
  socket.on("counted", (key, ack) => ack(counters.get(key) ?? []));
  socket.on("header", (name, ack) => ack(socket.handshake.headers[name] ?? null));
  socket.on("late", (ms, value, ack) => setTimeout(() => ack(value), ms));
  socket.on("never", () => {});
  socket.on("third", (key, ack) => {
    const n = (tries.get(key) ?? 0) + 1;
    tries.set(key, n);
    if (n >= 3) ack(n);
  });
  socket.on("join", (room, ack) => {
    socket.join(room);
    ack();
  });
  socket.on("tell", (room, ...args) => socket.nsp.to(room).emit(...args));
  socket.on("leave-me", () => socket.disconnect());
  socket.on("kick", () => socket.disconnect(true));
  socket.on("cut", () => socket.conn.close());
}

io.on("connection", serve);
io.of("/custom").on("connection", serve);
io.of("/été").on("connection", serve);
io.of("/guarded")
  .use((socket, next) => {
    if (socket.handshake.auth.token === "secret") return next();
    next(Object.assign(new Error("not authorized"), { data: { code: "E_AUTH", details: [1, 2] } }));
  })
  .on("connection", serve);

http.listen(options.port ?? 0, "127.0.0.1", () => console.log(`listening ${http.address().port}`));
process.on("SIGTERM", () => io.close(() => process.exit()));
process.stdin.on("end", () => process.exit()).resume(); // the parent is gone
