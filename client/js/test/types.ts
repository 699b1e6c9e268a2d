// Compiled, never run: what the types must accept, and (@ts-expect-error) refuse.
import io, { Manager, connect, io as named, protocol, type Socket } from "../index.js";

interface ServerToClient {
  news: (title: string, n: number) => void;
  question: (text: string, answer: (yes: boolean) => void) => void;
}
interface ClientToServer {
  hello: (name: string) => void;
  save: (note: { id: number }, done: (saved: string) => void) => void;
}

const any: Socket = io("/chat");
any.on("whatever", (a, b) => [a, b]).emit("something", 1, "two", () => {});
any.on("connect", () => {}).on("disconnect", (reason, details) => (reason === "ping timeout" ? details : any.id));
any.on("connect_error", (err) => [err.message, err.data]);

const socket: Socket<ServerToClient, ClientToServer> = io("http://localhost", { auth: { token: "x" }, retries: 3 });
socket.on("news", (title, n) => title.toUpperCase() + n.toFixed());
socket.once("question", (text, answer) => answer(text === ""));
socket.off("news").off();
socket.emit("hello", "you");
socket.emit("save", { id: 1 }, (saved) => saved.length);
socket.volatile.compress(false).emit("hello", "you");
socket.timeout(100).emit("save", { id: 1 }, (err, saved) => [err.message, saved.length]);
const saved: Promise<string> = socket.emitWithAck("save", { id: 1 });
const later: Promise<string> = socket.timeout(5).emitWithAck("save", { id: 1 });
socket.io.on("reconnect_attempt", (attempt) => attempt.toFixed());
socket.io.engine.on("upgrade", (transport) => transport.name);
socket.io.timeout(5).reconnectionDelay(10).open((err) => err && err.message);
socket.io.opts.query = { a: 1 };
socket.auth = (send) => send({ token: "y" });
const states: boolean[] = [socket.active, socket.connected, socket.disconnected, socket.recovered];

// @ts-expect-error: no such event to listen to
socket.on("nothing", () => {});
// @ts-expect-error: no such event to emit
socket.emit("news", "title", 1);
// @ts-expect-error: a wrong argument
socket.emit("hello", 5);
// @ts-expect-error: an argument is missing
socket.emit("save", { id: 1 });
// @ts-expect-error: the listener takes something else
socket.on("news", (title: number) => title);
// @ts-expect-error: the answer is a string
const wrong: Promise<number> = socket.emitWithAck("save", { id: 1 });
// @ts-expect-error: no such option
io("/", { reconection: true });

const manager = new Manager("http://localhost", { autoConnect: false });
const lobby: Socket = manager.socket("/lobby", { auth: { a: 1 } });
export { any, connect, lobby, named, protocol, saved, later, states, wrong };
