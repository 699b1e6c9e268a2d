// The official server with the official parser: the oracle for server/main.go.
import { createServer } from "node:http";
import { Server } from "socket.io";
import parser from "socket.io-msgpack-parser";

const isBytes = (v) => v instanceof ArrayBuffer || ArrayBuffer.isView(v);

function describe(v) {
  if (isBytes(v)) return { bytes: Buffer.from(v).toString("hex") };
  if (Array.isArray(v)) return v.map(describe);
  if (v && typeof v === "object" && !(v instanceof Date)) return Object.fromEntries(Object.entries(v).map(([k, x]) => [k, describe(x)]));
  return v;
}

export async function startNode() {
  const http = createServer();
  const io = new Server(http, { parser, cors: { origin: "*" }, connectionStateRecovery: {} });
  for (const ns of [io.of("/"), io.of(/^\/dyn-\d+$/)]) {
    ns.on("connection", (socket) => {
      socket.emit("welcome", Object.keys(socket.handshake.auth).length ? socket.handshake.auth : null, socket.recovered);
      socket.on("echo", (v, ack) => ack(v));
      socket.on("kinds", (...args) => args.pop()(JSON.parse(JSON.stringify(describe(args)))));
      socket.on("call", async (v, ack) => ack(await socket.emitWithAck("question", v)));
      socket.on("join", (room, ack) => (socket.join(room), ack()));
      socket.on("tell", (room, event, ...args) => {
        const ack = args.pop();
        socket.nsp.to(room).emit(event, ...args);
        ack();
      });
      socket.on("leave", (...args) => {
        const ack = args.pop();
        socket.on("disconnect", () => setImmediate(() => socket.nsp.to(socket.id).emit(...args)));
        ack();
      });
      socket.on("kick", () => socket.disconnect());
    });
  }
  io.of("/guarded").use((_, next) => next(Object.assign(new Error("not authorized"), { data: { code: 7, list: [1, 2] } })));
  await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${http.address().port}`, stop: () => io.close() };
}
