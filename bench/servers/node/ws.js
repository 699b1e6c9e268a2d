// Socket.IO on Node's http and the ws package: the default set-up.
import { createServer } from "node:http";
import { Server } from "socket.io";
import { serve } from "./handlers.js";

const server = createServer();
serve(new Server(server));
server.listen(Number(process.env.PORT), "127.0.0.1");
