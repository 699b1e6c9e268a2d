// Socket.IO on uWebSockets (C++), as its documentation attaches it. The npm
// package exports the module's object: App() is a property of the default.
import uWebSockets from "uwebsockets";
import { Server } from "socket.io";
import { serve } from "./handlers.js";

const app = uWebSockets.App();
const io = new Server();
io.attachApp(app);
serve(io);
app.listen("127.0.0.1", Number(process.env.PORT), (listening) => {
  if (!listening) {
    console.error("cannot listen");
    process.exit(1);
  }
});
