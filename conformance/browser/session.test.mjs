// A login, two tabs of one browser, and a logout in one of them, on
// examples/session. LOOK=<folder> takes pictures for whoever works on the page.
import assert from "node:assert/strict";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { cramped, nameless, pale } from "./access.mjs";
import { launch } from "./people.mjs";
import { App, build } from "./servers.mjs";

const limit = { timeout: 120_000 };
const patience = 30_000; // ms
// What Chromium says when the page gives up a connection that is about to be upgraded.
const givenUp = /WebSocket is closed before the connection is established/;
let browser;

before(async () => {
  build("session");
  browser = await launch();
});
after(() => browser?.close());

/** One window of a browser context; nothing may go wrong in it, or leave the machine. */
class Tab {
  static async open(context, url) {
    const tab = new Tab();
    const page = await context.newPage();
    page.setDefaultTimeout(patience);
    Object.assign(tab, { page, url, errors: [], hosts: new Set(), sockets: [] });
    page.on("console", (m) => ["error", "warning"].includes(m.type()) && !givenUp.test(m.text()) && tab.errors.push(m.text()));
    page.on("pageerror", (error) => tab.errors.push(String(error)));
    page.on("request", (request) => tab.hosts.add(new URL(request.url()).host));
    page.on("websocket", (ws) => tab.sockets.push(ws));
    await page.goto(url);
    return tab;
  }

  async signIn(name, password = "gopher") {
    await this.page.getByLabel("Name").fill(name);
    await this.page.getByLabel("Password").fill(password);
    await this.page.keyboard.press("Enter");
  }

  async live(name, windows) {
    await this.page.getByRole("heading", { name: `Hello, ${name}` }).waitFor();
    await this.page.getByRole("status").filter({ hasText: /^Connected$/ }).waitFor();
    if (windows) await this.page.locator("#windows", { hasText: new RegExp(`^${windows} windows?$`) }).waitFor();
  }

  form(why) {
    const form = this.page.getByRole("heading", { name: "Sign in" });
    return why ? this.page.locator("#why", { hasText: why }).waitFor() : form.waitFor();
  }

  clicks(n) {
    return this.page.locator("#clicks", { hasText: new RegExp(`^${n}$`) }).waitFor();
  }

  press(name) {
    return this.page.getByRole("button", { name, exact: true }).click();
  }

  theme() {
    return this.page.evaluate(() => document.documentElement.dataset.theme);
  }

  done() {
    assert.deepEqual(this.errors, [], "errors on the console");
    assert.deepEqual([...this.hosts], [new URL(this.url).host], "hosts that the page asked");
  }
}

const cookieOf = async (context) => (await context.cookies()).find(({ name }) => name === "session");

/** The status and body of a polling handshake with a cookie, and what the namespace says. */
async function knock(url, cookie) {
  const headers = cookie ? { Cookie: `session=${cookie}` } : {};
  const base = `${url}/socket.io/?EIO=4&transport=polling`;
  const open = await fetch(base, { headers });
  assert.equal(open.headers.get("set-cookie"), null);
  const { sid } = JSON.parse((await open.text()).slice(1));
  await fetch(`${base}&sid=${sid}`, { method: "POST", headers, body: "40" });
  const answer = await (await fetch(`${base}&sid=${sid}`, { headers })).text();
  await fetch(`${base}&sid=${sid}`, { method: "POST", headers, body: "1" });
  return answer;
}

describe("session", { concurrency: false }, () => {
  const [app, short] = [new App("session"), new App("session")];
  let context;

  async function fresh(options = {}) {
    await context?.close();
    context = await newContext(options);
  }
  const newContext = (options) => browser.newContext({ locale: "en-GB", viewport: { width: 900, height: 700 }, ...options });

  // A session that expires while the other tests run.
  let expiring;
  before(async () => {
    process.env.SESSION_LIFETIME = "8s";
    await short.start().finally(() => delete process.env.SESSION_LIFETIME);
    await app.start();
    const context = await newContext();
    const tab = await Tab.open(context, short.url);
    await tab.signIn("Ada");
    await tab.live("Ada", 1);
    expiring = { context, tab, value: (await cookieOf(context)).value };
  });
  after(async () => {
    await context?.close();
    await expiring?.context.close();
    for (const a of [app, short]) if (a.child) await a.stop();
  });

  test("logout in one tab ends the other", limit, async () => {
    await fresh();
    const one = await Tab.open(context, app.url);
    await one.form();
    await one.signIn("Ada", "guess");
    await one.page.getByRole("alert").filter({ hasText: "Wrong name or password" }).waitFor();
    one.errors = one.errors.filter((text) => !/401/.test(text)); // the browser reports the refused request
    await one.signIn("Ada");
    await one.live("Ada", 1);
    const two = await Tab.open(context, app.url); // with the same cookie: no form
    await two.live("Ada", 2);
    await one.live("Ada", 2);

    // Both write: one by HTTP, the other in an event handler.
    await one.press("Dark");
    await two.page.waitForFunction(() => document.documentElement.dataset.theme === "dark");
    await two.press("Add one");
    await one.clicks(1);
    await one.press("Add one");
    await two.clicks(2);
    assert.equal(await one.theme(), "dark");
    await two.page.reload();
    await two.clicks(2);
    assert.equal(await two.theme(), "dark");
    await one.live("Ada", 2);

    const before = (await cookieOf(context)).value;
    const closed = [one, two].map((tab) => tab.sockets.at(-1)).map((ws) => ws.isClosed() || ws.waitForEvent("close"));
    await one.page.evaluate(() => addEventListener("click", () => (window.at = Date.now()), true));
    await two.page.evaluate(() => new MutationObserver(() => (window.at = Date.now())).observe(document.getElementById("why"), { childList: true }));
    await one.press("Sign out");
    await one.form();
    await two.form("You have signed out in another window.");
    const [start, end] = await Promise.all([one, two].map((tab) => tab.page.evaluate(() => window.at)));
    assert.ok(end - start < 5000, `the other tab knew after ${end - start} ms`);
    if (process.env.LOOK) console.log(`the other tab knew after ${end - start} ms`);
    await Promise.all(closed);
    await two.form();
    assert.equal(await one.page.locator("#why").textContent(), "");
    assert.equal(await cookieOf(context), undefined);
    assert.match(await knock(app.url, before), /^44.*"session_missing"/); // a copy is worth nothing

    // Nobody comes back: not by itself, not by a reload.
    const sockets = two.sockets.length;
    await two.page.waitForTimeout(1600); // longer than the client waits to reconnect
    assert.equal(two.sockets.length, sockets);
    await two.page.reload();
    await two.form();
    assert.equal(await two.page.locator("#why").textContent(), "");
    for (const tab of [one, two]) tab.done();
  });

  test("the session's id changes, and the sockets go on", limit, async () => {
    await fresh();
    const one = await Tab.open(context, app.url);
    await one.press("Light"); // a session before the login
    await one.page.waitForFunction(() => document.documentElement.dataset.theme === "light");
    let planted;
    for (const end = Date.now() + patience; !(planted = await cookieOf(context)); ) assert.ok(Date.now() < end, "a cookie");
    await one.signIn("Ada");
    await one.live("Ada", 1);
    assert.match(await knock(app.url, planted.value), /^44.*"session_missing"/);
    const two = await Tab.open(context, app.url);
    await two.live("Ada", 2);
    const before = (await cookieOf(context)).value;
    assert.notEqual(before, planted.value);
    const sockets = [one, two].map((tab) => tab.sockets.length);
    await one.press("Change the session’s id");
    await one.page.getByText("The session has a new id").waitFor();
    const renewed = (await cookieOf(context)).value;
    assert.notEqual(renewed, before);
    assert.match(await knock(app.url, before), /^44.*"session_missing"/);
    assert.match(await knock(app.url, renewed), /^40\{"sid":/);
    await two.press("Add one");
    await one.clicks(1);
    assert.deepEqual([one, two].map((tab) => tab.sockets.length), sockets, "nobody reconnected");
    await two.press("Sign out");
    await one.form("You have signed out in another window.");
    for (const tab of [one, two]) tab.done();
  });

  test("an expired cookie, a tampered one, none", limit, async () => {
    const form = new URLSearchParams({ name: "Ada", password: "gopher" });
    const login = await fetch(`${app.url}/app/login`, { method: "POST", body: form });
    const [, good] = /^session=([^;]+)/.exec(login.headers.getSetCookie()[0]);
    const { context, tab, value } = expiring;
    const tampered = (good[0] === "A" ? "B" : "A") + good.slice(1);
    for (const cookie of [tampered, good.slice(1), `${good}x`, "x", "", value]) {
      assert.match(await knock(app.url, cookie), /^44.*"session_missing"/, cookie);
    }
    assert.match(await knock(app.url, good), /^40\{"sid":/);

    await tab.form("Your session has ended."); // by itself, when it expired
    assert.match(await knock(short.url, value), /^44.*"session_missing"/);
    await context.addCookies([{ name: "session", value, url: short.url }]); // kept by somebody who should not have
    await tab.page.reload();
    await tab.form();
    tab.done();
  });

  test("names, contrast, phone", limit, async () => {
    for (const [colorScheme, width, height] of [["light", 900, 700], ["dark", 360, 640]]) {
      const where = `${colorScheme}, ${width} wide`;
      await fresh({ colorScheme, viewport: { width, height } });
      const tab = await Tab.open(context, app.url);
      const look = async (what, texts) => {
        assert.deepEqual(await tab.page.evaluate(nameless), [], `${what}, ${where}`);
        assert.deepEqual(await tab.page.evaluate(cramped), [], `${what}, ${where}`);
        const { wrong, looked } = await tab.page.evaluate(pale);
        assert.deepEqual(wrong, [], `contrast, ${what}, ${where}`);
        assert.ok(looked >= texts, `looked at ${looked} texts`);
        if (process.env.LOOK) await tab.page.screenshot({ path: path.join(process.env.LOOK, `${what}-${where.replace(", ", "-")}.png`) });
      };
      await tab.form();
      await look("form", 8);
      await tab.page.keyboard.type("Ada"); // the field has the focus
      await tab.page.keyboard.press("Tab");
      await tab.page.keyboard.type("gopher");
      await tab.page.keyboard.press("Enter");
      await tab.live("Ada", 1);
      await tab.press("Add one");
      await tab.clicks(1);
      await look("live", 9);
      tab.done();
    }
  });

  test("it shuts down", limit, async () => {
    await fresh();
    const tab = await Tab.open(context, app.url);
    await tab.signIn("Ada");
    await tab.live("Ada", 1);
    const { code, ms } = await app.stop();
    delete app.child;
    assert.equal(code, 0, `exit code; its log:\n${app.log}`);
    assert.ok(ms < 5000, `the shutdown took ${ms} ms`);
    await tab.page.getByText("Reconnecting…").waitFor();
  });
});
