// Compiled, never run: what is written for the types of socket.io-client 4.8 has to compile here, too.
import def, * as all from "socket.io-client";
import { connect, io, Manager, protocol, Socket } from "socket.io-client";
import type {
  DisconnectDescription,
  ExtendedError,
  ManagerOptions,
  ManagerReservedEvents,
  SocketOptions,
  SocketReservedEvents,
} from "socket.io-client";

interface ServerToClient {
  news: (title: string, n: number) => void;
  question: (text: string, answer: (yes: boolean) => void) => void;
  nothing: () => void;
}
interface ClientToServer {
  hello: (name: string) => void;
  save: (note: { id: number }, done: (saved: string) => void) => void;
}
type Typed = Socket<ServerToClient, ClientToServer>;
declare const maybe: string | undefined;
declare const either: string | Partial<ManagerOptions>;
declare const flag: boolean | undefined;

// Addresses that may be missing, and sockets for any map.
const typed: Typed = io(maybe, { auth: { token: "x" } });
const plain: Socket = io(maybe);
const list: Socket[] = [def("/"), all.io("/"), all.connect(), all.default("/"), connect(maybe), io()];
const wide: Socket<any, any> = typed;
const make: (uri?: string, opts?: Partial<ManagerOptions & SocketOptions>) => Socket = io;
let ref: ReturnType<typeof io> | null = null;
ref = io("/", { forceNew: true });
ref.on("anything", (value) => value.x).emit("anything", { x: 1 });
type Args = Parameters<typeof io>;
const args: Args = [maybe, { path: "/x" }];
io(...args);
const half: Partial<ManagerOptions & SocketOptions> = { transports: ["websocket"], query: { a: 1 } };
io(half);

// Options of other runtimes, and those of every transport.
io("/", {
  agent: false,
  autoUnref: true,
  rejectUnauthorized: false,
  ca: ["x"],
  cert: "x",
  key: "x",
  pfx: "x",
  passphrase: "x",
  ciphers: "x",
  perMessageDeflate: { threshold: 1024 },
  transports: ["polling", "websocket", "webtransport"],
  transportOptions: { polling: { extraHeaders: { a: "b" } }, webtransport: { hostname: "x" } },
  parser: {},
  timeout: 1000,
  retries: 2,
  ackTimeout: 3,
});
function read(opts: ManagerOptions): [number, boolean, string, number | undefined] {
  return [opts.reconnectionDelay, opts.forceNew, opts.path, opts.timeout];
}

// Sockets: listeners with the names of the types, and what may be assigned.
typed.on("connect_error", (err: ExtendedError) => [err.message, err.data]);
typed.on("disconnect", (reason: Socket.DisconnectReason, description?: DisconnectDescription) => [reason, description]);
typed.on(
  "disconnect",
  (
    reason:
      | "io server disconnect"
      | "io client disconnect"
      | "ping timeout"
      | "transport close"
      | "transport error"
      | "parse error"
  ) => reason
);
typed.on("news", async (title) => void title);
typed.on("question", (text, answer) => answer(text === ""));
typed.off("news", () => {}).removeAllListeners("news").removeListener("news").removeAllListeners();
const onConnect: SocketReservedEvents["connect"] = () => {};
typed.once("connect", onConnect);
typed.id = undefined;
typed.connected = true;
typed.recovered = false;
typed.auth = { token: "y" };
typed.auth = (cb) => cb({ token: "y" });
typed.sendBuffer = [];
typed.receiveBuffer = [];
typed.onAny((event, ...rest) => [event, rest]).prependAny((...rest) => rest).offAny();
typed.onAnyOutgoing((event: string, value: number) => [event, value]).offAnyOutgoing();
const names: [boolean, number] = [typed.hasListeners("news"), typed.listeners("news").length];
typed.listeners("news")[0]("title", 1);

// timeout() and the other modifiers, in any order.
typed.timeout(5).emit("save", { id: 1 }, (err: Error, saved: string) => [err, saved]);
typed.timeout(5).volatile.compress(false).emit("save", { id: 1 }, (err, saved) => [err.message, saved.length]);
typed.volatile.timeout(5).emit("save", { id: 1 }, (err, saved) => [err.message, saved.length]);
typed.compress(true).timeout(5).emit("hello", "x");
plain.timeout(5).emit("x", 1, (err: Error | null, value: any) => [err, value]);
plain.timeout(5).volatile.emit("x", (err: any) => err);
async function calls() {
  const a: string = await typed.emitWithAck("save", { id: 1 });
  const b = await typed.timeout(5).emitWithAck("save", { id: 1 });
  const c = await plain.timeout(5).emitWithAck("x", 1, 2);
  const d: { ok: boolean } = await plain.emitWithAck("x");
  return [a, b, c, d.ok];
}
const timed = typed.timeout(5);
const back: Socket<ServerToClient, any> = timed;
timed.on("news", (title) => title.length);

// Managers.
const manager = new Manager<ServerToClient, ClientToServer>(maybe, half);
const other: Manager = new Manager(either);
const third = new Manager({ autoConnect: false });
const lobby: Socket = third.socket("/lobby", { auth: {} });
const direct = new Socket(third, "/direct", { auth: {} });
class Client extends Socket<ServerToClient, ClientToServer> {
  hello() {
    return this.emit("hello", "x");
  }
}
const own: Typed = new Client(third, "/own");
const io2: Manager<ServerToClient, ClientToServer> = typed.io;
const onAttempt: ManagerReservedEvents["reconnect_attempt"] = (n) => n.toFixed();
typed.io.on("reconnect_attempt", onAttempt);
typed.io.on("close", (reason: string, description?: DisconnectDescription) => [reason, description]);
typed.io.on("packet", (packet) => [packet.type, packet.nsp, packet.data]);
typed.io.opts.query = { token: "x" };
typed.io.opts.query!.token = "y";
typed.io.opts.extraHeaders = { a: "b" };
typed.io.opts = half;
typed.io.opts.transports = ["polling", "websocket"];
third.reconnection(flag);
third.timeout(true).reconnectionAttempts(5).reconnectionDelay(1).reconnectionDelayMax(2).randomizationFactor(0);
const limit: number | boolean = third.timeout();
const state: "opening" | "open" | "closed" = third._readyState;
third._close();
third.open((err) => err && err.message).connect();

// The engine under a manager.
const { engine } = typed.io;
const sid: string = engine.id;
const transport: [string, boolean] = [engine.transport.name, engine.transport.writable];
engine.on("upgrade", (t) => t.name);
engine.once("close", (reason: string, details) => [reason, details]);
engine.on("packet", ({ type, data }) => [type, data]);
engine.on("packetCreate", ({ type, data }) => [type, data]);
engine.on("handshake", (data) => [data.sid, data.pingInterval, data.upgrades]);
engine.off("upgrade").removeAllListeners();
const waits: number = engine.writeBuffer.length;
engine.close();

export { list, wide, make, read, names, calls, back, manager, other, lobby, direct, own, io2, limit, state, sid, transport, waits, protocol };
