// One server with the Admin UI, in each framework.
import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, launch, mounts, startMounts, startPages, UI } from "./ui.mjs";

test("the Admin UI in Chromium", { timeout: 120_000 }, async (t) => {
  const pages = await startPages();
  const servers = await startMounts(pages.url);
  const browser = await launch();
  const clients = [];
  t.after(async () => {
    clients.forEach((c) => c.disconnect());
    await browser.close();
    pages.stop();
    await servers.stop();
  });
  const ui = await UI.open(browser, pages);
  const { page } = ui;
  const url = servers.urls.nethttp;
  const one = await connect(url, { auth: { token: "t0p-auth" }, query: { token: "t0p-query" } });
  const two = await connect(url, { transports: ["polling"] });
  clients.push(one, two);

  await t.test("a wrong password, and the right one", async () => {
    await ui.goto("");
    await ui.login(url, "guess");
    await page.getByText("Invalid credentials").waitFor();
    await ui.login(url, "s3cret");
    await ui.in();
  });

  await t.test("counts", async () => {
    await ui.row(ui.card("Clients"), "WebSocket").locator("h2", { hasText: /^2$/ }).waitFor(); // one, and the page
    await ui.row(ui.card("Clients"), "polling").locator("h2", { hasText: /^1$/ }).waitFor();
    await ui.row(ui.card("Servers"), /^healthy/i).locator("h2", { hasText: /^1$/ }).waitFor();
    await ui.card("Namespaces").locator("tbody tr", { hasText: /^\s*\/\s*2\s*$/ }).waitFor();
    await ui.card("Namespaces").locator("tbody tr", { hasText: /^\s*\/admin\s*1\s*$/ }).waitFor();
  });

  await t.test("after a reload, by the session", async () => {
    await page.reload();
    await ui.row(ui.card("Clients"), "WebSocket").locator("h2", { hasText: /^2$/ }).waitFor();
    assert.equal(await ui.dialog.count(), 0, "no dialog");
  });

  await t.test("a socket's details", async () => {
    await ui.goto("/#/sockets/");
    await ui.socket(one.id).click();
    const details = ui.card("Details");
    await details.getByText(one.id, { exact: true }).waitFor();
    const text = await page.locator("main").innerText();
    assert.match(text, /"name": "Ann"/);
    assert.match(text, /WebSocket/);
    await ui.row(details, "IP address").filter({ hasText: "127.0.0.1" }).waitFor();
    assert.doesNotMatch(await page.content(), /t0p-/, "a secret");
    await ui.row(ui.card("Rooms"), "lobby").waitFor();
  });

  await t.test("join and leave", async () => {
    await ui.card("Rooms").getByLabel("Join a room").fill("vip");
    await ui.card("Rooms").locator("button[type=submit]").click();
    await ui.row(ui.card("Rooms"), "vip").waitFor();
    await ui.row(ui.card("Rooms"), "vip").getByRole("button").click();
    await ui.row(ui.card("Rooms"), "vip").waitFor({ state: "detached" });
  });

  await t.test("events", async () => {
    await one.emitWithAck("say", "how do you do");
    await ui.goto("/#/events/");
    const said = page.locator("tbody tr", { hasText: "say" }).filter({ hasText: one.id });
    await said.getByRole("button").click();
    await page.getByText('"how do you do"').waitFor();
  });

  await t.test("disconnect by button", async () => {
    const { id } = two;
    await ui.dismiss(two); // the button is in a row that shows details
    await ui.row(ui.card("Details"), "Status").filter({ hasText: /disconnected/i }).first().waitFor();
    await ui.goto("/#/sockets/");
    await ui.socket(one.id).getByRole("button").waitFor();
    await ui.socket(id).filter({ visible: true }).waitFor({ state: "detached" });
  });

  await t.test("production mode", async () => {
    await page.evaluate(() => localStorage.clear());
    await ui.goto("/index.html");
    await ui.login(url, "s3cret", "/numbers");
    await ui.card("Namespaces").locator("tbody tr", { hasText: /^\s*\/numbers\s*1\s*$/ }).waitFor();
    assert.equal(await page.getByRole("link", { name: "Sockets" }).count(), 0, "no list of sockets");
  });
  if (process.env.SHOT) await page.screenshot({ path: process.env.SHOT });
  assert.deepEqual(ui.errors, []);
  await ui.context.close();

  for (const mount of mounts.slice(1)) {
    await t.test(mount, async () => {
      const ui = await UI.open(browser, pages);
      const client = await connect(servers.urls[mount]);
      clients.push(client);
      await ui.goto("");
      await ui.login(servers.urls[mount], "s3cret");
      await ui.in();
      await ui.dismiss(client);
      assert.deepEqual(ui.errors, []);
      await ui.context.close();
    });
  }
});
