// The official msgpack bundle in headless Chromium.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { test } from "node:test";
import { chromium } from "playwright-core";
import { cases, goCases } from "./cases.mjs";
import { startGo, variants } from "./lab.mjs";
import { startNode } from "./server-node.mjs";

const executablePath = process.env.CHROMIUM || "/usr/bin/chromium";
if (!existsSync(executablePath)) throw new Error("no Chromium at " + executablePath + "; CHROMIUM=path");
const args = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";

const files = {
  "/cases.mjs": new URL("cases.mjs", import.meta.url),
  "/client.js": new URL("node_modules/socket.io-client/dist/socket.io.msgpack.min.js", import.meta.url),
};

/** Serves the page, the cases and the bundle, of another origin than the servers. */
async function startPages() {
  const http = createServer(async (req, res) => {
    const file = files[req.url];
    res.writeHead(200, { "Content-Type": file ? "text/javascript" : "text/html" });
    res.end(file ? await readFile(file) : "<!doctype html><title>cases</title>");
  });
  await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${http.address().port}/`, stop: () => (http.closeAllConnections(), http.close()) };
}

test("in Chromium", async (t) => {
  const pages = await startPages();
  const browser = await chromium.launch({ executablePath, args: args.split(" "), headless: true });
  t.after(async () => {
    await browser.close();
    pages.stop();
  });
  for (const [kind, start, all, ways] of [
    ["go", () => startGo("msgpack"), [...cases, ...goCases], Object.entries(variants)],
    ["node", startNode, cases, [["websocket", variants.websocket]]],
  ]) {
    await t.test(`${kind} server`, async (t) => {
      const server = await start();
      const page = await browser.newPage();
      t.after(async () => {
        await page.close();
        await server.stop();
      });
      const errors = [];
      page.on("pageerror", (err) => errors.push(String(err)));
      await page.goto(pages.url);
      await page.addScriptTag({ url: pages.url + "client.js" });
      for (const [variant, transports] of ways) {
        for (const { name } of all) {
          await t.test(`${variant}: ${name}`, { timeout: 30_000 }, () =>
            page.evaluate(
              async ({ name, url, transports }) => {
                const { cases, goCases } = await import("/cases.mjs");
                const sockets = [];
                const connect = (path, options = {}) => {
                  const socket = window.io(url + path, { forceNew: true, ...options });
                  sockets.push(socket);
                  return socket;
                };
                try {
                  await [...cases, ...goCases].find((c) => c.name === name).run({ connect, transports });
                } finally {
                  sockets.forEach((socket) => socket.disconnect());
                }
              },
              { name, url: server.url, transports }
            )
          );
        }
      }
      if (errors.length) throw new Error("the page reported: " + errors.join("; "));
    });
  }
});
