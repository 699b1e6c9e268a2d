// The built front end of the official Admin UI, in headless Chromium.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { io } from "socket.io-client";

const executablePath = process.env.CHROMIUM || "/usr/bin/chromium";
if (!existsSync(executablePath)) throw new Error("no Chromium at " + executablePath + "; CHROMIUM=path");
const args = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";
const dist = fileURLToPath(new URL("node_modules/@socket.io/admin-ui/ui/dist", import.meta.url));
const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".png": "image/png" };

/** Serves the front end, of another origin than the server. */
async function startPages() {
  const http = createServer(async (req, res) => {
    const file = path.join(dist, path.normalize(req.url === "/" ? "/index.html" : req.url.split("?")[0]));
    const content = await readFile(file).catch(() => null);
    res.writeHead(content ? 200 : 404, { "Content-Type": types[path.extname(file)] ?? "application/octet-stream" });
    res.end(content);
  });
  await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${http.address().port}`, stop: () => (http.closeAllConnections(), http.close()) };
}

async function startServer(origin) {
  const child = spawn(process.env.SERVER, [origin], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.on("exit", resolve));
  const port = await new Promise((resolve, reject) => {
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (more) => {
      const line = /^listening (\d+)$/m.exec((text += more));
      if (line) resolve(line[1]);
    });
    child.on("exit", (code) => reject(new Error("the server has ended with " + code)));
  });
  return {
    url: `http://127.0.0.1:${port}`,
    stop: async () => (child.stdin.end(), assert.equal(await ended, 0, "the server's exit code")),
  };
}

const connected = (client) => new Promise((resolve, reject) => client.once("connect", resolve).once("connect_error", reject));

test("the Admin UI in Chromium", { timeout: 120_000 }, async (t) => {
  const pages = await startPages();
  const server = await startServer(pages.url);
  const browser = await chromium.launch({ executablePath, args: args.split(" "), headless: true });
  const clients = [];
  t.after(async () => {
    clients.forEach((c) => c.disconnect());
    await browser.close();
    pages.stop();
    await server.stop();
  });
  const context = await browser.newContext({ locale: "en-GB", viewport: { width: 1400, height: 1000 } });
  context.setDefaultTimeout(15_000);
  await context.route((url) => url.hostname !== "127.0.0.1", (route) => route.abort());
  const page = await context.newPage();
  const errors = [];
  page.on("pageerror", (err) => errors.push(String(err)));

  const one = io(server.url, { forceNew: true, transports: ["websocket"], auth: { token: "t0p-auth" }, query: { token: "t0p-query" } });
  const two = io(server.url, { forceNew: true, transports: ["polling"] });
  clients.push(one, two);
  await Promise.all([connected(one), connected(two)]);

  const login = async (password, namespace) => {
    await page.getByLabel("Server URL").fill(server.url);
    await page.getByLabel("Username").fill("ops");
    await page.getByLabel("Password").fill(password);
    if (namespace) {
      await page.getByText("Advanced options").click();
      await page.getByLabel("Admin namespace").fill(namespace);
    }
    await page.getByRole("button", { name: "Connect", exact: true }).click();
  };
  const dialog = page.getByRole("dialog").or(page.locator(".v-dialog--active"));
  const card = (title) => page.locator(".v-card").filter({ has: page.locator(".v-card__title", { hasText: title }) });
  const row = (scope, name) => scope.locator("tbody tr").filter({ hasText: name });

  await t.test("a wrong password, and the right one", async () => {
    await page.goto(pages.url);
    await login("guess");
    await page.getByText("Invalid credentials").waitFor();
    await login("s3cret");
    await dialog.first().waitFor({ state: "hidden" });
  });

  await t.test("counts", async () => {
    await row(card("Clients"), "WebSocket").locator("h2", { hasText: /^2$/ }).waitFor(); // one, and the page
    await row(card("Clients"), "polling").locator("h2", { hasText: /^1$/ }).waitFor();
    await row(card("Servers"), /^healthy/i).locator("h2", { hasText: /^1$/ }).waitFor();
    await card("Namespaces").locator("tbody tr", { hasText: /^\s*\/\s*2\s*$/ }).waitFor();
    await card("Namespaces").locator("tbody tr", { hasText: /^\s*\/admin\s*1\s*$/ }).waitFor();
  });

  await t.test("after a reload, by the session", async () => {
    await page.reload();
    await row(card("Clients"), "WebSocket").locator("h2", { hasText: /^2$/ }).waitFor();
    assert.equal(await dialog.count(), 0, "no dialog");
  });

  await t.test("a socket's details", async () => {
    await page.goto(pages.url + "/#/sockets/");
    await page.locator("tbody tr", { hasText: one.id }).click();
    const details = card("Details");
    await details.getByText(one.id, { exact: true }).waitFor();
    const text = await page.locator("main").innerText();
    assert.match(text, /"name": "Ann"/);
    assert.match(text, /WebSocket/);
    await row(details, "IP address").filter({ hasText: "127.0.0.1" }).waitFor();
    assert.doesNotMatch(await page.content(), /t0p-/, "a secret");
    await row(card("Rooms"), "lobby").waitFor();
  });

  await t.test("join and leave", async () => {
    await card("Rooms").getByLabel("Join a room").fill("vip");
    await card("Rooms").locator("button[type=submit]").click();
    await row(card("Rooms"), "vip").waitFor();
    await row(card("Rooms"), "vip").getByRole("button").click();
    await row(card("Rooms"), "vip").waitFor({ state: "detached" });
  });

  await t.test("events", async () => {
    await one.emitWithAck("say", "how do you do");
    await page.goto(pages.url + "/#/events/");
    const said = page.locator("tbody tr", { hasText: "say" }).filter({ hasText: one.id });
    await said.getByRole("button").click();
    await page.getByText('"how do you do"').waitFor();
  });

  await t.test("disconnect by button", async () => {
    const { id } = two; // which the client forgets
    const gone = new Promise((resolve) => two.once("disconnect", resolve));
    await page.goto(pages.url + "/#/sockets/");
    await page.locator("tbody tr", { hasText: id }).getByRole("button").click(); // which is in a row that shows details
    assert.equal(await gone, "io server disconnect");
    await row(card("Details"), "Status").filter({ hasText: /disconnected/i }).first().waitFor();
    await page.goto(pages.url + "/#/sockets/");
    await page.locator("tbody tr", { hasText: one.id }).getByRole("button").waitFor();
    await page.locator("tbody tr", { hasText: id }).filter({ visible: true }).waitFor({ state: "detached" });
  });

  await t.test("production mode", async () => {
    await page.evaluate(() => localStorage.clear());
    await page.goto(pages.url + "/index.html");
    await login("s3cret", "/numbers");
    await card("Namespaces").locator("tbody tr", { hasText: /^\s*\/numbers\s*1\s*$/ }).waitFor();
    assert.equal(await page.getByRole("link", { name: "Sockets" }).count(), 0, "no list of sockets");
  });
  if (process.env.SHOT) await page.screenshot({ path: process.env.SHOT });
  assert.deepEqual(errors, []);
});
