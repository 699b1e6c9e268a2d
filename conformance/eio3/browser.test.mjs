// The official bundle of 2.5 in Chromium, on a page of another origin.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { test } from "node:test";
import { chromium } from "playwright-core";
import { cases } from "./cases.mjs";
import { startServer } from "./lab.mjs";

const executablePath = process.env.CHROMIUM || "/usr/bin/chromium";
if (!existsSync(executablePath)) throw new Error("no Chromium at " + executablePath + "; CHROMIUM=path");

const args = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";
const modes = { polling: ["polling"], websocket: ["websocket"], upgrade: ["polling", "websocket"] };
const files = {
  "/": ["text/html", "<!doctype html><title>cases</title>"],
  "/io.js": ["text/javascript", await readFile(new URL("node_modules/socket.io-client-2/dist/socket.io.js", import.meta.url))],
  "/cases.mjs": ["text/javascript", await readFile(new URL("cases.mjs", import.meta.url))],
};

/** Serves the page: another origin than the Socket.IO server, so CORS is at work, preflights included. */
async function startPages() {
  const http = createServer((req, res) => {
    const [type, body] = files[req.url] ?? [];
    res.writeHead(body ? 200 : 404, { "Content-Type": type ?? "text/plain" }).end(body);
  });
  await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${http.address().port}`, stop: () => (http.closeAllConnections(), http.close()) };
}

test("in Chromium", async (t) => {
  const pages = await startPages();
  const browser = await chromium.launch({ executablePath, args: args.split(" "), headless: true });
  t.after(async () => {
    await browser.close();
    pages.stop();
  });
  const server = await startServer("go", { pingInterval: 300, pingTimeout: 10_000, origins: [pages.url] });
  const page = await browser.newPage();
  t.after(async () => {
    await page.close();
    assert.equal(await server.stop(), 0, "the server's exit code; 66 is a data race");
  });
  const errors = [];
  const seen = new Set(); // what kind of payloads the page has exchanged
  page.on("pageerror", (err) => errors.push(String(err)));
  page.on("response", (response) => {
    const request = response.request();
    if (request.method() === "POST") seen.add(`POST ${request.headers()["content-type"]}`);
    if (request.method() === "GET") seen.add(`GET ${response.headers()["content-type"]}`);
  });
  await page.goto(pages.url);
  await page.addScriptTag({ url: "/io.js" });
  const run = ([name, url, mode, transports, forceBase64]) =>
    page.evaluate(
      async ({ name, url, mode, transports, forceBase64 }) => {
        const { cases } = await import("/cases.mjs");
        const sockets = [];
        const connect = (path, options) => {
          const socket = window.io(url + path, { forceNew: true, transports, forceBase64, reconnectionDelay: 20, ...options });
          sockets.push(socket);
          return socket;
        };
        try {
          await cases.find((c) => c.name === name).run({ connect, mode });
        } finally {
          sockets.forEach((socket) => (socket.io.reconnection(false), socket.io.engine.close()));
        }
      },
      { name, url, mode, transports, forceBase64 }
    );
  for (const [mode, transports] of Object.entries(modes)) {
    for (const { name } of cases) {
      await t.test(`${mode}: ${name}`, { timeout: 30_000 }, () => run([name, server.urls[0], mode, transports, false]));
    }
  }
  for (const type of ["POST application/octet-stream", "GET application/octet-stream"]) {
    assert.ok(seen.has(type), `${type} in ${[...seen].join(", ")}`);
  }
  seen.clear();
  const { name } = cases.find(({ name }) => /bytes/.test(name));
  await t.test(`polling, base64: ${name}`, { timeout: 30_000 }, () => run([name, server.urls[0], "polling", modes.polling, true]));
  assert.ok(![...seen].some((type) => /octet/.test(type)), [...seen].join(", "));
  assert.deepEqual(errors, []);
});
