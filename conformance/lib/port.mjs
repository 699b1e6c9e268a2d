import { createServer } from "node:net";

/**
 * freePort finds a port that is free now, and below the range from which the kernel takes
 * the ports of outgoing connections: otherwise a client could have it before the program
 * that is started, or started again, listens on it.
 */
export async function freePort() {
  for (let tries = 0; tries < 200; tries++) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const probe = createServer();
    try {
      await new Promise((resolve, reject) => probe.once("error", reject).listen(port, "127.0.0.1", resolve));
      await new Promise((resolve) => probe.close(resolve));
      return port;
    } catch {
      // taken: try another
    }
  }
  throw new Error("no free port");
}
