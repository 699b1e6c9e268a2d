// The stock clients, and what tests do with them.
import * as newest from "socket.io-client";
import * as v31 from "socket.io-client-3.1";
import * as v41 from "socket.io-client-4.1";
import * as v44 from "socket.io-client-4.4";
import * as v45 from "socket.io-client-4.5";
import * as v47 from "socket.io-client-4.7";

// What the tests run with; the newest comes first.
export const versions = { 4.8: newest, 4.7: v47, 4.5: v45, 4.4: v44, 4.1: v41, 3.1: v31 };

// The ways to connect. "upgrade" is what a client does by default.
export const modes = {
  polling: ["polling"],
  websocket: ["websocket"],
  upgrade: ["polling", "websocket"],
};

export const patience = 20_000;

// Clients makes sockets of one version and mode, and closes them after a test.
export class Clients {
  constructor(url, version, mode, t) {
    Object.assign(this, { url, mode, io: versions[version].io });
    this.sockets = [];
    t.after(() => this.close());
  }

  // socket makes a socket on a connection of its own, not yet connected.
  socket(namespace = "/", options = {}) {
    if (this.closed) throw new Error("the test is over");
    const socket = this.io((options.url ?? this.url) + namespace, {
      transports: modes[this.mode],
      forceNew: true,
      autoConnect: false,
      reconnectionDelay: 50,
      reconnectionDelayMax: 200,
      ...options,
    });
    this.sockets.push(socket);
    return socket;
  }

  // connect makes a socket and waits until it is connected.
  async connect(namespace, options) {
    const socket = this.socket(namespace, options);
    socket.connect();
    await event(socket, "connect");
    return socket;
  }

  // sibling makes a socket of another namespace on the same connection.
  sibling(socket, namespace, options) {
    const sibling = socket.io.socket(namespace, options);
    this.sockets.push(sibling);
    return sibling;
  }

  close() {
    this.closed = true;
    for (const socket of this.sockets) {
      socket.io.reconnection(false);
      socket.disconnect();
      socket.io.engine?.close();
    }
  }
}

// event waits for one event of an emitter, and returns its arguments.
export function event(emitter, name, ms = patience) {
  return new Promise((resolve, reject) => {
    const listener = (...args) => {
      clearTimeout(timer);
      resolve(args);
    };
    const timer = setTimeout(() => {
      emitter.off(name, listener);
      reject(new Error(`no "${name}" within ${ms} ms`));
    }, ms);
    emitter.once(name, listener);
  });
}

// ack emits and waits for the acknowledgement, and returns its arguments. The
// older clients have no emitWithAck, the oldest no timeout.
export function ack(socket, name, ...args) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error(`no ack for "${name}" within ${patience} ms; ${state(socket)}`));
    }, patience);
    socket.emit(name, ...args, (...answers) => {
      clearTimeout(timer);
      resolve(answers);
    });
  });
}

function state({ connected, io: { engine } }) {
  const { readyState, transport, writeBuffer } = engine ?? {};
  return JSON.stringify({ connected, readyState, transport: transport?.name, waiting: writeBuffer?.length });
}

// upgraded waits until a socket's connection runs over WebSocket.
export async function upgraded(socket) {
  const { engine } = socket.io;
  if (engine.transport.name !== "websocket") await event(engine, "upgrade");
}

// record keeps the arguments of every such event, from now on.
export function record(socket, name) {
  const all = [];
  socket.on(name, (...args) => all.push(args));
  return all;
}

// recordOurs keeps what is said with this word in it, for other tests may say
// something to everybody.
export function recordOurs(socket, word) {
  const all = [];
  socket.on("said", (text) => text.includes(word) && all.push(text.replace(word, "").trim()));
  return all;
}

// until waits for a condition that events on the way make true.
export async function until(what, condition, ms = patience) {
  const end = Date.now() + ms;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`${what}: not within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
