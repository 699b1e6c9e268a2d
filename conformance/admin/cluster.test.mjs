// Two servers in Go and one in Node, on one Redis, in one Admin UI.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { instrument, RedisStore } from "@socket.io/admin-ui";
import { createAdapter } from "@socket.io/redis-adapter";
import bcrypt from "bcryptjs";
import { createClient } from "redis";
import { Server } from "socket.io";
import { connect, launch, startPages, startRedis, startServers, UI } from "./ui.mjs";

/** Starts a server with the official packages; their store calls Redis with callbacks. */
async function startNode(origin, socket) {
  const [pub, sub, store] = await Promise.all(
    [0, 1, 2].map(() => {
      const client = createClient({ socket: { path: socket, reconnectStrategy: 20 } }); // until Redis listens
      client.on("error", () => {});
      return client.connect();
    }),
  );
  const http = createServer().listen(0, "127.0.0.1");
  await once(http, "listening");
  const io = new Server(http, { adapter: createAdapter(pub, sub), cors: { origin, credentials: true } });
  const password = bcrypt.hashSync("s3cret", 4);
  instrument(io, { auth: { type: "basic", username: "ops", password }, serverId: "node-1", store: new RedisStore(store.legacy()), mode: "development" });
  io.on("connection", (s) => s.join("lobby"));
  return { url: `http://127.0.0.1:${http.address().port}`, io };
}

test("a cluster with a Node server", { timeout: 120_000 }, async (t) => {
  const pages = await startPages();
  const redis = startRedis();
  const node = await startNode(pages.url, redis.socket);
  const first = await startServers(pages.url, ["nethttp"], { REDIS: redis.socket, NAME: "go-1" });
  const second = await startServers(pages.url, ["gin"], { REDIS: redis.socket, NAME: "go-2" });
  const browser = await launch();
  const clients = [];
  t.after(async () => {
    clients.forEach((c) => c.disconnect());
    await browser.close();
    pages.stop();
    await first.stop();
    await second.stop();
    node.io.close();
    redis.stop();
  });
  const go1 = await connect(first.urls.nethttp);
  const go2 = await connect(second.urls.gin);
  const node1 = await connect(node.url);
  clients.push(go1, go2, node1);
  const ui = await UI.open(browser, pages);

  /** Everything is in the page: servers, and sockets with their transports and rooms. */
  const whole = async () => {
    await ui.row(ui.card("Servers"), /^healthy/i).locator("h2", { hasText: /^3$/ }).waitFor();
    await ui.goto("/#/servers/");
    for (const name of ["go-1", "go-2", "node-1"]) await ui.page.locator("tbody tr", { hasText: name }).waitFor();
    await ui.goto("/#/sockets/");
    for (const { id } of clients.filter((c) => c.connected)) await ui.socket(id).filter({ hasText: /websocket/i }).waitFor();
  };

  await t.test("the UI on a server in Go", async () => {
    await ui.goto("");
    await ui.login(first.urls.nethttp, "s3cret");
    await ui.in();
    await whole();
    await ui.socket(node1.id).click();
    await ui.row(ui.card("Rooms"), "lobby").waitFor();
    await ui.dismiss(node1);
  });

  await t.test("the UI on the server in Node, by the session of Go", async () => {
    await ui.page.evaluate((url) => localStorage.setItem("server_url", url), node.url);
    await ui.goto("/index.html");
    assert.equal(await ui.dialog.count(), 0, "no dialog");
    await whole();
    const later = await connect(second.urls.gin); // told by a server in Go to a UI of Node
    clients.push(later);
    await ui.goto("/#/sockets/");
    await ui.socket(later.id).waitFor();
    await ui.dismiss(go2);
  });

  await t.test("the inspector: an event of one server, and its recipients on another", async () => {
    const far = clients.at(-1);
    const context = await browser.newContext({ locale: "en-GB", httpCredentials: { username: "ops", password: "s3cret" } });
    context.setDefaultTimeout(15_000);
    const page = await context.newPage();
    const dialog = page.getByRole("dialog");
    await page.goto(first.urls.nethttp + "/inspect/#/rooms");
    const said = once(far, "notice");
    await page.getByRole("button", { name: "Act on lobby" }).click();
    await dialog.getByLabel("Event").fill("notice");
    await dialog.getByRole("button", { name: "Emit" }).click();
    await said;
    await page.keyboard.press("Escape");
    await page.getByRole("link", { name: "Events", exact: true }).click();
    await page.getByRole("button", { name: "notice" }).click();
    await dialog.getByText("by 2 of the servers").waitFor();
    await dialog.getByRole("button", { name: far.id }).click();
    await dialog.getByText(/^Yes\. It was written to the connection after .*\(go-2\)$/).waitFor();
  });
  if (process.env.SHOT) await ui.page.screenshot({ path: process.env.SHOT });
  assert.deepEqual(ui.errors, []);
});
