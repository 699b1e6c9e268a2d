// A test's clients: nine of them on all servers, who see each message once and in order,
// and go on chatting while servers are killed. It speaks with the Go test by lines:
// "say TEXT" has one client say it and prints "seen N" when all have it.
import { createInterface } from "node:readline";
import { io } from "socket.io-client";

const [url] = process.argv.slice(2);
const clients = Array.from({ length: 9 }, (_, i) => {
  const socket = io(url, {
    forceNew: true, auth: { name: `c${i}` }, query: { route: `r${i * 7}` }, reconnectionDelay: 100, reconnectionDelayMax: 500,
    transports: i % 3 === 0 ? ["websocket"] : i % 3 === 1 ? ["polling"] : ["polling", "websocket"],
  });
  const client = { socket, server: "", seen: [] };
  socket.on("welcome", (server) => { client.server = server; });
  socket.on("said", ({ text }) => client.seen.push(text));
  return client;
});

async function until(f) {
  for (const end = Date.now() + 60_000; Date.now() < end; await new Promise((r) => setTimeout(r, 20))) if (await f()) return true;
  return false;
}

let turn = 0;
const commands = {
  /**
   * spread has the clients connect again, by other routes, until they are on all servers, which may still start. The
   * routes of nine clients miss one of three servers in 8 of 100 cases, for nginx chooses by a hash of the route.
   */
  async spread() {
    const servers = () => [...new Set(clients.map((c) => c.server))].sort();
    await until(async () => {
      if ((await commands.connected()) === "all" && servers().length === 3) return true;
      for (const { socket } of clients) {
        socket.io.opts.query.route = `r${Math.random()}`;
        socket.disconnect().connect();
      }
      await new Promise((r) => setTimeout(r, 500));
    });
    return servers().join(",");
  },
  /** connected waits for all clients. */
  async connected() {
    return (await until(() => clients.every((c) => c.socket.connected && c.server !== ""))) ? "all" : "not all";
  },
  /** say has the next client say a text until all have it: what is said while a server dies may be lost. */
  async say(text) {
    let n = 0;
    const ok = await until(async () => {
      const marked = `${text}.${n++}`;
      clients[turn++ % clients.length].socket.emit("say", marked);
      for (const end = Date.now() + 2000; Date.now() < end; await new Promise((r) => setTimeout(r, 10)))
        if (clients.every((c) => c.seen.filter((t) => t === marked).length === 1)) return true;
      return false;
    });
    return ok ? `all after ${n}` : `only ${clients.filter((c) => c.seen.some((t) => t.startsWith(text))).length}`;
  },
  /** who prints how many people each server knows. */
  async who() {
    const ok = await until(async () => {
      const lists = await Promise.all(clients.map((c) => c.socket.timeout(5000).emitWithAck("who").catch(() => [])));
      return lists.every((list) => list.length === clients.length);
    });
    return ok ? "all" : "not all";
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const [command, ...rest] = line.split(" ");
  console.log(await commands[command](...rest));
}
process.exit();
