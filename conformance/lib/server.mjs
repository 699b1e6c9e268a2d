// Starts and stops the servers under test.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import path from "node:path";
import { freePort } from "./port.mjs";

const readyWithin = 30_000;
const endsWithin = 10_000;
const conformance = fileURLToPath(new URL("..", import.meta.url));

// Commands of servers, by name. Those of Go are built by run.mjs.
function command(name) {
  const node = { node: "server.mjs", "node-suite-engine": "suite-engine.mjs", "node-suite-socket": "suite-socket.mjs" };
  if (node[name]) return [process.execPath, [path.join(conformance, "servers/node", node[name])]];
  const folder = process.env.GO_SERVERS;
  if (!folder) throw new Error(`server ${name} is in Go: run the tests by run.mjs, which builds it`);
  return [path.join(folder, name), []];
}

// Server is one server's process; restart starts a new one on the same port.
export class Server {
  // start starts a server; one that is for a single test ends with it.
  static async start(name, t, env = {}) {
    const server = new Server();
    server.name = name;
    server.env = env;
    t?.after(() => server.discard()); // whatever becomes of the test meanwhile
    server.port = await freePort();
    await server.restart();
    return server;
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  async restart() {
    if (this.discarded) throw new Error("the test is over");
    const [file, args] = command(this.name);
    this.output = "";
    this.child = spawn(file, args, {
      env: { ...process.env, ...this.env, PORT: String(this.port), GORACE: "halt_on_error=1 exitcode=66" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    children.add(this.child);
    this.ended = once(this.child, "exit").then(([code, signal]) => ({ code, signal }));
    const { child } = this;
    this.expected = false;
    // died rejects if the server ends without having been told to.
    this.died = this.ended.then((end) => {
      children.delete(child);
      if (this.expected) return new Promise(() => {});
      console.error(`${this.name} ended with ${JSON.stringify(end)}:\n${this.output}`);
      throw new Error(`${this.name} ended by itself`);
    });
    this.died.catch(() => {}); // nobody may be waiting
    const ready = new Promise((resolve) => {
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding("utf8").on("data", (text) => {
          this.output = (this.output + text).slice(-20_000);
          if (/^listening$/m.test(this.output)) resolve("listening");
        });
      }
    });
    const first = await Promise.race([ready, this.ended, delay(readyWithin, "late", { ref: false })]);
    if (first !== "listening") {
      child.kill("SIGKILL");
      throw new Error(`${this.name} did not start (${JSON.stringify(first)}):\n${this.output}`);
    }
  }

  // kill ends the process without warning.
  async kill() {
    this.expected = true;
    this.child?.kill("SIGKILL");
    await this.ended;
  }

  // discard is kill, and there is no restart after it.
  async discard() {
    this.discarded = true;
    await this.kill();
  }

  // shutdown asks for a graceful end, and fails unless there is one.
  async shutdown() {
    this.expected = true;
    await fetch(`${this.url}/control/shutdown`, { method: "POST" });
    await this.#endsWell();
  }

  async stop() {
    this.expected = true;
    this.child.kill("SIGTERM");
    await this.#endsWell();
  }

  async #endsWell() {
    const end = await Promise.race([this.ended, delay(endsWithin, "late", { ref: false })]);
    if (end === "late") this.child.kill("SIGKILL");
    if (end.code !== 0) throw new Error(`${this.name} ended with ${JSON.stringify(end)}:\n${this.output}`);
  }

  // reason is why the server's application says that a socket was disconnected.
  async reason(id) {
    const response = await fetch(`${this.url}/control/reason?id=${encodeURIComponent(id)}`);
    return response.ok ? response.text() : `no reason within 5 s (${response.status})`;
  }
}

// However this process ends, its servers end with it.
const children = new Set();
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => process.exit(1));
