// Starts the examples, and what stands between them and the browser.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../lib/port.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** The examples, all or those that EXAMPLES names. */
export const examples = process.env.EXAMPLES?.split(",") ?? ["nethttp", "gin", "echo", "fiber", "chi"];

const work = mkdtempSync(path.join(tmpdir(), "browser-"));
const running = new Set();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
  rmSync(work, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => process.exit(1));

/** A new empty folder, which goes with this process. */
export const newFolder = () => mkdtempSync(path.join(work, "dir-"));

/** Compiles examples; with the race detector where there is a C compiler. */
export function build(...examples) {
  const race = execFileSync("go", ["env", "CGO_ENABLED"], { encoding: "utf8" }).trim() === "1" ? ["-race"] : [];
  execFileSync("go", ["build", ...race, "-o", work, ...examples.map((example) => `./examples/${example}`)], { cwd: root, stdio: "inherit" });
}

/** One example, started, stopped and started again on the same port. */
export class App {
  /** patience: ms until it serves its page. */
  constructor(example, env = {}, patience = 60_000) {
    this.example = example;
    this.env = env;
    this.patience = patience;
    this.log = "";
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  async start() {
    this.port ??= await freePort();
    this.child = spawn(path.join(work, this.example), [], { env: { ...process.env, ...this.env, PORT: String(this.port), GIN_MODE: "release" }, stdio: ["ignore", "pipe", "pipe"] });
    running.add(this.child);
    this.ended = new Promise((resolve) => this.child.on("exit", (code, signal) => resolve({ code, signal })));
    for (const stream of [this.child.stdout, this.child.stderr]) stream.setEncoding("utf8").on("data", (text) => (this.log += text));
    for (const end = Date.now() + this.patience; ; ) {
      const ok = await fetch(this.url).then((response) => response.ok, () => false);
      if (ok) return;
      if (this.child.exitCode !== null || Date.now() > end) throw new Error(`${this.example} does not start:\n${this.log}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Asks it to stop, as a deployment does, and says how it went. */
  async stop() {
    const start = Date.now();
    this.child.kill("SIGTERM");
    const timer = setTimeout(() => this.child.kill("SIGKILL"), 15_000);
    const { code, signal } = await this.ended;
    clearTimeout(timer);
    running.delete(this.child);
    return { code, signal, ms: Date.now() - start };
  }
}

/** A proxy that knows no WebSocket, as there are in companies. */
export async function oldProxy(target) {
  let refused = 0;
  const server = http.createServer((request, response) => {
    const { method, headers, url } = request;
    const onward = http.request(target + url, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.rawHeaders);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    response.on("close", () => onward.destroy());
    request.pipe(onward);
  });
  server.on("upgrade", (_, socket) => {
    refused++;
    socket.end("HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    refused: () => refused,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}
