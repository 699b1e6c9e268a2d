// A TCP proxy that misbehaves on demand.
import { createServer, connect } from "node:net";

/** hooks: up(chunk, pair) and down(chunk, pair) see bytes first; what they return false for is not forwarded. */
export async function startProxy(targetPort, hooks = {}) {
  const pairs = new Set();
  let refuse = false;
  const server = createServer((client) => {
    if (refuse) return client.destroy();
    const upstream = connect(targetPort, "127.0.0.1");
    const pair = {
      client,
      upstream,
      frozen: false,
      head: "", // the first bytes from the client: tells WebSocket from polling
      cut() {
        client.destroy();
        upstream.destroy();
        pairs.delete(pair);
      },
    };
    pairs.add(pair);
    const pump = (from, to, hook) => {
      from.on("data", (chunk) => {
        if (from === client && pair.head.length < 4096) pair.head += chunk.toString("latin1");
        if (!pair.frozen && (!hook || hook(chunk, pair) !== false) && !to.destroyed) to.write(chunk);
      });
      from.on("end", () => !pair.frozen && to.end());
      from.on("error", () => {});
      from.on("close", () => !pair.frozen && pair.cut());
    };
    pump(client, upstream, hooks.up);
    pump(upstream, client, hooks.down);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  return {
    url: `http://127.0.0.1:${port}`,
    pairs,
    /** Ends every connection, as a lost network does. */
    cut: () => pairs.forEach((pair) => pair.cut()),
    /** Swallows everything on the present connections, which stay open. */
    freeze: () => pairs.forEach((pair) => (pair.frozen = true)),
    refuse: (on) => (refuse = on),
    stop() {
      pairs.forEach((pair) => pair.cut());
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

export const isWebSocket = (pair) => /^upgrade: websocket/im.test(pair.head);
