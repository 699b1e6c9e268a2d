// The official client, in headless Chromium, by WebTransport: https://www.w3.org/TR/webtransport/ with a certificate
// that the page knows by its hash.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";

const lab = createRequire(new URL("../client/package.json", import.meta.url)); // has the clients installed
const { chromium } = lab("playwright-core");
const bundle = lab.resolve("socket.io-client/dist/socket.io.js");

const executablePath = process.env.CHROMIUM || "/usr/bin/chromium";
if (!existsSync(executablePath)) throw new Error("no Chromium at " + executablePath + "; CHROMIUM=path");
const args = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update --disable-sync";

let browser;
before(async () => (browser = await chromium.launch({ executablePath, args: args.split(" "), headless: true })));
after(() => browser.close());

/** Serves an empty page and the client, on an origin of its own. */
async function startPages(t) {
  const http = createServer(async (req, res) =>
    req.url === "/client.js"
      ? res.writeHead(200, { "Content-Type": "text/javascript" }).end(await readFile(bundle))
      : res.writeHead(200, { "Content-Type": "text/html" }).end("<!doctype html><title>lab</title>")
  );
  await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
  t.after(() => (http.closeAllConnections(), http.close()));
  return `http://127.0.0.1:${http.address().port}`;
}

/** Starts the server; end() shuts it down as an operator does. */
async function startServer(t, origins, ...more) {
  const child = spawn(process.env.SERVER, ["-origins", origins, ...more], { stdio: ["pipe", "pipe", "inherit"] });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const end = () => (child.stdin.end(), exited);
  t.after(async () => assert.equal(await end(), 0, "the server's exit code"));
  const line = await new Promise((resolve, reject) => {
    let text = "";
    child.stdout.on("data", (chunk) => (text += chunk).includes("\n") && resolve(text));
    exited.then((code) => reject(new Error("the server ended with " + code)));
  });
  const [, port, hash] = /listening (\d+) (\S+)/.exec(line);
  return { url: `http://127.0.0.1:${port}`, hash, end };
}

/** Opens a page with the client, and what the tests need of it, as window.lab. */
async function openPage(t, pages, server) {
  const page = await browser.newPage();
  t.after(() => page.close());
  const errors = [];
  page.on("pageerror", (err) => {
    // The client leaves the end of its stream unhandled, whoever ends it.
    if (!/^(WebTransportError|NetworkError): /.test(String(err))) errors.push(String(err));
  });
  t.after(() => assert.deepEqual(errors, [], "errors of the page"));
  await page.goto(pages);
  await page.addScriptTag({ url: pages + "/client.js" });
  await page.evaluate(({ url, hash }) => {
    const value = Uint8Array.from(atob(hash), (c) => c.charCodeAt(0));
    const webtransport = { serverCertificateHashes: [{ algorithm: "sha-256", value }] };
    window.lab = {
      dial: (transports, options) => io(url, { forceNew: true, reconnectionDelay: 10, reconnectionDelayMax: 50, transports, transportOptions: { webtransport }, ...options }),
      // The next event, with its arguments as a list.
      next: (emitter, event) => new Promise((resolve) => emitter.once(event, (...args) => resolve(args))),
      bytes: (n) => Uint8Array.from({ length: n }, (_, i) => i * 7),
    };
  }, { url: server.url, hash: server.hash });
  return page;
}

/** A page, and a server that lets it in. */
async function setUp(t, ...more) {
  const pages = await startPages(t);
  const server = await startServer(t, pages, ...more);
  return { page: await openPage(t, pages, server), server, pages };
}

const limit = { timeout: 20_000 };

test("connects by WebTransport alone", limit, async (t) => {
  const { page, pages } = await setUp(t);
  const got = await page.evaluate(async () => {
    const socket = lab.dial(["webtransport"]);
    await lab.next(socket, "connect");
    const out = {
      client: socket.io.engine.transport.name,
      server: await socket.emitWithAck("transport"),
      origin: await socket.emitWithAck("origin"),
    };
    const sent = [["text", "grün 😀"], ["number", 1.5], ["nested", { a: [null, true, { b: "c" }] }]];
    for (const args of sent) {
      socket.emit("echo", ...args);
      if (JSON.stringify(await lab.next(socket, "echo")) !== JSON.stringify(args)) throw new Error("echo of " + args);
    }
    for (const n of [1, 100, 125, 126, 127, 65535, 65536, 700_000]) {
      const data = lab.bytes(n);
      socket.emit("echo", { n, data });
      const [back] = await lab.next(socket, "echo");
      if (!new Uint8Array(back.data).every((b, i) => b === data[i]) || back.data.byteLength !== n) throw new Error(n + " bytes");
      const text = "é".repeat(n / 2);
      if ((await socket.emitWithAck("ask", text)) !== text) throw new Error(n + " bytes of text");
    }
    const binary = await socket.emitWithAck("ask", lab.bytes(10).buffer);
    out.ack = [...new Uint8Array(binary)];
    socket.disconnect();
    return out;
  });
  assert.deepEqual(got, { client: "webtransport", server: "webtransport", origin: pages, ack: [0, 7, 14, 21, 28, 35, 42, 49, 56, 63] });
});

for (const transports of [["polling", "webtransport"], ["polling", "websocket", "webtransport"]]) {
  test(`upgrades: ${transports}`, limit, async (t) => {
    const { page } = await setUp(t, "-transports", transports.join());
    const got = await page.evaluate(async (transports) => {
      const socket = lab.dial(transports, { reconnection: false });
      const upgraded = new Promise((resolve, reject) => {
        socket.io.on("open", () => socket.io.engine.on("upgrade", (transport) => resolve(transport.name)));
        socket.on("disconnect", (reason, details) => reject(new Error(`${reason}: ${details?.description}`)));
      });
      const echoes = [];
      socket.on("echo", (n, data) => echoes.push(n + ":" + new Uint8Array(data)));
      let sent = 0;
      const send = () => socket.emit("echo", sent, lab.bytes(sent++ % 3));
      const sender = setInterval(send, 5); // packets are in flight all the time
      const client = await upgraded;
      clearInterval(sender);
      for (let i = 0; i < 50; i++) send();
      const server = await socket.emitWithAck("transport");
      const wanted = Array.from({ length: sent }, (_, n) => n + ":" + lab.bytes(n % 3));
      socket.disconnect();
      return { client, server, all: JSON.stringify(echoes) === JSON.stringify(wanted), some: sent > 50 };
    }, transports);
    // Of two upgrades at a time the first one wins; the client tries WebTransport 200 ms before WebSocket.
    const name = transports.length === 3 && got.client === "websocket" ? "websocket" : "webtransport";
    assert.deepEqual(got, { client: name, server: name, all: true, some: true });
  });
}

test("comes back by WebTransport when the connection is cut", limit, async (t) => {
  const { page } = await setUp(t);
  const got = await page.evaluate(async () => {
    const socket = lab.dial(["webtransport"]);
    await lab.next(socket, "connect");
    const [reasons, ids] = [[], [socket.id]];
    for (let i = 0; i < 3; i++) {
      const [lost, back] = [lab.next(socket, "disconnect"), lab.next(socket, "connect")];
      socket.emit("cut");
      reasons.push((await lost)[0]);
      await back;
      ids.push(socket.id);
    }
    const out = { reasons, ids: new Set(ids).size, transport: await socket.emitWithAck("transport") };
    socket.disconnect();
    return out;
  });
  assert.deepEqual(got, { reasons: Array(3).fill("transport close"), ids: 4, transport: "webtransport" });
});

test("gets the last words of a server that disconnects it", limit, async (t) => {
  const { page } = await setUp(t);
  const got = await page.evaluate(async () => {
    const out = [];
    for (let i = 0; i < 10; i++) {
      const socket = lab.dial(["webtransport"], { reconnection: false });
      await lab.next(socket, "connect");
      const [words, lost] = [lab.next(socket, "last words"), lab.next(socket, "disconnect")];
      socket.emit("kick");
      await words;
      out.push((await lost)[0]);
    }
    return out;
  });
  assert.deepEqual(got, Array(10).fill("io server disconnect"));
});

test("answers pings, and is told when the server shuts down", limit, async (t) => {
  const { page, server } = await setUp(t, "-ping", "200ms");
  await page.evaluate(async () => {
    window.socket = lab.dial(["webtransport"], { reconnection: false });
    await lab.next(socket, "connect");
    for (let i = 0; i < 5; i++) await lab.next(socket.io, "ping");
    if (!socket.connected) throw new Error("disconnected");
    window.lost = lab.next(socket, "disconnect");
  });
  assert.equal(await server.end(), 0);
  // In one run of five Chromium notices that the process has ended before it tells of the session's end.
  assert.match(await page.evaluate(async () => (await lost)[0]), /^transport (close|error)$/);
});

test("a page of another origin is refused", limit, async (t) => {
  const { server } = await setUp(t);
  const page = await openPage(t, await startPages(t), server);
  const got = await page.evaluate(async () => {
    const socket = lab.dial(["webtransport"], { reconnection: false });
    const outcome = await Promise.race([lab.next(socket, "connect").then(() => "connected"), lab.next(socket, "connect_error").then(() => "refused")]);
    socket.disconnect();
    return outcome;
  });
  assert.equal(got, "refused");
});
