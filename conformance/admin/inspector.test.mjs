// The page of the inspector, in Chromium.
import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, launch, mounts, openInspector, startMounts } from "./ui.mjs";

test("the inspector in Chromium", { timeout: 120_000 }, async (t) => {
  const servers = await startMounts("http://127.0.0.1:1");
  const browser = await launch();
  const url = servers.urls.nethttp;
  const one = await connect(url, { auth: { token: "t0p-auth" }, query: { token: "t0p-query" } });
  const two = await connect(url, { transports: ["polling"] });
  t.after(async () => {
    one.disconnect();
    two.disconnect();
    await browser.close();
    await servers.stop();
  });

  for (const mount of mounts) {
    await t.test(`the page of ${mount}`, async () => {
      const page = `${servers.urls[mount]}/inspect/`;
      assert.equal((await fetch(page)).status, 401);
      const response = await fetch(page, { headers: { Authorization: "Basic " + btoa("ops:s3cret") } });
      assert.match(await response.text(), /data-ticket="[\w-]{50,}"/);
      assert.equal((await fetch(page + "inspector.js")).status, 200);
      const errors = [];
      const seen = await openInspector(browser, servers.urls[mount], errors);
      const client = await connect(servers.urls[mount]);
      await seen.getByRole("link", { name: "Sockets", exact: true }).click();
      await seen.getByRole("button", { name: client.id }).click();
      const gone = new Promise((resolve) => client.once("disconnect", resolve));
      await seen.getByRole("dialog").getByRole("button", { name: "Disconnect" }).click();
      assert.equal(await gone, "io server disconnect");
      assert.deepEqual(errors, []);
      await seen.context().close();
    });
  }

  const context = await browser.newContext({ locale: "en-GB", viewport: { width: 1280, height: 900 }, httpCredentials: { username: "ops", password: "s3cret" } });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  const errors = [];
  page.on("pageerror", (err) => errors.push(String(err)));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text())); // what the policy forbids, too
  const row = (text) => page.locator("tbody tr").filter({ hasText: text, visible: true });
  const shot = (name) => process.env.SHOTS && page.screenshot({ path: `${process.env.SHOTS}/${name}.png` });

  await t.test("overview", async () => {
    await page.goto(url + "/inspect/");
    await page.getByRole("status").filter({ hasText: /^connected$/ }).waitFor();
    await row("go-nethttp").waitFor();
    await row(/^\/news\s*0/).waitFor();
    await page.getByRole("img", { name: /^Connections: now \d+; at most/ }).waitFor();
  });

  await t.test("sockets, by room and by id", async () => {
    await page.getByRole("link", { name: "Sockets", exact: true }).click();
    await page.keyboard.press("/"); // to the first field
    await page.keyboard.type("/");
    await page.locator("#sockets-form").getByLabel("Room").fill("lobby");
    await page.keyboard.press("Enter");
    await row(two.id).waitFor();
    await page.getByText("2 sockets").waitFor();
    await page.getByLabel("Id has").fill(one.id.slice(2, 12));
    await page.getByRole("button", { name: "Search" }).click();
    await page.getByText("1 socket", { exact: true }).waitFor();
    await page.reload(); // the address has what was looked for
    await page.getByText("1 socket", { exact: true }).waitFor();
  });

  const dialog = page.getByRole("dialog");
  await t.test("one socket", async () => {
    await page.getByRole("button", { name: one.id }).click();
    await dialog.getByRole("heading", { name: one.id }).waitFor();
    await dialog.getByText("lobby", { exact: true }).waitFor();
    await dialog.getByText("Values").click();
    await dialog.getByText('"name": "Ann"').waitFor();
    assert.doesNotMatch(await page.content(), /t0p-/, "a secret");
    await shot("inspector-socket");
  });

  await t.test("emit, join", async () => {
    const said = new Promise((resolve) => one.once("hello", (...args) => resolve(args)));
    await dialog.getByLabel("Event").fill("hello");
    await dialog.getByLabel("Arguments, a JSON array").fill('["you", {"n": 1}]');
    await dialog.getByRole("button", { name: "Emit" }).click();
    assert.deepEqual(await said, ["you", { n: 1 }]);
    await dialog.getByLabel("Room").fill("vip");
    await dialog.getByRole("button", { name: "Join" }).click();
    await dialog.getByText("lobby, vip").waitFor();
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
  });

  await t.test("rooms", async () => {
    await page.getByRole("link", { name: "Rooms", exact: true }).click();
    await row(/^vip/).getByRole("button").click();
    await dialog.getByRole("heading", { name: "Room vip" }).waitFor();
    const gone = new Promise((resolve) => one.once("disconnect", resolve));
    await dialog.getByRole("button", { name: "Disconnect" }).click();
    assert.equal(await gone, "io server disconnect");
    while (await row(/^vip/).count()) { // the socket leaves its rooms a moment later
      await page.getByRole("button", { name: "Search" }).click();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });

  await t.test("an event, and why somebody has not got it", async () => {
    await page.getByRole("link", { name: "Events", exact: true }).click();
    await page.locator("#events-form").getByLabel("Event has").fill("hello");
    await page.locator("#events-form").getByRole("button").click();
    await row(/^hello/).getByRole("button").click();
    await dialog.getByRole("heading", { name: "hello" }).waitFor();
    await dialog.getByText("1, by 1 of the servers").waitFor();
    await dialog.getByLabel("Why has this socket").fill(two.id);
    await dialog.getByRole("button", { name: "Ask" }).click();
    await dialog.getByText("The socket is not in one of the rooms").waitFor();
    await shot("inspector-why");
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
  });

  await t.test("handlers and options", async () => {
    await two.emitWithAck("counted"); // which nobody else emits
    await page.getByRole("link", { name: "Handlers", exact: true }).click();
    await row(/^counted\/10\d+ µs/).waitFor();
    await row(/^\/newsnamespace0/).waitFor();
    await row(/^Limits.Connectionsnone$/).waitFor();
    await page.locator("#handlers-form").getByLabel("Event has").fill("nothing");
    await page.keyboard.press("Enter");
    await row("No event is like that.").waitFor();
  });

  await t.test("the live tail: filters, pause, copy, nothing secret", async () => {
    await page.getByRole("link", { name: "Live tail", exact: true }).click();
    const form = page.locator("#tail-form");
    await page.locator("#tail-count", { hasText: "waiting for events" }).waitFor();
    const top = await page.locator("#tail-table").boundingBox();
    const seen = page.waitForFunction(() => document.querySelectorAll("#tail-table tbody tr").length >= 3);
    await page.evaluate(() => live.follow(filterOf())); // it follows from here on
    await two.emitWithAck("say", "hello");
    two.emit("login", { user: "Ann", password: "t0p-tail" }, "x".repeat(300));
    two.emit("buy", 7);
    await seen;
    assert.equal((await page.locator("#tail-table").boundingBox()).y, top.y, "the table has moved");
    await row(/← fromsay"hello"/).filter({ hasText: two.id }).waitFor();
    await row(/← fromlogin/).filter({ hasText: '"password":"[redacted]"' }).filter({ hasText: "no handler" }).waitFor();
    assert.doesNotMatch(await page.content(), /t0p-/, "a secret");

    await form.getByLabel("Direction").selectOption("from clients");
    await form.getByLabel("Event has").fill("sa");
    await form.getByLabel("Arguments have").fill("again");
    await page.keyboard.press("Enter");
    await page.locator("#tail-count", { hasText: "waiting for events" }).waitFor();
    await page.evaluate(() => live.follow(filterOf()));
    two.emit("buy", "again");
    await two.emitWithAck("say", "hello");
    await two.emitWithAck("say", "once again");
    await row(/say"once again"/).waitFor();
    assert.equal(await row(/from|to/).count(), 1, "what passes the filter");

    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.getByRole("button", { name: "Copy" }).click();
    await page.locator("#tail-said", { hasText: "Copied 1 event" }).waitFor();
    const copied = JSON.parse(await page.evaluate(() => navigator.clipboard.readText()));
    assert.deepEqual([copied.event, copied.args, copied.socket], ["say", '"once again"', two.id]);
    await page.getByRole("button", { name: "Pause" }).focus();
    await page.keyboard.press("Space");
    await page.getByRole("button", { name: "Pause", pressed: true }).waitFor();
    await two.emitWithAck("say", "again, unseen");
    await new Promise((resolve) => setTimeout(resolve, 1200)); // it would have been asked for
    assert.equal(await row(/unseen/).count(), 0, "it is paused");
    await page.getByRole("button", { name: "Pause" }).click();
    await row(/unseen/).waitFor();
  });

  await t.test("more than a tail shows", async () => {
    await page.goto(url + "/inspect/#/tail?event=burst");
    await page.locator("#tail-count", { hasText: "waiting for events" }).waitFor();
    await page.evaluate(() => live.follow(filterOf()));
    for (let i = 0; i < 900; i++) two.emit("burst", i);
    await two.emitWithAck("say", "the last one");
    await page.locator("#tail-count", { hasText: /^\d+ events, \d+ more skipped/ }).waitFor();
  });

  await t.test("one socket: its history, and what it sends and gets", async () => {
    const three = await connect(url, { transports: ["polling", "websocket"] });
    if (three.io.engine.transport.name === "polling") await new Promise((resolve) => three.io.engine.once("upgrade", resolve));
    await page.goto(url + "/inspect/#/sockets?id=" + three.id);
    await page.getByRole("button", { name: three.id }).click();
    await dialog.getByText("opened (polling)").waitFor();
    await dialog.getByText("upgraded (websocket)").waitFor();
    await dialog.getByText("0 B", { exact: true }).waitFor();
    await dialog.getByText("Round trip").waitFor();
    await page.evaluate(() => followTarget());
    await three.emitWithAck("say", "from me");
    await dialog.getByText('"from me"').waitFor();
    await dialog.getByLabel("Event").fill("hello");
    await dialog.getByRole("button", { name: "Emit" }).click();
    await dialog.locator("#lately-table tr").filter({ hasText: "→ to" }).filter({ hasText: "hello" }).waitFor();
    const { id } = three;
    three.disconnect();
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Search" }).click();
    await row("has gone").getByRole("button").click();
    await dialog.getByText("left – client namespace disconnect").waitFor();
    await dialog.getByRole("heading", { name: id }).waitFor();
    assert.doesNotMatch(await page.content(), /t0p-/, "a secret");
    await page.keyboard.press("Escape");
  });

  await t.test("on a phone, in the dark", async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    await page.emulateMedia({ colorScheme: "dark" });
    for (const view of ["Rooms", "Events", "Live tail", "Handlers", "Sockets", "Overview"]) {
      await page.getByRole("link", { name: view, exact: true }).click();
      await page.getByRole("heading", { name: view }).waitFor();
      assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 360, `${view} fits`);
    }
    await shot("inspector-phone");
  });
  assert.deepEqual(errors, []);
});
