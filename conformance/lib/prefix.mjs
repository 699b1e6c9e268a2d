// A proxy that serves an application below a path which the application does
// not know of.
import { once } from "node:events";
import { createServer, request } from "node:http";

// prefixed answers with the URL of a proxy in front of a port.
export async function prefixed(port, prefix, t) {
  const forward = ({ method, url, headers }) => request({ host: "127.0.0.1", port, method, path: url.slice(prefix.length), headers });
  const server = createServer((incoming, response) => {
    if (!incoming.url.startsWith(`${prefix}/`)) return response.writeHead(404).end();
    const outgoing = forward(incoming);
    outgoing.on("response", (answer) => answer.pipe(response.writeHead(answer.statusCode, answer.headers)));
    outgoing.on("error", () => response.destroy());
    response.on("close", () => outgoing.destroy());
    incoming.pipe(outgoing);
  });
  server.on("upgrade", (incoming, client) => {
    if (!incoming.url.startsWith(`${prefix}/`)) return client.destroy();
    const outgoing = forward(incoming);
    outgoing.on("upgrade", ({ rawHeaders }, upstream, first) => {
      const headers = rawHeaders.map((text, i) => text + (i % 2 ? "\r\n" : ": ")).join("");
      client.write(`HTTP/1.1 101 Switching Protocols\r\n${headers}\r\n`);
      client.write(first);
      upstream.on("error", () => client.destroy()).pipe(client);
      client.on("error", () => upstream.destroy()).pipe(upstream);
    });
    outgoing.on("error", () => client.destroy());
    outgoing.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${server.address().port}`;
}
