// Starts contract servers and loads clients.
import { spawn, execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { WebSocket } from "ws";

const here = dirname(fileURLToPath(import.meta.url));
export const dist = join(here, "../../core/internal/browser/dist");
export const officialDist = join(here, "node_modules/socket.io-client/dist");

const pick = (name, all) => (process.env[name] ? process.env[name].split(",") : all);
/** Which clients and servers to run: CLIENT=ours,official SERVER=node,go. */
export const clients = pick("CLIENT", ["ours", "official"]);
export const servers = pick("SERVER", existsSync(join(here, "server-go/main.go")) ? ["node", "go"] : ["node"]);

export async function loadClient(kind) {
  if (kind === "official") return import("socket.io-client");
  globalThis.WebSocket = WebSocket; // Node 20 has none of its own
  return import(join(dist, "socket.io.esm.min.js"));
}

let goServer;
function command(kind) {
  if (kind === "node") return [process.execPath, join(here, "server-node.mjs")];
  if (!goServer) {
    const folder = join(tmpdir(), "gosio-conformance-client");
    mkdirSync(folder, { recursive: true });
    goServer = join(folder, "server-go-" + process.pid);
    execFileSync("go", ["build", "-o", goServer, "./conformance/client/server-go"], { cwd: join(here, "../..") });
  }
  return [goServer];
}

/** Builds what servers need, before the time of a case runs: the first build of a machine takes a minute. */
export function build() {
  for (const kind of servers) command(kind);
}

/** Starts a contract server; options as in CONTRACT.md. */
export async function startServer(kind, options = {}) {
  const [file, ...args] = command(kind);
  const child = spawn(file, [...args, JSON.stringify(options)], { stdio: ["pipe", "pipe", "inherit"] });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const port = await new Promise((resolve, reject) => {
    let text = "";
    child.stdout.on("data", (chunk) => {
      text += chunk;
      const match = /listening (\d+)\n/.exec(text);
      if (match) resolve(+match[1]);
    });
    exited.then((code) => reject(new Error(`the ${kind} server ended with ${code}`)));
  });
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    /** SIGKILL leaves connections as a crash does; SIGTERM closes them. */
    stop: (signal = "SIGKILL") => (child.kill(signal), exited),
  };
}

/** What a case gets; close() ends every socket and manager that it opened. */
export function context({ io, Manager }, url, more = {}) {
  const sockets = [];
  const managers = [];
  const track = (socket) => (sockets.push(socket), socket);
  return {
    io,
    Manager,
    url,
    track,
    connect: (path, options) => track(io(url + path, { forceNew: true, ...options })),
    manager(...args) {
      const manager = new Manager(...args);
      managers.push(manager);
      return manager;
    },
    close() {
      for (const socket of sockets) socket.disconnect();
      for (const manager of managers) manager._close();
    },
    ...more,
  };
}
