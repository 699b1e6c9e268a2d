// The Node server that bench/cluster measures: server.go in JavaScript. Its first line is
// its port.
import { createServer } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { createAdapter, createShardedAdapter } from "@socket.io/redis-adapter";
import { createAdapter as createStreamsAdapter } from "@socket.io/redis-streams-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";

const [mode, path] = process.argv.slice(2);
const connect = () => createClient({ socket: { path } }).connect();
const [pub, sub] = [await connect(), await connect()];
const adapter = {
  none: () => undefined,
  classic: () => createAdapter(pub, sub),
  sharded: () => createShardedAdapter(pub, sub),
  streams: () => createStreamsAdapter(pub, { maxLen: 1_000_000 }),
}[mode]();
const http = createServer();
const io = new Server(http, { adapter, serveClient: false, perMessageDeflate: false });
io.on("sync", (done) => done(1));
io.on("connection", (socket) => {
  socket.on("join", (room, done) => { socket.join(room); done(); });
  socket.on("fan", (at) => io.emit("m", at));
  socket.on("flood", async (room, n, text, done) => {
    for (let i = 0; i < n; i++) {
      io.to(room).emit("m", text);
      if (i % 512 === 511) await pub.ping(); // what was sent is there: no more than 512 wait
    }
    await pub.ping();
    done();
  });
  socket.on("sync", (done) => io.serverSideEmitWithAck("sync").then(() => done(), () => done()));
  socket.on("memory", async (done) => { global.gc(); await pause(200); global.gc(); done(process.memoryUsage().rss); });
});
http.listen(0, "127.0.0.1", () => console.log(http.address().port));
