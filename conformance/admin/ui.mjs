// The built front end of the official Admin UI in headless Chromium, and what it looks into.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { io } from "socket.io-client";

const executablePath = process.env.CHROMIUM || "/usr/bin/chromium";
if (!existsSync(executablePath)) throw new Error("no Chromium at " + executablePath + "; CHROMIUM=path");
const args = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";
const dist = fileURLToPath(new URL("node_modules/@socket.io/admin-ui/ui/dist", import.meta.url));
const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".png": "image/png" };

// However this process ends, what it has started ends with it.
const children = new Set();
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

/** run starts a program that ends with this process. */
export function run(command, args, options) {
  const child = spawn(command, args, options);
  children.add(child);
  child.on("exit", () => children.delete(child));
  return child;
}

export const launch = () => chromium.launch({ executablePath, args: args.split(" "), headless: true });

/** Starts a redis-server of its own, on a Unix socket: a port could be another's. */
export function startRedis() {
  const folder = mkdtempSync(path.join(tmpdir(), "redis-"));
  const child = run("redis-server", ["--port", "0", "--unixsocket", path.join(folder, "s"), "--save", "", "--appendonly", "no", "--dir", folder], { stdio: "ignore" });
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return { socket: path.join(folder, "s"), stop: () => child.kill("SIGKILL") };
}

/** Serves the front end, of another origin than the servers. */
export async function startPages() {
  const http = createServer(async (req, res) => {
    const file = path.join(dist, path.normalize(req.url === "/" ? "/index.html" : req.url.split("?")[0]));
    const content = await readFile(file).catch(() => null);
    res.writeHead(content ? 200 : 404, { "Content-Type": types[path.extname(file)] ?? "application/octet-stream" });
    res.end(content);
  });
  await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${http.address().port}`, stop: () => (http.closeAllConnections(), http.close()) };
}

export const mounts = ["nethttp", "gin", "echo", "echov5", "fiber", "fiberv3", "chi"];

/** Starts the servers of all mounts: that of Fiber v3 is a program of its own. */
export async function startMounts(origin) {
  const two = await Promise.all([startServers(origin, mounts.filter((m) => m !== "fiberv3")), startServers(origin, ["fiberv3"], {}, process.env.SERVER_FIBERV3)]);
  return { urls: Object.assign({}, ...two.map((s) => s.urls)), stop: () => Promise.all(two.map((s) => s.stop())) };
}

/** Starts a process with a server in Go for each of the mounts; urls has their addresses. */
export async function startServers(origin, mounts, env = {}, program = process.env.SERVER) {
  const child = run(program, [origin, ...mounts], { stdio: ["pipe", "pipe", "inherit"], env: { ...process.env, ...env } });
  const ended = new Promise((resolve) => child.on("exit", resolve));
  const text = await new Promise((resolve, reject) => {
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (more) => {
      text += more;
      if (/^ready$/m.test(text)) resolve(text);
    });
    child.on("exit", (code) => reject(new Error("the server has ended with " + code)));
  });
  return {
    urls: Object.fromEntries([...text.matchAll(/^listening (\S+) (\d+)$/gm)].map(([, mount, port]) => [mount, `http://127.0.0.1:${port}`])),
    signal: (name) => child.kill(name),
    stop: async () => (child.stdin.end(), assert.equal(await ended, 0, "the server's exit code")),
  };
}

/** Connects a client, which the caller disconnects. */
export async function connect(url, options = {}) {
  const client = io(url, { forceNew: true, transports: ["websocket"], ...options });
  await new Promise((resolve, reject) => client.once("connect", resolve).once("connect_error", reject));
  return client;
}

/** The inspector's page, logged in; errors gets what is wrong, and what the policy forbids. */
export async function openInspector(browser, url, errors, options = {}) {
  const context = await browser.newContext({ locale: "en-GB", viewport: { width: 1280, height: 900 }, httpCredentials: { username: "ops", password: "s3cret" }, ...options });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  page.on("pageerror", (err) => errors.push(String(err)));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  await page.goto(url + (url.endsWith("/") ? "" : "/inspect/"));
  await page.getByRole("status").filter({ hasText: /^connected$/ }).waitFor();
  return page;
}

/** Takes a picture of a page for the docs, if SHOTS names a folder. */
export const shot = (page, name) => process.env.SHOTS && page.screenshot({ path: `${process.env.SHOTS}/${name}.png` });

/** UI is the page in a browser of its own. */
export class UI {
  errors = [];
  static async open(browser, pages) {
    const ui = new UI();
    ui.pages = pages;
    ui.context = await browser.newContext({ locale: "en-GB", viewport: { width: 1400, height: 1000 } });
    ui.context.setDefaultTimeout(15_000);
    await ui.context.route((url) => url.hostname !== "127.0.0.1", (route) => route.abort());
    ui.page = await ui.context.newPage();
    ui.page.on("pageerror", (err) => ui.errors.push(String(err)));
    return ui;
  }
  get dialog() {
    return this.page.getByRole("dialog").or(this.page.locator(".v-dialog--active"));
  }
  card(title) {
    return this.page.locator(".v-card").filter({ has: this.page.locator(".v-card__title", { hasText: title }) });
  }
  row(scope, name) {
    return scope.locator("tbody tr").filter({ hasText: name });
  }
  goto(hash) {
    return this.page.goto(this.pages.url + hash);
  }
  async login(url, password, namespace) {
    await this.page.getByLabel("Server URL").fill(url);
    await this.page.getByLabel("Username").fill("ops");
    await this.page.getByLabel("Password").fill(password);
    if (namespace) {
      await this.page.getByText("Advanced options").click();
      await this.page.getByLabel("Admin namespace").fill(namespace);
    }
    await this.page.getByRole("button", { name: "Connect", exact: true }).click();
  }
  /** Waits for the login to be done. */
  in() {
    return this.dialog.first().waitFor({ state: "hidden" });
  }
  /** The row of a socket in the list of all. */
  socket(id) {
    return this.page.locator("tbody tr", { hasText: id });
  }
  /** Disconnects a client by the button of its row. */
  async dismiss(client) {
    const { id } = client; // which the client forgets
    const gone = new Promise((resolve) => client.once("disconnect", resolve));
    await this.goto("/#/sockets/");
    await this.socket(id).getByRole("button").click();
    assert.equal(await gone, "io server disconnect");
  }
}
