// The Node server of the chat: server.go in JavaScript.
import { unlinkSync } from "node:fs";
import { createServer } from "node:http";
import { createAdapter, createShardedAdapter } from "@socket.io/redis-adapter";
import { createAdapter as createStreamsAdapter } from "@socket.io/redis-streams-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";

const { SERVER: server, PORT: path, REDIS: redis, MODE: mode } = process.env;

// connect returns a connection to Redis that comes back by itself. Without it the server
// has a chat of its own.
function connect() {
  const client = createClient({ socket: { path: redis.replace("unix://", ""), reconnectStrategy: 500 } });
  client.on("error", (error) => console.error(`${server}: Redis: ${error.message || error.code}`));
  client.connect();
  return client;
}

const adapters = {
  classic: () => createAdapter(connect(), connect(), { requestsTimeout: 2000 }),
  sharded: () => createShardedAdapter(connect(), connect(), { requestsTimeout: 2000 }),
  streams: () => createStreamsAdapter(connect(), { requestsTimeout: 2000 }),
};

const http = createServer();
const options = { adapter: adapters[mode](), pingInterval: 5000, pingTimeout: 5000 };
if (mode === "streams") options.connectionStateRecovery = {}; // by any of the servers
const io = new Server(http, options);

io.use((socket, next) => {
  const name = socket.handshake.auth.name;
  if (typeof name !== "string" || name.trim() === "" || Buffer.byteLength(name) > 40) return next(new Error("a name is needed"));
  socket.data.name = name.trim();
  socket.data.server = server;
  next();
});

io.on("connection", (socket) => {
  socket.emit("welcome", server);
  socket.on("say", (text, done) => {
    if (typeof text !== "string" || Buffer.byteLength(text) > 500) return done?.({ error: { message: "at most 500 bytes" } });
    io.emit("said", { from: socket.data.name, text, server });
    done?.();
  });
  socket.on("who", async (done) => {
    const sockets = await io.fetchSockets().catch(() => []); // a server has not answered
    done(sockets.map(({ data }) => ({ name: data.name, server: data.server })).sort((a, b) => (a.name + a.server < b.name + b.server ? -1 : 1)));
  });
});

try {
  unlinkSync(path); // left by a process that was killed
} catch {}
http.listen(path);
process.on("SIGTERM", () => io.close(() => process.exit()));
