// The page of the inspector in Chromium, with three servers in Go on one Redis.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { connect, launch, openInspector, shot, startRedis, startServers } from "./ui.mjs";

test("the inspector of three servers", { timeout: 120_000 }, async (t) => {
  const redis = startRedis();
  const names = ["go-1", "go-2", "go-3"];
  const servers = await Promise.all(names.map((NAME) => startServers("http://127.0.0.1:1", ["nethttp"], { REDIS: redis.socket, NAME })));
  const urls = servers.map((s) => s.urls.nethttp);
  const browser = await launch();
  const clients = await Promise.all(urls.map((url) => connect(url, { reconnection: false })));
  t.after(async () => {
    clients.forEach((c) => c.disconnect());
    await browser.close();
    for (const s of servers) await s.stop();
    redis.stop();
  });
  const errors = [];
  const page = await openInspector(browser, urls[0], errors);
  const row = (text) => page.locator("tbody tr").filter({ hasText: text, visible: true });
  const dialog = page.getByRole("dialog");
  const view = (name) => page.getByRole("link", { name, exact: true }).click();

  await t.test("overview", async () => {
    for (const name of names) await row(new RegExp(`^${name}`)).waitFor();
    await page.getByRole("img", { name: /^Connections: now \d+; at most/ }).waitFor();
  });

  await t.test("sockets of all, and one of another server", async () => {
    await view("Sockets");
    await page.locator("#sockets-form").getByLabel("Room").fill("lobby");
    await page.keyboard.press("Enter");
    await page.getByText("3 sockets").waitFor();
    for (const [i, name] of names.entries()) await row(clients[i].id).filter({ hasText: name }).waitFor();
    await shot(page, "inspector-sockets");
    await page.getByRole("button", { name: clients[2].id }).click();
    await dialog.getByText("go-3", { exact: true }).waitFor();
    const said = new Promise((resolve) => clients[2].once("hello", resolve));
    await dialog.getByLabel("Event").fill("hello");
    await dialog.getByLabel("Arguments, a JSON array").fill('["far"]');
    await dialog.getByRole("button", { name: "Emit" }).click();
    assert.equal(await said, "far");
    await page.keyboard.press("Escape");
  });

  await t.test("rooms are added up", async () => {
    await view("Rooms");
    await row(/^lobby\/3/).waitFor();
  });

  await t.test("an event to all, its recipients, and who has not got it", async () => {
    await view("Rooms");
    await row(/^lobby/).getByRole("button").click();
    await dialog.getByLabel("Event").fill("all");
    await dialog.getByRole("button", { name: "Emit" }).click();
    await dialog.getByText("Done.").waitFor();
    await page.keyboard.press("Escape");
    await view("Events");
    await row(/^all/).getByRole("button").click();
    await dialog.getByText("3, by 3 of the servers").waitFor();
    await dialog.getByLabel("Why has this socket").fill(clients[1].id);
    await dialog.getByRole("button", { name: "Ask" }).click();
    await dialog.getByText(/^Yes\. .*\(go-2\)$/).waitFor();
    await page.keyboard.press("Escape");
  });

  await t.test("handlers are added up", async () => {
    for (const client of clients) for (let i = 0; i < 5; i++) await client.emitWithAck("counted"); // which nobody else emits
    await view("Handlers");
    await row(/^counted\/150/).filter({ hasText: /3$/ }).waitFor();
    await row(/^PingInterval25s$/).waitFor();
    await shot(page, "inspector-handlers");
  });
  await t.test("record a room to a file", async () => {
    await view("Rooms");
    await row(/^lobby/).getByRole("button").click();
    await dialog.getByLabel("Record for seconds").fill("60");
    await dialog.getByRole("button", { name: "Record to a file" }).click();
    await dialog.waitFor({ state: "hidden" });
    await page.getByText("Recording room lobby: 3 lines").waitFor();
    for (const client of clients) await client.emitWithAck("say", { text: "hello", password: "t0p" }).catch(() => {});
    await clients[1].emitWithAck("say", "bye");
    await page.getByText(/: 11 lines/).waitFor();
    await shot(page, "inspector-recording");
    await page.getByRole("button", { name: "Stop" }).click();
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Download" }).click()]);
    assert.equal(download.suggestedFilename(), "room-lobby.jsonl");
    const text = await readFile(await download.path(), "utf8");
    const [head, ...lines] = text.trim().split("\n").map((line) => JSON.parse(line));
    assert.deepEqual([head.format, head.version, head.room, head.redacted], ["gosio recording", 1, "lobby", true]);
    const count = (kind) => lines.filter((line) => line.kind === kind).length;
    assert.deepEqual(["here", "in", "ack", "out", "end"].map(count), [3, 4, 4, 0, 3]);
    assert.ok(lines.every((line, i) => i === 0 || lines[i - 1].at <= line.at), "in order");
    assert.deepEqual(new Set(lines.filter((line) => line.kind === "here").map((line) => line.server)), new Set(names));
    assert.match(text, /"args":\["bye"\]/);
    assert.doesNotMatch(text, /t0p/, "a secret");
    await page.getByRole("button", { name: "Close" }).click();
  });

  await t.test("a live tail of all, each event once, and one socket of another server", async () => {
    await view("Live tail");
    await page.locator("#tail-form").getByLabel("Namespace").fill("/"); // the Admin UI's has events, too
    await page.keyboard.press("Enter");
    await page.locator("#tail-count", { hasText: "waiting for events" }).waitFor();
    await page.evaluate(() => live.follow(filterOf()));
    for (const client of clients) await client.emitWithAck("say", "hello");
    for (const [i, name] of names.entries()) await row(/← fromsay"hello"/).filter({ hasText: clients[i].id }).filter({ hasText: name }).waitFor();
    await page.evaluate(() => socket.emitWithAck("act", { do: "emit", namespace: "/", all: true, event: "tailed", args: [1] }));
    await row(/→ totailed1all/).waitFor();
    await new Promise((resolve) => setTimeout(resolve, 1200)); // others would be asked once more
    assert.equal(await row("tailed").count(), 1, "once");
    await shot(page, "inspector-tail");
    await page.getByRole("button", { name: clients[1].id }).first().click();
    await dialog.getByText("joined on go-2").waitFor();
    await page.evaluate(() => followTarget());
    await clients[1].emitWithAck("say", "from afar");
    await dialog.getByText('"from afar"').waitFor();
    await shot(page, "inspector-lately");
    await page.keyboard.press("Escape");
  });

  await t.test("drain a server, by its name", async () => {
    await view("Overview");
    await page.getByText(/^The last \d+ s$/).waitFor();
    await shot(page, "inspector-overview");
    await page.getByRole("button", { name: "Drain go-3" }).click();
    await dialog.getByLabel("Name of the server").fill("go-2");
    await dialog.getByRole("button", { name: "Drain", exact: true }).click();
    await dialog.getByText("That is not the name of the server.").waitFor();
    const gone = new Promise((resolve) => clients[2].once("disconnect", resolve));
    await dialog.getByLabel("Name of the server").fill("go-3");
    await shot(page, "inspector-drain");
    await dialog.getByRole("button", { name: "Drain", exact: true }).click();
    await dialog.waitFor({ state: "hidden" });
    assert.equal(await gone, "transport close");
    await row(/^go-3/).waitFor({ state: "detached" });
    const refused = await fetch(`${urls[2]}/socket.io/?EIO=4&transport=polling`);
    assert.equal(refused.status, 503);
    assert.ok(Number(refused.headers.get("Retry-After")) >= 1, "Retry-After");
    assert.ok(clients[0].connected && clients[1].connected, "the others go on");
  });
  assert.deepEqual(errors, []);
});
