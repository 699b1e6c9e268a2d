// People who sit in front of the chat: a browser window each.
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const patience = 30_000; // ms, for what takes a moment

export const launch = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    // A new empty profile each time; and nothing but this machine exists.
    args: [
      "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    ],
  });

/** One window, signed in. */
export class Person {
  /** options: those of a browser context. mute: console errors that are expected. */
  static async open(browser, url, name, options = {}) {
    const person = new this();
    Object.assign(person, { name, url, errors: [], hosts: new Set(), expected: () => false });
    person.context = await browser.newContext({ locale: "en-GB", viewport: { width: 1100, height: 720 }, ...options });
    person.context.setDefaultTimeout(patience);
    const page = (person.page = await person.context.newPage());
    page.on("console", (m) => ["error", "warning"].includes(m.type()) && !person.expected(m.text()) && person.errors.push(m.text()));
    page.on("pageerror", (err) => person.errors.push(String(err)));
    page.on("request", (request) => person.hosts.add(new URL(request.url()).host));
    page.on("websocket", (ws) => person.hosts.add(new URL(ws.url()).host));
    await page.goto(url);
    return person;
  }

  static async join(browser, url, name, options) {
    const person = await this.open(browser, url, name, options);
    await person.page.getByLabel("Your name").fill(name);
    await person.page.getByRole("button", { name: "Join the chat" }).click();
    return person;
  }

  /** Waits until the connection is what the status says. */
  connected(transport = "websocket") {
    return this.page.getByRole("status").filter({ hasText: `Connected · ${transport}` }).waitFor();
  }

  async say(text) {
    await this.page.getByLabel("Message", { exact: true }).fill(text);
    await this.page.keyboard.press("Enter");
  }

  /** Waits for a message in the log, and returns its element. */
  async sees(from, text) {
    const message = this.page.locator(`.message[data-from="${from}"]`).filter({ has: this.page.locator(".bubble", { hasText: text }) });
    await message.waitFor();
    return message;
  }

  ticked(text, state) {
    return this.page.locator(".message.mine").filter({ hasText: text }).locator(`[data-tick=${state}]`).waitFor();
  }

  async room(name) {
    await this.page.getByRole("navigation", { name: "Rooms" }).getByRole("button", { name }).click();
    await this.page.getByRole("heading", { level: 1, name }).waitFor();
  }

  /** Waits until these and no others are listed as being here. */
  async here(...names) {
    const want = names.sort().join();
    const listed = () => this.page.locator("#here .name").allTextContents().then((all) => all.map((name) => name.replace(" (you)", "")).join());
    const arrived = (want) => [...document.querySelectorAll("#here .name")].map((e) => e.firstChild.data).join() === want;
    await this.page.waitForFunction(arrived, want).catch(async (err) => {
      const status = await this.page.locator("#status-text").textContent();
      throw new Error(`${this.name}, ${status}, sees ${await listed()} and not ${want}`, { cause: err });
    });
  }

  line(text) {
    return this.page.locator(".system", { hasText: text }).last().waitFor();
  }

  typing(text, options) {
    return this.page.waitForFunction((want) => document.getElementById("typing").textContent === want, text, options);
  }

  /** Types until the other one is told: the notices are volatile, and a busy machine loses some. */
  async types(text, other) {
    for (let tries = 6; ; tries--) {
      await this.page.getByLabel("Message", { exact: true }).pressSequentially(text);
      const told = await other.typing(`${this.name} is typing…`, { timeout: 2500 }).catch((err) => err);
      if (!(told instanceof Error)) return;
      if (tries === 0) throw told;
    }
  }

  notice(text) {
    return this.page.locator(".notice", { hasText: text }).waitFor();
  }

  /** Closes the window; nothing may have gone wrong in it, or left the machine. */
  async leave() {
    await this.context.close();
    assert.deepEqual(this.errors, [], `errors on ${this.name}'s console`);
    assert.deepEqual([...this.hosts].sort(), [new URL(this.url).host], `hosts that ${this.name}'s page asked`);
  }
}
