// Members chat with tokens of two seconds, in real browser windows, on every
// framework's example. EXAMPLES=gin,echo narrows it; LOOK=<folder> takes
// pictures for whoever works on the page.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { cramped, nameless, pale } from "./access.mjs";
import { launch, Person } from "./people.mjs";
import { App, build, examples } from "./servers.mjs";

const limit = { timeout: 120_000 };
const life = 2; // seconds
const passwords = { ada: "countess", grace: "compiler", ken: "plan 9" };
let browser;

class Member extends Person {
  static async join(browser, url, name, options) {
    const member = await this.open(browser, url, name, options);
    await member.signIn();
    await member.connected();
    return member;
  }

  /** Counts what goes over the wire of this page's first connection. */
  static async open(browser, url, name, options) {
    const member = await super.open(browser, "about:blank", name, options);
    Object.assign(member, { url, sockets: 0, joined: 0, ended: 0 });
    member.page.on("websocket", (ws) => {
      member.sockets++;
      ws.on("framereceived", ({ payload }) => {
        if (String(payload).startsWith("40/chat,")) member.joined++;
        if (/^42\/chat,\["auth:ended",\{"code":"token_expired"/.test(String(payload))) member.ended++;
      });
    });
    member.hosts.clear();
    await member.page.goto(url);
    return member;
  }

  async signIn(password = passwords[this.name]) {
    await this.page.getByLabel("Name", { exact: true }).fill(this.name);
    await this.page.getByLabel("Password").fill(password);
    await this.page.keyboard.press("Enter");
  }

  /** Waits until the page is connected, whether the user sees that or not. */
  connected() {
    return this.page.waitForFunction(() => document.getElementById("status-text").textContent === "Connected · websocket");
  }

  press(name) {
    return this.page.getByRole("button", { name }).click();
  }

  refusal(text) {
    return this.page.locator("#sign-in-error", { hasText: text }).waitFor();
  }

  async renewed(times) {
    await this.page.waitForFunction((want) => Number(/\d+/.exec(document.getElementById("token-renewed").textContent)) >= want, times);
  }

  /** Watches everything that could tell a user that something has happened. */
  watch() {
    return this.page.evaluate(() => {
      globalThis.noticed = [];
      const look = new MutationObserver((records) => {
        for (const { target } of records) globalThis.noticed.push((target.outerHTML ?? target.parentElement.outerHTML).slice(0, 200));
      });
      for (const id of ["sign-in", "app"]) look.observe(document.getElementById(id), { attributes: true });
      for (const id of ["status", "offline", "notices", "here", "count", "announcement", "public"]) {
        look.observe(document.getElementById(id), { attributes: true, characterData: true, childList: true, subtree: true });
      }
    });
  }

  noticed() {
    return this.page.evaluate(() => globalThis.noticed);
  }

  texts() {
    return this.page.locator(".bubble").allTextContents();
  }
}

const apps = examples.filter((example) => example !== "nethttp").map((example) => `${example}-jwt`);

before(async () => {
  if (apps.length) build(...apps);
  browser = await launch();
});
after(() => browser?.close());

// All apps at the same time: most of it is waiting for tokens to end.
describe("members", { concurrency: true }, () => {
  for (const example of apps) {
    describe(example, { concurrency: false }, () => {
      const app = new App(example, { TOKEN_LIFE: `${life}s` });
      let ada, grace;
      before(async () => {
        await app.start();
        ada = await Member.open(browser, app.url, "ada");
        grace = await Member.open(browser, app.url, "grace");
      });
      after(async () => {
        const { code } = await app.stop();
        assert.equal(code, 0, `exit code; its log:\n${app.log}`);
      });

      test("without a token, with a wrong password, and after a logout", limit, async () => {
        ada.expected = (text) => /401 \(Unauthorized\)/.test(text);
        await ada.press("Enter without signing in");
        await ada.refusal("You have to sign in to enter.");
        await ada.signIn("compiler");
        await ada.refusal("Wrong name or password.");
        await ada.signIn();
        await ada.here("ada");
        await ada.connected();
        await ada.page.reload(); // the cookie signs her in again
        await ada.here("ada");
        await ada.connected();
        assert.equal(await ada.page.evaluate(() => document.cookie), "", "no script sees the cookie");
        await ada.press("Sign out");
        await ada.page.getByLabel("Password").waitFor();
        assert.equal(await ada.page.evaluate(() => fetch("/refresh", { method: "POST" }).then((r) => r.status)), 401);
        await ada.page.reload();
        await ada.page.getByLabel("Password").waitFor();
        ada.expected = () => false;
      });

      test("tokens end while one chats, and nobody notices", limit, async () => {
        for (const member of [ada, grace]) {
          await member.signIn();
          await member.connected();
        }
        for (const member of [ada, grace]) {
          await member.here("ada", "grace");
          await member.page.getByText("Open to everybody: 2 windows are here").waitFor();
          await member.watch();
        }
        const connections = ada.sockets + grace.sockets;
        const said = ["while the token is fetched"];
        await ada.page.evaluate((text) => chat.once("disconnect", () => say(text)), said[0]);
        for (let i = 0; ada.ended < 2 || grace.ended < 2; i++) {
          assert.ok(i < 500, `after ${i} messages, tokens have ended ${ada.ended} and ${grace.ended} times`);
          await Promise.all([ada, grace].map(async (member) => {
            const text = `${member.name} ${i}.`;
            said.push(text);
            const box = member.page.getByLabel("Message", { exact: true });
            await box.pressSequentially(text, { delay: 40 }); // also across the end of a token
            await box.press("Enter");
          }));
        }
        for (const member of [ada, grace]) {
          await member.page.waitForFunction((n) => document.querySelectorAll(".bubble").length >= n, said.length);
          await member.page.waitForFunction(() => !document.querySelector("[data-tick=sending]"));
          await member.renewed(2);
          assert.deepEqual((await member.texts()).sort(), [...said].sort(), `what ${member.name} sees: everything, once`);
          assert.deepEqual(await member.noticed(), [], `what ${member.name} could notice`);
          assert.ok(member.joined >= 3, `${member.name} has joined ${member.joined} times`);
        }
        assert.deepEqual(await ada.texts(), await grace.texts(), "in the same order");
        assert.equal(ada.sockets + grace.sockets, connections, "the connections, and the public namespace on them, have lived on");
      });

      test("a stale token, the REST route, admins", limit, async () => {
        await grace.press("Sign out");
        await ada.here("ada"); // at once: she has said goodbye
        await grace.signIn();
        await grace.press("Try with an old token"); // which goes stale meanwhile
        await grace.press("Open the admins’ room");
        await grace.notice("This is only for people with the role admin.");
        assert.equal(await grace.page.getByLabel("Tell everybody").isVisible(), false);
        await grace.press("Who am I?");
        await grace.notice("The server says that you are grace (user).");

        await ada.press("Open the admins’ room");
        await ada.page.getByLabel("Tell everybody").fill("Tea is ready");
        await ada.press("Announce");
        for (const member of [ada, grace]) await member.page.getByText("ada: Tea is ready").waitFor();
        await grace.notice("The old token was not let in: it has expired.");
        await grace.say("I am still here");
        await ada.sees("grace", "I am still here");

        await grace.press("Sign out");
        const { ended } = ada;
        await ada.page.waitForFunction((n) => Number(/\d+/.exec(document.getElementById("token-renewed").textContent)) > n, ended);
        await ada.page.getByLabel("Tell everybody").fill("And cake"); // with another token, to somebody without one
        await ada.press("Announce");
        await grace.page.getByText("ada: And cake").waitFor();
      });

      test("somebody else signs in in the same browser", limit, async () => {
        await ada.page.evaluate(() => fetch("/login", { method: "POST", headers: { "Content-Type": "application/json" }, body: '{"name":"ken","password":"plan 9"}' }));
        await ada.refusal("In another window of this browser, ken has signed in.");
        await ada.leave();
        await grace.leave();
      });
    });
  }

  describe("the page", { skip: !apps.length, concurrency: false }, () => {
    const app = new App(apps[0], { TOKEN_LIFE: "1m" });
    before(() => app.start());
    after(() => app.stop());

    test("the server restarts, and knows nobody any more", limit, async () => {
      const ada = await Member.join(browser, app.url, "ada");
      await ada.press("Open the admins’ room");
      await ada.page.getByLabel("Tell everybody").waitFor();
      ada.expected = (text) => /ERR_|WebSocket connection to .* failed|503 |401 \(Unauthorized\)/.test(text);
      await ada.page.evaluate(() => { everyone.io.reconnectionDelay(600_000); everyone.io.reconnectionDelayMax(600_000); });
      await app.stop();
      await ada.page.getByText(/You are offline. What you see is from \d+:\d\d/).waitFor();
      await app.start();
      await ada.press("Try now");
      await ada.refusal("Your login is over. Please sign in again."); // and not a page that says "Connected"
      assert.equal(await ada.page.locator("#app").isVisible(), false);
      await ada.signIn();
      await ada.connected();
      await ada.here("ada");
      await ada.say("I am back");
      await ada.ticked("I am back", "sent");
      await ada.leave();
    });

    test("names, contrast, phone", limit, async () => {
      for (const [colorScheme, viewport] of [["light", { width: 320, height: 640 }], ["dark", { width: 1100, height: 720 }]]) {
        const where = `${colorScheme}, ${viewport.width} wide`;
        const ada = await Member.open(browser, app.url, "ada", { colorScheme, viewport });
        const look = async (what) => {
          assert.deepEqual(await ada.page.evaluate(nameless), [], `${what}, ${where}`);
          assert.deepEqual(await ada.page.evaluate(cramped), [], `${what}, ${where}`);
          const { wrong, looked } = await ada.page.evaluate(pale);
          assert.deepEqual(wrong, [], `contrast, ${what}, ${where}`);
          assert.ok(looked >= 4, `looked at ${looked} texts`);
          if (!process.env.LOOK) return;
          mkdirSync(process.env.LOOK, { recursive: true });
          await ada.page.screenshot({ path: path.join(process.env.LOOK, `members-${what}-${colorScheme}-${viewport.width}.png`) });
        };
        await ada.press("Enter without signing in");
        await ada.refusal("You have to sign in");
        await look("sign-in");
        await ada.signIn();
        await ada.connected();
        const grace = await Member.join(browser, app.url, "grace");
        await ada.here("ada", "grace");
        await ada.press("Who am I?");
        await ada.notice("The server says");
        await ada.press("Open the admins’ room");
        await ada.page.getByLabel("Tell everybody").fill("Tea is ready");
        await ada.press("Announce");
        await ada.page.getByText("ada: Tea is ready").waitFor();
        await ada.say(where);
        await grace.sees("ada", where);
        await grace.say(`an answer: ${where}`);
        await ada.sees("grace", `an answer: ${where}`);
        await look("chat");
        await grace.leave();
        await ada.leave();
      }
    });
  });
});
