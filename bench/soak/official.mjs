// The official client in the soak: sockets that lose their connections now and then, and
// check what they get. Arguments: how many, and the addresses of the servers.
import { createRequire } from "node:module";

const { io } = createRequire(new URL("../../conformance/client/", import.meta.url))("socket.io-client");
const [n, ...addresses] = process.argv.slice(2);
const rooms = 10;
const counts = { Connects: 0, Recovered: 0, Fresh: 0, Events: 0, Lost: 0, Doubled: 0, Broken: 0 };
const ways = [["websocket"], ["polling"], ["polling", "websocket"]];
const random = (most) => Math.floor(Math.random() * most);

function play(i) {
  const socket = io(`http://${addresses[i % addresses.length]}`, { forceNew: true, transports: ways[i % ways.length], reconnectionDelayMax: 2000 });
  let room, moving, last, before; // before: the id of the session that was lost
  const move = async (to) => {
    moving = true;
    try {
      await socket.timeout(20_000).emitWithAck("move", room, to);
    } catch {
      return; // the connection is lost, or that late: it is asked again
    }
    room = to;
    moving = false;
    for (const key of last.keys()) if (!key.startsWith(`${room} `)) last.delete(key);
  };
  socket.on("connect", () => {
    counts.Connects++;
    if (before) counts[socket.recovered ? "Recovered" : "Fresh"]++;
    if (!socket.recovered || !last) {
      last = new Map();
      room = i % rooms;
    }
    if (!socket.recovered || moving) move((room + 1) % rooms);
    before = socket.id;
  });
  socket.on("n", (of, life, k) => {
    counts.Events++;
    if (of !== room && !moving) counts.Broken++;
    const key = `${of} ${life}`;
    const was = last.get(key);
    if (was !== undefined && k <= was) counts.Doubled++;
    if (was !== undefined && k > was + 1) counts.Lost += k - was - 1;
    last.set(key, k);
    if (!moving && random(300) === 0) move((room + 1) % rooms);
  });
  const cut = () => {
    if (socket.connected) socket.io.engine.close(); // it comes back by itself
    setTimeout(cut, 5000 + random(55_000));
  };
  setTimeout(cut, random(60_000));
}

for (let i = 0; i < Number(n); i++) play(i);
setInterval(() => console.log(JSON.stringify(counts)), 1000);
