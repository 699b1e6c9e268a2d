// The lines that the replayed clients send on: HTTP requests as they write them,
// and a WebSocket whose messages are taken one at a time.
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { WebSocket } from "ws";

const patience = 20_000;
export const server = new URL(process.env.SERVER);
const separator = "\x1e";

// within rejects when a promise takes too long.
export async function within(what, promise) {
  const timer = new AbortController();
  const late = delay(patience, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`no ${what} within ${patience} ms`);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    timer.abort();
    late.catch(() => {});
  }
}

// Line is one TCP connection that requests are written on by hand.
export class Line {
  #bytes = Buffer.alloc(0);

  static async open() {
    const line = new Line();
    line.socket = connect(Number(server.port), server.hostname);
    line.socket.on("error", () => {}); // a close follows, and whoever waits hears of it
    await within("connection", once(line.socket, "connect"));
    return line;
  }

  // request writes a request, and answers with the response's status and body.
  // A client that reads on by itself takes what comes afterwards.
  async request(method, target, headers, body = "") {
    const lines = Object.entries({ Host: server.host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
    this.socket.write(`${method} ${target} HTTP/1.1\r\n${lines.join("")}\r\n${body}`);
    const head = await this.#until((bytes) => bytes.indexOf("\r\n\r\n") + 4, 3);
    const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
    const text = await this.#until(() => length);
    return { status: Number(head.toString().split(" ")[1]), head: head.toString(), body: text.toString() };
  }

  async #until(end, least = -1) {
    while (!(end(this.#bytes) > least && this.#bytes.length >= end(this.#bytes))) {
      const [chunk] = await within("answer", Promise.race([
        once(this.socket, "data"),
        once(this.socket, "close").then(() => Promise.reject(new Error("closed without an answer"))),
      ]));
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
    }
    const taken = this.#bytes.subarray(0, end(this.#bytes));
    this.#bytes = this.#bytes.subarray(taken.length);
    return taken;
  }
}

// alone sends one request on a connection of its own.
export async function alone(method, target, headers, body) {
  const line = await Line.open();
  try {
    return await line.request(method, target, { Connection: "close", ...headers }, body);
  } finally {
    line.socket.destroy();
  }
}

// Socket is a WebSocket: text messages are strings, others Buffers.
export class Socket {
  #messages = [];
  #taker;

  static async open(target, options = {}) {
    const socket = new Socket();
    socket.ws = new WebSocket(`ws://${server.host}${target}`, options.protocols ?? [], { perMessageDeflate: false, ...options });
    socket.ws.on("message", (data, isBinary) => socket.#put(isBinary ? data : data.toString()));
    socket.ws.on("close", (code) => socket.#put(new Error(`closed with ${code}`)));
    socket.ws.on("error", (error) => socket.#put(error));
    await within("WebSocket", new Promise((resolve, reject) => socket.ws.once("open", resolve).once("error", reject)));
    return socket;
  }

  #put(message) {
    this.#messages.push(message);
    this.#taker?.();
  }

  send(message) {
    this.ws.send(message);
  }

  async next() {
    while (this.#messages.length === 0) await within("message", new Promise((resolve) => (this.#taker = resolve)));
    const message = this.#messages.shift();
    if (message instanceof Error) throw message;
    if (message !== "2") return message;
    this.send("3"); // a heartbeat
    return this.next();
  }

  close() {
    this.ws.terminate();
  }
}

// Polling sends each message in a request of its own, and polls one at a time.
export class Polling {
  #packets = [];

  constructor(target, headers, encode) {
    Object.assign(this, { target, headers, encode });
  }

  // send POSTs packets: texts, and Buffers as base64 the way the client writes it.
  async send(...packets) {
    const body = packets.map((packet) => (typeof packet === "string" ? packet : this.encode(packet))).join(separator);
    const headers = { "Content-Type": "text/plain; charset=UTF-8", "Content-Length": Buffer.byteLength(body) };
    const { status, body: answer } = await alone("POST", this.target, { ...this.headers, ...headers }, body);
    if (status !== 200 || answer !== "ok") throw new Error(`a POST was answered with ${status} ${answer}`);
  }

  async next() {
    while (this.#packets.length === 0) {
      const { status, body } = await alone("GET", this.target, this.headers);
      if (status !== 200) throw new Error(`a poll was answered with ${status} ${body}`);
      this.#packets.push(...body.split(separator));
    }
    const packet = this.#packets.shift();
    if (packet.startsWith("b")) return Buffer.from(packet.slice(1), "base64");
    if (packet !== "2") return packet;
    await this.send("3");
    return this.next();
  }

  close() {}
}
