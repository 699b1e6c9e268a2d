// The server of server/main.go on the official Node server, which is the oracle.
import { createServer } from "node:http";
import { Server } from "socket.io";

const options = JSON.parse(process.argv[2]);
const http = createServer((req, res) => res.writeHead(404).end());
const io = new Server(http, {
  allowEIO3: options.allowEIO3,
  pingInterval: options.pingInterval || 25000,
  pingTimeout: options.pingTimeout || 20000,
  cors: { origin: options.origins, credentials: true },
  ...(options.recovery && { connectionStateRecovery: {} }),
});

io.use((socket, next) => next(socket.handshake.query.refuse ? new Error("not today") : undefined));
io.of("/guarded").use((socket, next) => {
  if (socket.handshake.auth.token === "secret") return next();
  next(Object.assign(new Error("not authorized"), { data: { code: "E_AUTH" } }));
});
for (const name of ["/", "/custom", "/guarded"]) {
  io.of(name).on("connection", (socket) => {
    const { auth, query } = socket.handshake;
    socket.emit("welcome", { id: socket.id, protocol: socket.conn.protocol, auth, name: query.name ?? "" });
    socket.on("echo", (...args) => socket.emit("echo", ...args));
    socket.on("same", (v, ack) => ack(v));
    socket.on("ask", (v, ack) => socket.emit("question", v, ack));
    socket.on("join", (room, ack) => (socket.join(room), ack()));
    socket.on("tell", (room, event, ...args) => socket.nsp.to(room).emit(event, ...args));
    socket.on("all", async (room, ack) => ack(await socket.nsp.to(room).timeout(5000).emitWithAck("question", "all")));
    socket.on("burst", (n) => {
      for (let i = 0; i < n; i++) socket.emit("n", i, Buffer.from([i, i >> 8]));
    });
    socket.on("transport", (ack) => ack(socket.conn.transport.name));
    socket.on("leave-me", () => socket.disconnect());
    socket.on("kick", () => socket.disconnect(true));
    socket.on("cut", () => socket.conn.close());
  });
}
process.stdin.resume().on("end", () => process.exit(0));
http.listen(0, "127.0.0.1", () => console.log("listening", http.address().port));
