// Starts the servers, and waits for what sockets hear.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const commands = {
  go: () => [process.env.SERVER],
  node: () => [process.execPath, fileURLToPath(new URL("server-node.mjs", import.meta.url))],
};

/** Starts a server; urls are those of its mounts, of which net/http is the first. */
export async function startServer(kind, options) {
  const [file, ...args] = commands[kind]();
  const child = spawn(file, [...args, JSON.stringify({ allowEIO3: true, ...options })], { stdio: ["pipe", "pipe", "inherit"] });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const ports = await new Promise((resolve, reject) => {
    let text = "";
    child.stdout.on("data", (chunk) => {
      const match = /listening ([\d ]+)\n/.exec((text += chunk));
      if (match) resolve(match[1].split(" "));
    });
    exited.then((code) => reject(new Error(`the ${kind} server ended with ${code}`)));
  });
  return { urls: ports.map((port) => `http://127.0.0.1:${port}`), ports, stop: () => (child.stdin.end(), exited) };
}
