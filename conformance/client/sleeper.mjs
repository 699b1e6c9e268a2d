// A client in a process of its own, to be stopped and continued: counts until a second after it woke up.
import { loadClient } from "./lab.mjs";

const [kind, url, transport, key] = process.argv.slice(2);
const { io } = await loadClient(kind);
const socket = io(url, { transports: [transport], reconnectionDelay: 20, reconnectionDelayMax: 50 });
const reasons = [];
const doubtful = [];
let [sent, woken, ready, pinged] = [0, 0, false, 0];

socket.on("disconnect", (reason) => reasons.push(reason));
socket.io.on("ping", () => (pinged = Date.now()));
socket.once("connect", () => {
  const timer = setInterval(async () => {
    const now = Date.now();
    // What is in flight when the machine falls asleep may be lost; so it does when the first five have arrived.
    if (!woken && sent >= 5) {
      if (!ready) socket.emit("echo", 1, () => console.log("awake"));
      ready = true;
      return;
    }
    // A ping that had come while the machine slept, and is read now, says that the connection is good.
    if (woken && !reasons.length && now - pinged < 900) doubtful.push(sent);
    socket.emit("count", key, sent++);
    if (!woken || now - woken < 1000 || !socket.connected) return;
    clearInterval(timer);
    await socket.emitWithAck("echo", 1);
    console.log(`done ${sent} ${reasons.join(",")} ${doubtful.join(",")}`);
    socket.disconnect();
    process.exit(0);
  }, 5);
});
process.stdin.on("data", () => (woken = Date.now())); // written while it sleeps: a pause alone may be a busy machine's
process.stdin.on("end", () => process.exit(1));
