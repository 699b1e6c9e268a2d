// Starts the server beside this file, which SERVER names.
import { spawn } from "node:child_process";

export async function startServer() {
  const child = spawn(process.env.SERVER, { stdio: ["pipe", "pipe", "inherit"] });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const port = await new Promise((resolve, reject) => {
    let text = "";
    child.stdout.on("data", (chunk) => {
      const match = /listening (\d+)\n/.exec((text += chunk));
      if (match) resolve(+match[1]);
    });
    exited.then((code) => reject(new Error(`the server ended with ${code}`)));
  });
  return { port, stop: () => (child.stdin.end(), exited) };
}
