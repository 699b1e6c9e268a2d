// A server is replaced under load: it gets SIGTERM while stock clients with retries
// emit. What was acknowledged is done, and the clients go on with the next server.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import { test } from "node:test";
import { io } from "socket.io-client";

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const clientsOfEach = 20;
const modes = { websocket: ["websocket"], polling: ["polling"], upgrade: ["polling", "websocket"] };

/** Starts a server, and keeps what it has added. */
async function start(t) {
  const child = spawn(process.env.SERVER, { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => child.kill("SIGKILL"));
  const server = { child, added: new Map(), port: 0 };
  server.ended = once(child, "exit").then(([code, signal]) => ({ code, signal }));
  server.read = once(child.stdout, "end"); // all that it has written is there
  let rest = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      const [word, what] = line.split(" ");
      if (word === "listening") server.port = +what;
      else server.added.set(what, (server.added.get(what) ?? 0) + 1);
    }
  });
  for (let i = 0; !server.port; i++) {
    assert.ok(i < 1000, "the server starts");
    await sleep(10);
  }
  return server;
}

/** A load balancer: new sessions go to the first server that is ready, others to theirs. */
async function balance(t, servers) {
  const sessions = new Map(); // sid to server
  const choose = async (url) => {
    const sid = new URL(url, "http://localhost").searchParams.get("sid");
    if (sid) return sessions.get(sid) ?? servers.at(-1);
    for (const server of servers) {
      const ready = await fetch(`http://127.0.0.1:${server.port}/readyz`).catch(() => undefined);
      if (ready?.ok) return server;
    }
    return servers.at(-1);
  };
  const ask = (server, request) =>
    http.request({ port: server.port, host: "127.0.0.1", path: request.url, method: request.method, headers: request.headers, agent: false });
  const front = http.createServer(async (request, response) => {
    const server = await choose(request.url);
    const on = ask(server, request);
    on.on("response", (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.on("data", (chunk) => {
        const sid = /^0\{"sid":"([^"]+)"/.exec(chunk)?.[1];
        if (sid) sessions.set(sid, server);
        response.write(chunk);
      });
      answer.on("end", () => response.end());
    });
    on.on("error", () => response.destroy());
    response.on("close", () => on.destroy());
    request.pipe(on);
  });
  front.on("upgrade", async (request, socket, head) => {
    socket.on("error", () => {});
    const on = ask(await choose(request.url), request);
    on.on("upgrade", (answer, upstream, first) => {
      const lines = [`HTTP/1.1 101 Switching Protocols`];
      for (let i = 0; i < answer.rawHeaders.length; i += 2) lines.push(`${answer.rawHeaders[i]}: ${answer.rawHeaders[i + 1]}`);
      socket.write(`${lines.join("\r\n")}\r\n\r\n`);
      socket.write(first);
      upstream.write(head);
      upstream.on("error", () => socket.destroy());
      socket.on("close", () => upstream.destroy());
      socket.pipe(upstream).pipe(socket);
    });
    on.on("response", () => socket.destroy());
    on.on("error", () => socket.destroy());
    on.end();
  });
  front.listen(0, "127.0.0.1");
  await once(front, "listening");
  t.after(() => (front.close(), front.closeAllConnections()));
  return `http://127.0.0.1:${front.address().port}`;
}

test("a server is replaced under load", { timeout: 60_000 }, async (t) => {
  const [first, second] = [await start(t), await start(t)];
  const url = await balance(t, [first, second]);
  const acknowledged = [];
  let over = false;
  const clients = Object.keys(modes).flatMap((mode) =>
    Array.from({ length: clientsOfEach }, (_, i) => {
      const socket = io(url, { transports: modes[mode], forceNew: true, reconnectionDelay: 200, retries: 50, ackTimeout: 3000 });
      t.after(() => socket.disconnect());
      const client = { name: `${mode}-${i}`, connects: 0, n: 0, socket };
      socket.on("connect", () => client.connects++);
      client.done = (async () => {
        while (!over) {
          const what = `${client.name}-${client.n++}`;
          const answer = await new Promise((resolve, reject) => {
            socket.emit("add", what, (error, value) => (error ? reject(error) : resolve(value)));
          });
          assert.equal(answer, what);
          acknowledged.push(what);
        }
      })();
      return client;
    }),
  );
  while (clients.some((c) => c.n < 10)) await sleep(10);
  const before = Date.now();
  first.child.kill("SIGTERM");
  assert.deepEqual(await first.ended, { code: 0, signal: null });
  const took = Date.now() - before;
  const ns = clients.map((c) => c.n);
  while (clients.some((c, i) => c.n < ns[i] + 5)) await sleep(10); // all go on
  over = true;
  await Promise.all(clients.map((c) => c.done));
  second.child.kill("SIGTERM");
  assert.deepEqual(await second.ended, { code: 0, signal: null });
  await Promise.all([first.read, second.read]);

  let twice = 0;
  for (const what of acknowledged) {
    const times = (first.added.get(what) ?? 0) + (second.added.get(what) ?? 0);
    assert.ok(times >= 1, `${what} was acknowledged, and not added`);
    if (times > 1) twice++; // sent again by a client that has not got the acknowledgement
  }
  assert.ok(twice <= clients.length, `${twice} events came twice, with ${clients.length} clients`);
  for (const c of clients) assert.equal(c.connects, 2, `${c.name} has connected once to each server`);
  assert.ok(took < 13_000, `the first server took ${took} ms`);
  t.diagnostic(`${acknowledged.length} events acknowledged, ${twice} added twice, the first server ended in ${took} ms`);
});
