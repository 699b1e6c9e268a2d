// Servers, clients who use them, and the page of the inspector: what its tests look at.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { connect, launch, openInspector, startRedis, startServers } from "./ui.mjs";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Inspection is one server, or several on one Redis, with the page of the first one. */
export class Inspection {
  errors = [];
  others = []; // clients, and pages of readers
  row = (text) => this.page.locator("tbody tr").filter({ hasText: text, visible: true });

  static async open(count) {
    const all = new Inspection();
    all.redis = count > 1 ? startRedis() : undefined;
    all.names = count > 1 ? Array.from({ length: count }, (_, i) => `go-${i + 1}`) : ["go-nethttp"];
    all.servers = await Promise.all(all.names.map((NAME) => startServers("http://127.0.0.1:1", ["nethttp"], { RECOVERY: "1", NAME, ...(all.redis && { REDIS: all.redis.socket }) })));
    all.urls = all.servers.map((s) => s.urls.nethttp);
    all.users = new Map();
    all.clients = await Promise.all(["ann", "bob", "cem"].map((user, i) => all.connect(i, user)));
    all.teams = await Promise.all(["/team-1", "/team-1", "/team-2"].map((name, i) => all.connect(i, all.identityOf(all.clients[i]), {}, name)));
    all.browser = await launch();
    all.page = await openInspector(all.browser, all.urls[0], all.errors);
    all.dialog = all.page.getByRole("dialog");
    return all;
  }

  async close() {
    for (const client of this.others) client.disconnect();
    await this.browser?.close();
    for (const s of this.servers) await s.stop();
    this.redis?.stop();
  }

  /** Connects somebody to the server of a number; there may be fewer. */
  async connect(at, user, options = {}, namespace = "") {
    const url = this.urls[at % this.urls.length];
    const client = await connect(url + namespace, { reconnection: false, auth: { user }, ...options });
    this.others.push(client);
    this.users.set(client, { user, server: this.names[at % this.urls.length] });
    return client;
  }
  nameOf(client) {
    return this.users.get(client).server;
  }
  identityOf(client) {
    return this.users.get(client).user;
  }

  /** Somebody in the lobby who does not ask for what is there, by polling. */
  async idle(at) {
    const first = `${this.urls[at]}/socket.io/?EIO=4&transport=polling`;
    const { sid } = JSON.parse((await (await fetch(first)).text()).slice(1));
    const post = (body) => fetch(`${first}&sid=${sid}`, { method: "POST", headers: { "Content-Type": "text/plain;charset=UTF-8" }, body });
    await post("40");
    const welcome = await (await fetch(`${first}&sid=${sid}`)).text();
    const idle = { id: JSON.parse(welcome.slice(2).split("\x1e")[0]).sid, disconnect: () => post("1").catch(() => {}) };
    this.others.push(idle);
    return idle;
  }

  /** Chooses a view, from wherever the page is. */
  async view(name) {
    await this.page.keyboard.press("Escape");
    await this.dialog.waitFor({ state: "hidden" });
    await this.page.getByRole("link", { name, exact: true }).click();
    await this.page.getByRole("heading", { name, level: 2, exact: true }).waitFor();
  }

  /** Fills a form by its labels, leaves other fields empty, and searches. */
  async fill(view, fields) {
    const form = this.page.locator(`#${view}-form`);
    await form.evaluate((f) => {
      for (const field of f.elements) if (field.name) field.value = "";
    });
    for (const [label, value] of Object.entries(fields)) {
      if (label === "Direction") await form.getByRole("combobox").selectOption(value);
      else await form.getByLabel(label, { exact: true }).fill(value);
    }
    await form.getByRole("button").click();
  }

  /** Searches again until something is there. */
  async until(view, locator, fields) {
    if (fields) {
      await this.page.keyboard.press("Escape");
      await this.page.evaluate((hash) => (location.hash = hash), `#/${view}?${new URLSearchParams(fields)}`);
    }
    const end = Date.now() + 15_000;
    while (!(await locator().count())) {
      assert.ok(Date.now() < end, `${view} does not show it`);
      await this.page.locator(`#${view}-form`).getByRole("button").click();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async openSocket({ id }) {
    await this.view("Sockets");
    await this.fill("sockets", { "Id has": id });
    await this.row(id).getByRole("button").click();
    await this.dialog.getByRole("heading", { name: id }).waitFor();
  }
  async openRoom(name) {
    await this.view("Rooms");
    await this.fill("rooms", { Namespace: "/" });
    await this.page.getByRole("button", { name: `Act on ${name}`, exact: true }).click();
    await this.dialog.getByRole("heading", { name: `Room ${name}` }).waitFor();
  }
  /** Opens the newest event of a name. */
  async openEvent(name) {
    await this.view("Events");
    await this.fill("events", { Namespace: "/", "Event has": name });
    await this.row(new RegExp(`^${name}`)).first().getByRole("button").click();
    await this.dialog.getByRole("heading", { name, exact: true }).waitFor();
  }

  /** What the page says of a socket and the event that is open, without the server. */
  async why({ id }) {
    const verdict = this.page.locator("#verdict");
    await verdict.evaluate((p) => (p.textContent = ""));
    await this.dialog.getByLabel("Why has this socket").fill(id);
    await this.dialog.getByRole("button", { name: "Ask" }).click();
    await verdict.filter({ hasText: /./ }).waitFor();
    return (await verdict.textContent()).replace(/ \(go-\w+\)$/, "");
  }

  /** Does what a viewer may do, by the question of the page. */
  async emit(action) {
    const { error } = await this.page.evaluate((a) => socket.emitWithAck("act", a), { do: "emit", namespace: "/", args: [], ...action });
    assert.equal(error, undefined);
  }

  /** Has the live tail begin anew on all servers, with a filter. */
  async tail(filter) {
    await this.view("Live tail");
    await this.fill("tail", filter);
    await this.page.waitForFunction(() => {
      const hash = new URLSearchParams(place()[2]).toString();
      return hash === new URLSearchParams(fields("tail")).toString() && live.key === JSON.stringify(filterOf()) && live.after !== undefined;
    });
  }
  /** Waits until the page has everything that was said before. */
  settled() {
    return this.page.evaluate(async () => {
      for (let answers = 0; answers < 2; ) {
        const before = live.after;
        await views.tail();
        if (live.after !== before) answers++; // the first may have been asked for before
        else await new Promise((resolve) => setTimeout(resolve, 20));
      }
    });
  }

  /** Records what the dialog shows while something happens, and returns the file. */
  async record(happens, lines) {
    const { page, dialog } = this;
    await dialog.getByLabel("Record for seconds").fill("60");
    await dialog.getByRole("button", { name: "Record to a file" }).click();
    await dialog.waitFor({ state: "hidden" });
    await page.getByText(/^Recording .*: [1-9]\d* lines/).waitFor();
    await happens();
    await page.getByText(new RegExp(`^Recording .*: ${lines} lines`)).waitFor();
    await page.getByRole("button", { name: "Stop" }).click();
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Download" }).click()]);
    await page.locator("#recording").getByRole("button", { name: "Close" }).click();
    return download.path();
  }

  /** The page of somebody who may read only. */
  reader(errors) {
    return openInspector(this.browser, `${this.urls[0]}/inspect/reading/`, errors);
  }

  /** What axe finds on each view and in each dialog, light and dark, wide and on a phone. */
  async accessible() {
    const found = [];
    const page = await openInspector(this.browser, this.urls[0], found, { bypassCSP: true }); // which axe would be a breach of
    const look = async (what) => {
      const { violations, passes } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"], runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] }));
      assert.ok(passes.length > 10, `axe looked at ${passes.length} rules only`);
      found.push(...violations.flatMap(({ id, nodes }) => nodes.map((node) => `${what}: ${id}: ${node.target.join(" ")}: ${node.html.slice(0, 120)}`)));
      if ((await page.evaluate(() => document.documentElement.scrollWidth)) > page.viewportSize().width) found.push(`${what} does not fit`);
    };
    const dialog = page.getByRole("dialog");
    const within = {
      Overview: page.getByRole("button", { name: `Drain ${this.names[0]}` }),
      Sockets: page.getByRole("button", { name: this.clients[1].id }),
      Rooms: page.getByRole("button", { name: "Act on lobby", exact: true }),
      Events: page.getByRole("button", { name: "seen by axe" }).first(),
      "Live tail": null,
      Handlers: null,
    };
    await page.evaluate(axe);
    await this.emit({ in: "lobby", event: "seen by axe" });
    for (const [colorScheme, width, dialogs] of [["light", 1280, true], ["dark", 360, true], ...(this.names.length > 1 ? [] : [["dark", 1280, false], ["light", 360, false]])]) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await page.setViewportSize({ width, height: 800 });
      for (const [view, button] of Object.entries(within)) {
        await page.getByRole("link", { name: view, exact: true }).click();
        await page.getByRole("heading", { name: view, level: 2 }).waitFor();
        if (view === "Events") await page.evaluate(() => (location.hash = "#/events?namespace=/")); // the Admin UI has many
        if (view === "Live tail") await this.clients[1].emitWithAck("say", "seen by axe");
        await page.locator("section:not([hidden]) tbody tr").first().waitFor();
        const what = `${view}, ${colorScheme}, ${width} wide`;
        await look(what);
        if (!dialogs || !button) continue;
        await button.click();
        await dialog.waitFor();
        await look(`${what}, with its dialog`);
        await page.keyboard.press("Escape");
        await dialog.waitFor({ state: "hidden" });
      }
    }
    await page.context().close();
    return found;
  }
}
