// Every case of behaviour.mjs for every pairing, in headless Chromium: the minified script tag, and of our
// client the module, too. How the official one is bundled concerns nobody here.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { chromium } from "playwright-core";
import { casesFor } from "./behaviour.mjs";
import { clients, dist, officialDist, servers, startServer } from "./lab.mjs";

const executablePath = process.env.CHROMIUM || "/usr/bin/chromium";
if (!existsSync(executablePath)) throw new Error("no Chromium at " + executablePath + "; CHROMIUM=path");

const args = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";
const builds = { "script tag": "socket.io.min.js", module: "socket.io.esm.min.js" };

/** Serves the pages, the cases and the bundles: another origin than the Socket.IO server, so CORS is at work. */
async function startPages() {
  const http = createServer(async (req, res) => {
    const [, kind, name] = req.url.split("/");
    const file = kind === "lab" ? new URL(name, import.meta.url) : join(kind === "ours" ? dist : officialDist, name || "");
    try {
      const body = name ? await readFile(file) : "<!doctype html><title>cases</title>";
      res.writeHead(200, { "Content-Type": /\.m?js$/.test(name || "") ? "text/javascript" : "text/html" }).end(body);
    } catch {
      res.writeHead(404).end();
    }
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
  for (const serverKind of servers) {
    for (const clientKind of clients) {
      for (const [build, file] of Object.entries(builds)) {
        if (clientKind === "official" && build === "module") continue;
        await t.test(`${clientKind} client (${build}), ${serverKind} server`, async (t) => {
          const server = await startServer(serverKind);
          const page = await browser.newPage();
          t.after(async () => {
            await page.close();
            await server.stop();
          });
          const errors = [];
          page.on("pageerror", (err) => errors.push(String(err)));
          await page.goto(pages.url);
          if (build === "script tag") await page.addScriptTag({ url: `${pages.url}/${clientKind}/${file}` });
          for (const { name } of casesFor(serverKind, true)) {
            await t.test(name, { timeout: 60_000 }, () =>
              page.evaluate(
                async ({ name, url, module, server }) => {
                  const { casesFor } = await import("/lab/behaviour.mjs");
                  const client = module ? await import(module) : { io: window.io, Manager: window.io.Manager };
                  const sockets = [];
                  const track = (socket) => (sockets.push(socket), socket);
                  const t = {
                    ...client, url, track,
                    connect: (path, options) => track(client.io(url + path, { forceNew: true, ...options })),
                    manager: (...args) => new client.Manager(...args),
                  };
                  try {
                    await casesFor(server, true).find((c) => c.name === name).run(t);
                  } finally {
                    sockets.forEach((socket) => socket.disconnect());
                  }
                },
                { name, url: server.url, module: build === "module" ? `${pages.url}/${clientKind}/${file}` : "", server: serverKind }
              )
            );
          }
          if (errors.length) throw new Error("the page reported: " + errors.join("; "));
        });
      }
    }
  }
});
