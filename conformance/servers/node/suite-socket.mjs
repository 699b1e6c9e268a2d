// The support server of the Socket.IO protocol suite.
import { Server } from "socket.io";
import { createServer } from "node:http";

const httpServer = createServer((_request, response) => response.writeHead(404).end());
const io = new Server(httpServer, {
  pingInterval: 300,
  pingTimeout: Number(process.env.PING_TIMEOUT ?? 200),
  connectTimeout: Number(process.env.CONNECT_TIMEOUT ?? 1000),
  cors: { origin: "*" },
});

for (const name of ["/", "/custom"]) {
  io.of(name).on("connection", (socket) => {
    socket.emit("auth", socket.handshake.auth);
    socket.on("message", (...args) => socket.emit("message-back", ...args));
    socket.on("message-with-ack", (...args) => args.pop()(...args));
  });
}
httpServer.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => console.log("listening"));
