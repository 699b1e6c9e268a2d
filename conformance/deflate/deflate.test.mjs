// permessage-deflate with the stock client in Node, whose WebSockets are those of ws, and in Chromium.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { loadClient, officialDist } from "../client/lab.mjs";
import { startWire } from "./wire.mjs";

// The packages are those of the folder beside this one.
const { chromium } = createRequire(new URL("../client/", import.meta.url))("playwright-core");
const executablePath = process.env.CHROMIUM || "/usr/bin/chromium";
if (!existsSync(executablePath)) throw new Error("no Chromium at " + executablePath + "; CHROMIUM=path");

const NONE = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
const N = 100_000;

async function startServer(mode) {
  const child = spawn(process.env.SERVER, [mode], { stdio: ["pipe", "pipe", "inherit"] });
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

/** run(t) is executed by the client, in Node or in the page, and may use nothing else; what it returns goes to check with what was on the wire. */
const cases = [
  {
    name: "a long answer comes compressed",
    run: (t) => t.socket.emitWithAck("text", t.N),
    check(got, { up, down }) {
      assert.equal(got.length, N);
      assert.match(up.extensions, /^permessage-deflate/);
      assert.equal(down.extensions, NONE);
      assert.equal(down.deflated, 1);
      assert.ok(down.bytes < N / 20, `${down.bytes} bytes`);
    },
  },
  {
    name: "a long event goes compressed",
    run: (t) => t.socket.emitWithAck("echo", "abcdefghij".repeat(t.N / 10)),
    check(got, { up, down }) {
      assert.equal(got, "abcdefghij".repeat(N / 10));
      assert.ok(up.deflated > 0 && down.deflated === 1);
      assert.ok(up.bytes < N / 20 && down.bytes < N / 20, `${up.bytes} and ${down.bytes} bytes`);
    },
  },
  {
    name: "what is below the threshold comes as it is",
    run: (t) => t.socket.emitWithAck("text", 1000),
    check(got, { down }) {
      assert.equal(got.length, 1000);
      assert.equal(down.deflated, 0);
      assert.ok(down.bytes > 1000);
    },
  },
  {
    name: "Compress(false)",
    run: (t) =>
      new Promise((resolve) => {
        t.socket.on("plain", resolve);
        t.socket.emit("plain", t.N);
      }),
    check(got, { down }) {
      assert.equal(got.length, N);
      assert.equal(down.deflated, 0);
      assert.ok(down.bytes > N);
    },
  },
  {
    name: "binary",
    run: async (t) => new Uint8Array(await t.socket.emitWithAck("echo binary", new Uint8Array(t.N).fill(7))).filter((b) => b === 7).length,
    check(got, { up, down }) {
      assert.equal(got, N);
      assert.ok(up.deflated > 0 && down.deflated > 0);
      assert.ok(up.bytes < N / 20 && down.bytes < N / 20, `${up.bytes} and ${down.bytes} bytes`);
    },
  },
  {
    name: "a broadcast to three",
    async run(t) {
      const sockets = [t.socket, await t.connect(), await t.connect()];
      const room = "room " + Math.random();
      for (const s of sockets) await s.emitWithAck("join", room);
      const all = sockets.map((s) => new Promise((resolve) => s.on("all", (text, bin) => resolve([text.length, bin.byteLength]))));
      t.socket.emit("broadcast", room, t.N);
      return Promise.all(all);
    },
    check(got, { down }) {
      assert.deepEqual(got, [[N, N], [N, N], [N, N]]);
      assert.equal(down.deflated, 6);
      assert.ok(down.bytes < N / 5, `${down.bytes} bytes`);
    },
  },
  {
    name: "after an upgrade",
    options: { transports: ["polling", "websocket"] },
    async run(t) {
      const { engine } = t.socket.io;
      if (engine.transport.name !== "websocket") await new Promise((resolve) => engine.once("upgrade", resolve));
      return t.socket.emitWithAck("echo", "abcdefghij".repeat(t.N / 10));
    },
    check(got, { up, down }) {
      assert.equal(got, "abcdefghij".repeat(N / 10));
      assert.equal(down.extensions, NONE);
      assert.ok(up.deflated > 0 && down.deflated === 1);
      assert.ok(up.bytes < N / 20 && down.bytes < N / 20, `${up.bytes} and ${down.bytes} bytes`);
    },
  },
  {
    name: "with context takeover nothing is sent twice",
    mode: "takeover",
    async run(t) {
      const first = await t.socket.emitWithAck("noise", 4000);
      for (let i = 0; i < 10; i++) if ((await t.socket.emitWithAck("echo", first)) !== first) throw new Error("not the same");
      return first.length;
    },
    check(got, { up, down }) {
      assert.equal(got, 4000);
      assert.equal(down.extensions, "permessage-deflate");
      assert.equal(down.deflated, 11);
      assert.ok(down.bytes < 8000, `${down.bytes} bytes down`);
      assert.ok(up.bytes < 8000, `${up.bytes} bytes up`);
    },
  },
  {
    name: "off",
    mode: "off",
    run: (t) => t.socket.emitWithAck("echo", "abcdefghij".repeat(t.N / 10)),
    check(got, { up, down }) {
      assert.equal(got, "abcdefghij".repeat(N / 10));
      assert.match(up.extensions, /^permessage-deflate/);
      assert.equal(down.extensions, "");
      assert.equal(up.deflated + down.deflated, 0);
      assert.ok(up.bytes > N && down.bytes > N);
    },
  },
];

/** What the client executes: it gives a case its sockets, and the source of its run. */
async function execute({ url, options, source, N }) {
  const sockets = [];
  const connect = async () => {
    const socket = globalThis.io(url, { forceNew: true, reconnection: false, transports: ["websocket"], ...options });
    sockets.push(socket);
    await new Promise((resolve, reject) => socket.on("connect", resolve).on("connect_error", reject));
    return socket;
  };
  try {
    const run = new Function(`return (${source})`)();
    return await run({ socket: await connect(), connect, N });
  } finally {
    for (const s of sockets) s.disconnect();
  }
}

/** A page with the client, and nothing else. */
async function startPage() {
  const bundle = await readFile(join(officialDist, "socket.io.min.js"));
  const http = createServer((req, res) =>
    req.url === "/io.js"
      ? res.writeHead(200, { "Content-Type": "text/javascript" }).end(bundle)
      : res.writeHead(200, { "Content-Type": "text/html" }).end('<!doctype html><script src="/io.js"></script>')
  );
  await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
  const browser = await chromium.launch({ executablePath, args: ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"] });
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${http.address().port}`);
  return { page, stop: async () => (await browser.close(), http.closeAllConnections(), http.close()) };
}

test("permessage-deflate", async (t) => {
  const servers = {};
  for (const mode of ["off", "on", "takeover"]) servers[mode] = await startServer(mode);
  const { page, stop } = await startPage();
  t.after(async () => {
    await stop();
    for (const server of Object.values(servers)) assert.equal(await server.stop(), 0);
  });
  globalThis.io = (await loadClient("official")).io;
  const clients = { Node: execute, Chromium: (what) => page.evaluate(`(${execute})(${JSON.stringify(what)})`) };
  for (const [client, evaluate] of Object.entries(clients)) {
    for (const { name, mode = "on", options, run, check } of cases) {
      await t.test(`${client}: ${name}`, { timeout: 20_000 }, async () => {
        const wire = await startWire(servers[mode].port);
        try {
          // A method's source is no expression; that of a function is.
          const source = /^(async )?run\(/.test(String(run)) ? String(run).replace(/^(async )?run\(/, "$1function (") : String(run);
          check(await evaluate({ url: wire.url, options, source, N }), wire);
        } finally {
          await wire.stop();
        }
      });
    }
  }
});
