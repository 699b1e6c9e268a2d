// A redis-server, Node servers with an official adapter on it, their clients, and
// the emitter in Go.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { createAdapter, createShardedAdapter } from "@socket.io/redis-adapter";
import { createAdapter as createStreamsAdapter } from "@socket.io/redis-streams-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";
import { Manager } from "socket.io-client";

/** Adapters by name: the emitter's form, and how a node makes its own. */
export const modes = {
  classic: { form: "classic", make: (pub, sub) => createAdapter(pub, sub) },
  "sharded, dynamic": { form: "sharded", make: (pub, sub) => createShardedAdapter(pub, sub) },
  "sharded, dynamic-private": { form: "sharded", make: (pub, sub) => createShardedAdapter(pub, sub, { subscriptionMode: "dynamic-private" }) },
  "sharded, static": { form: "sharded", make: (pub, sub) => createShardedAdapter(pub, sub, { subscriptionMode: "static" }) },
  streams: { form: "streams", make: (pub) => createStreamsAdapter(pub) },
  "four streams": { form: "four-streams", make: (pub) => createStreamsAdapter(pub, { streamCount: 4 }) },
};

// However this process ends, what it has started ends with it.
const children = new Set();
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

/** startRedis runs a redis-server of its own, on a Unix socket: a port could be another's. */
export async function startRedis() {
  const folder = mkdtempSync(path.join(tmpdir(), "redis-"));
  const socket = path.join(folder, "s");
  const child = spawn("redis-server", ["--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no", "--dir", folder], { stdio: "ignore" });
  child.on("error", (error) => console.error(`redis-server: ${error.message}`));
  children.add(child);
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return { socket };
}

export async function connectRedis(socket) {
  const client = createClient({ socket: { path: socket, reconnectStrategy: 20 } }); // until it listens
  client.on("error", () => {});
  return client.connect();
}

/** until waits for something that comes by itself; what is a text, or says what it was. */
export async function until(what, f) {
  for (const end = Date.now() + 30_000; ; ) {
    const value = await f();
    if (value) return value;
    if (Date.now() > end) assert.fail(`never came: ${typeof what === "function" ? what() : what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** connect connects a client of a connection of its own, and keeps what it gets. */
async function connect(node, port, namespace, options) {
  const manager = new Manager(`http://127.0.0.1:${port}`, { transports: ["websocket"], reconnection: false, ...options });
  const socket = manager.socket(namespace);
  const client = { socket, namespace, node, got: [], rooms: new Set() };
  socket.onAny((...event) => {
    if (typeof event.at(-1) === "function" && client.silent) return;
    if (typeof event.at(-1) === "function") return event.at(-1)(client.id, ...event.slice(1, -1)); // what is to be acknowledged
    client.got.push(event);
  });
  socket.on("disconnect", (reason) => (client.reason = reason));
  await once(socket, "connect");
  client.id = socket.id;
  client.rooms.add(client.id);
  node.clients.push(client);
  return client;
}

/** Node is a server with an official adapter. */
export class Node {
  serverSide = []; // what its namespaces have heard
  clients = [];
  static async start(redis, mode, options = {}) {
    const node = new Node();
    node.redis = [await connectRedis(redis), await connectRedis(redis)];
    node.http = createServer().listen(0, "127.0.0.1");
    await once(node.http, "listening");
    node.io = new Server(node.http, { serveClient: false, adapter: mode.make(...node.redis), ...options });
    const hear = (name) => (nsp) => nsp.on("server", (...args) => node.serverSide.push([nsp.name, ...args]));
    hear()(node.io.of("/"));
    const tell = (socket) => (socket.data.profile = { id: socket.id });
    node.io.of(/^\/dyn-/).on("connection", tell);
    node.io.on("connection", tell);
    node.io.on("new_namespace", hear());
    node.io.on("who", (x, ack) => ack(`node ${x}`));
    return node;
  }
  client(namespace, options = {}) {
    return connect(this, this.http.address().port, namespace, options);
  }
  async view(namespace) {
    return Object.fromEntries([...this.io.of(namespace).sockets.values()].map((s) => [s.id, [...s.rooms]]));
  }
  /** die cuts the server off from Redis, as if its process had ended. */
  async die() {
    await this.redis[0].ping(); // what it has sent is there: otherwise the adapter would throw
    for (const client of this.redis) client.destroy();
    this.stop();
  }
  // stop ends what clients use. The adapters' connections to Redis end with the
  // process: those of streams cannot be ended, and others are still used.
  stop() {
    for (const c of this.clients) c.socket.io.engine?.close();
    this.io.engine.close();
    this.http.close();
  }
}

/** GoServer is a server in Go. */
export class GoServer {
  serverSide = [];
  gaps = []; // why each was reported
  clients = [];
  answers = new Map();
  last = 0;
  static async start(redis, variant, env = {}) {
    const server = new GoServer();
    server.variant = variant;
    server.child = spawn(process.env.SERVER, [variant], { env: { ...process.env, ...env, REDIS: redis }, stdio: ["pipe", "pipe", "inherit"] });
    children.add(server.child);
    const lines = createInterface(server.child.stdout);
    const [port] = await once(lines, "line");
    server.port = Number(port);
    lines.on("line", (text) => {
      const { id, result, error, heard, gap } = JSON.parse(text);
      if (gap) return server.gaps.push(gap);
      if (heard) return server.serverSide.push(unmarked(heard));
      const { resolve } = server.answers.get(id);
      server.answers.delete(id);
      resolve({ result: unmarked(result), error });
    });
    return server;
  }
  /** ask gives an order, and returns its result and error. */
  ask(order) {
    const id = ++this.last;
    const answer = new Promise((resolve) => this.answers.set(id, { resolve }));
    this.child.stdin.write(JSON.stringify({ namespace: "/", all: order.rooms === undefined, expect: 20_000, ...order, id }) + "\n");
    return answer;
  }
  /** do gives an order that must succeed, and returns its result. */
  async do(order) {
    const { result, error } = await this.ask(order);
    assert.equal(error, undefined, `${order.do}: ${error}`);
    return result;
  }
  client(namespace, options = {}) {
    return connect(this, this.port, namespace, options);
  }
  view(namespace) {
    return this.do({ do: "view", namespace });
  }
  async stop() {
    for (const c of this.clients) c.socket.io.engine?.close();
    this.child.stdin.end();
    const [code] = await once(this.child, "exit");
    children.delete(this.child);
    assert.equal(code, 0, "the server ends well");
  }
  kill() {
    this.child.kill("SIGKILL");
    children.delete(this.child);
  }
}

/** NodeProcess is a Node server in a process of its own, which can be killed and stopped. */
export class NodeProcess {
  clients = [];
  static async start(redis, mode) {
    const server = new NodeProcess();
    server.child = spawn(process.execPath, [new URL("node.mjs", import.meta.url).pathname, redis, mode], { stdio: ["pipe", "pipe", "inherit"] });
    children.add(server.child);
    const [port] = await once(createInterface(server.child.stdout), "line");
    server.port = Number(port);
    return server;
  }
  client(namespace, options = {}) {
    return connect(this, this.port, namespace, options);
  }
  kill() {
    this.child.kill("SIGKILL");
    children.delete(this.child);
  }
}

/** unmarked makes {"$bytes": base64} bytes. */
function unmarked(v) {
  if (Array.isArray(v)) return v.map(unmarked);
  if (v === null || typeof v !== "object") return v;
  if (typeof v.$bytes === "string") return Buffer.from(v.$bytes, "base64");
  return Object.fromEntries(Object.entries(v).map(([key, value]) => [key, unmarked(value)]));
}

/** Emitter is the program in Go. */
export class Emitter {
  constructor(redis, form) {
    this.child = spawn(process.env.EMITTER, [form], { env: { ...process.env, REDIS: redis }, stdio: ["pipe", "pipe", "inherit"] });
    children.add(this.child);
    this.lines = createInterface(this.child.stdout)[Symbol.asyncIterator]();
  }
  send(order) {
    this.child.stdin.write(JSON.stringify({ namespace: "/", all: order.rooms === undefined, ...order }) + "\n");
  }
  async done() {
    const { value } = await this.lines.next();
    assert.equal(value, "ok");
  }
  async do(order) {
    this.send(order);
    await this.done();
  }
  async stop() {
    this.child.stdin.end();
    const [code] = await once(this.child, "exit");
    children.delete(this.child);
    assert.equal(code, 0, "the emitter ends well");
  }
}
