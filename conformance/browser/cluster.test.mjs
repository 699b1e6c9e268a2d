// The page of examples/cluster in real browser windows: people chat across two servers in
// Go and one in Node; the server of one of them is killed, and then the Node server, and
// the chat goes on. The page knows nothing of how the servers talk to each other: MODE is
// one of the modes (classic), and TestCluster beside the page kills servers in all of them.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { cramped, nameless, pale } from "./access.mjs";
import { launch, Person } from "./people.mjs";
import { App, build } from "./servers.mjs";

const outage = /ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE_CHUNKED_ENCODING|50[0-9] \(|400 \(Bad Request\)|WebSocket connection to .* failed/;

/** A window of the chat, which chooses its name and its server by itself. */
class Window extends Person {
  static async open(browser, url) {
    const window = await super.open(browser, url, "");
    window.expected = (text) => outage.test(text);
    await window.welcomed();
    return window;
  }
  /** welcomed waits until the page says which server it is on. */
  async welcomed(other = "") {
    for (const end = Date.now() + 30_000; ; await pause(50)) {
      const [, name, server] = /^(guest \d+), on (\S+)$/.exec(await this.page.getByRole("status").textContent()) ?? [];
      if (server && server !== other) return Object.assign(this, { name, server });
      assert.ok(Date.now() < end, `it is welcomed by another server than ${other}`);
    }
  }
  async hears(from, text, by) {
    await this.page.locator("#log p", { hasText: `${from}: ${text} by ${by}` }).waitFor({ timeout: 20_000 });
    assert.equal(await this.page.locator("#log p", { hasText: text }).count(), 1, "once");
  }
}

let browser;
before(async () => {
  browser = await launch();
  build("cluster");
});
after(() => browser?.close());

const mode = process.env.MODE ?? "classic";
describe(`a cluster, ${mode}`, { concurrency: false }, () => {
  let app, windows;
  before(async () => {
    app = new App("cluster", { MODE: mode }, 120_000); // it may install the Node server first
    await app.start();
  });
  after(async () => {
    if (app?.child) await app.stop();
  });
  const pid = (name) => Number([...app.log.matchAll(new RegExp(`process=${name} pid=(\\d+)`, "g"))].at(-1)[1]);

  /** spread opens windows until there is one on each server. */
  async function spread(...servers) {
    const found = new Map();
    for (let i = 0; i < 60 && found.size < servers.length; i++) {
      const window = await Window.open(browser, app.url);
      if (found.has(window.server)) await window.leave();
      else found.set(window.server, window);
    }
    assert.deepEqual([...found.keys()].sort(), servers);
    return [...found.values()];
  }

  async function allChat(word) {
    for (const [i, w] of windows.entries()) {
      const text = `${word} ${i} <b>日本</b>`;
      await w.say(text);
      for (const other of windows) await other.hears(w.name, text, w.server);
    }
  }

  test("people on all servers chat", { timeout: 120_000 }, async () => {
    windows = await spread("go-1", "go-2", "node-1");
    if (mode === "streams") await pause(2000); // Node's adapter hears nothing before its first read
    await allChat("hello");
    for (const w of windows) {
      for (const other of windows) await w.page.locator("#who li", { hasText: `${other.name} on ${other.server}` }).waitFor();
      for (const check of [cramped, nameless]) assert.deepEqual(await w.page.evaluate(check), []);
      const { wrong, looked } = await w.page.evaluate(pale);
      assert.deepEqual(wrong, []);
      assert.ok(looked > 10, `${looked} texts`);
    }
  });

  for (const victim of ["go-1", "node-1"]) test(`${victim} is killed, and the chat goes on`, { timeout: 120_000 }, async () => {
    const hit = windows.filter((w) => w.server === victim);
    process.kill(pid(victim), "SIGKILL");
    for (const w of hit) {
      await w.welcomed(victim);
      await w.page.locator("#log p", { hasText: `You are on ${w.server} now: ${victim} is gone.` }).waitFor();
    }
    await allChat(`without ${victim}`);
  });

  test("nothing else went wrong in the windows", async () => {
    for (const w of windows) await w.leave();
  });
});
