// docs:load
// Opens clients and has each ask for an echo once a second; then says how long the
// answers took. It exits with 1 if a client was not let in, or an answer was lost.
//
//	node load.mjs http://localhost:3000 500 60
import { io } from "socket.io-client";

const [url, clients = "100", seconds = "10"] = process.argv.slice(2);
const times = [], sockets = [], timers = [];
let refused = 0, lost = 0, broken = 0;

for (let i = 0; i < Number(clients); i++) {
  const socket = io(url, { forceNew: true, transports: ["websocket"], reconnection: false });
  sockets.push(socket);
  socket.on("connect_error", () => refused++);
  socket.on("disconnect", () => broken++);
  socket.once("connect", () => {
    const ask = async () => {
      const start = performance.now();
      const answer = await socket.timeout(10_000).emitWithAck("echo", "hello").catch(() => null);
      answer === "hello" ? times.push(performance.now() - start) : lost++;
    };
    timers.push(setTimeout(() => (ask(), timers.push(setInterval(ask, 1000))), Math.random() * 1000)); // not all at once
  });
  if (i % 50 === 49) await new Promise((done) => setTimeout(done, 50)); // 1,000 a second
}
await new Promise((done) => setTimeout(done, Number(seconds) * 1000));
timers.forEach(clearInterval);
await new Promise((done) => setTimeout(done, 1000)); // the last answers

times.sort((a, b) => a - b);
const at = (share) => times[Math.floor((times.length - 1) * share)]?.toFixed(1);
const open = sockets.filter((socket) => socket.connected).length;
console.log({ open, refused, broken, answers: times.length, lost, p50: at(0.5), p99: at(0.99), longest: at(1) });
sockets.forEach((socket) => socket.disconnect());
process.exit(refused || lost || times.length === 0 ? 1 : 0);
