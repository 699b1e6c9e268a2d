// Starts the server that SERVER names.
import { spawn } from "node:child_process";

export const variants = { polling: ["polling"], websocket: ["websocket"], upgrade: ["polling", "websocket"] };

export async function startGo(parser) {
  const child = spawn(process.env.SERVER, [parser], { stdio: ["pipe", "pipe", "inherit"] });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const port = await new Promise((resolve, reject) => {
    let text = "";
    child.stdout.on("data", (chunk) => {
      const match = /listening (\d+)\n/.exec((text += chunk));
      if (match) resolve(+match[1]);
    });
    exited.then((code) => reject(new Error(`the server ended with ${code}`)));
  });
  const stop = async () => {
    child.stdin.end();
    const code = await exited;
    if (code !== 0) throw new Error(`the server ended with ${code}`);
  };
  return { url: `http://127.0.0.1:${port}`, stop };
}
