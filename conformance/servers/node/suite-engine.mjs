// The support server of the Engine.IO protocol suite: it sends back what it gets.
import { createServer } from "node:http";
import { Server } from "engine.io";

const httpServer = createServer((_request, response) => response.writeHead(404).end());
const engine = new Server({ pingInterval: 300, pingTimeout: Number(process.env.PING_TIMEOUT ?? 200), cors: { origin: "*" } });
engine.attach(httpServer);
engine.on("connection", (socket) => {
  socket.on("data", (data) => socket.send(data));
});
httpServer.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => console.log("listening"));
