// Two people chat, in real browser windows, on every framework's example: they
// connect, chat, order, and come back, by WebSocket and by polling. The page and
// the chat are examples/parts, the same code behind each framework: net/http is
// enough for what is theirs alone, as the look, the keyboard, and who is here; the
// handler of typing notices, which each example has, is in each one's TestApp.
// EXAMPLES=nethttp,gin narrows it; DOCS=1 takes the pictures of docs/
// anew, LOOK=<folder> those and two of a phone for whoever works on the page.
import assert from "node:assert/strict";
import { mkdirSync, statSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { cramped, focused, nameless, pale } from "./access.mjs";
import { launch, Person } from "./people.mjs";
import { App, build, examples, newFolder, oldProxy } from "./servers.mjs";

const limit = { timeout: 120_000 };
const refused = /ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE_CHUNKED_ENCODING|503 \(Service Unavailable\)|WebSocket connection to .* failed/;
let browser;

before(async () => {
  browser = await launch();
});
after(() => browser?.close());

for (const example of examples) {
  describe(example, { concurrency: false }, () => {
    let app;
    before(async () => {
      build(example);
      app = new App(example);
      await app.start();
    });
    after(async () => {
      if (app?.child) await app.stop();
    });

    // two opens two windows, runs f in them, and closes them.
    async function two(f, url = app.url, transport = "websocket") {
      const ada = await Person.join(browser, url, "Ada");
      await ada.connected(transport);
      const grace = await Person.join(browser, url, "Grace");
      await grace.connected(transport);
      await f(ada, grace);
      await ada.leave();
      await grace.leave();
    }

    test("messages, and their acknowledgements as ticks", limit, async () => {
      await two(async (ada, grace) => {
        await ada.say("Hello <b>Grace</b> & all");
        await grace.sees("Ada", "Hello <b>Grace</b> & all");
        await ada.ticked("Hello <b>Grace</b>", "delivered");
        await ada.room("gophers"); // where nobody else is
        await ada.say("Echo?");
        await ada.ticked("Echo?", "sent");
        await grace.room("gophers"); // and reads what was said before
        await grace.sees("Ada", "Echo?");
        await ada.ticked("Echo?", "delivered");
        for (let i = 0; i < 20; i++) await (i % 2 ? ada : grace).say(`line ${i}`);
        await ada.sees("Grace", "line 18");
        await grace.sees("Ada", "line 19");
        const lines = (p) => p.page.locator(".bubble", { hasText: /^line/ }).allTextContents();
        assert.deepEqual((await lines(ada)).length, 20);
        assert.deepEqual((await lines(grace)).length, 20);
      });
    });

    test("the REST route reaches all windows of one user", limit, async () => {
      await two(async (ada, grace) => {
        const again = await Person.join(browser, app.url, "Ada");
        await again.connected();
        await again.room("gophers");
        const post = (body, type = "application/json") => fetch(`${app.url}/orders`, { method: "POST", headers: { "Content-Type": type }, body });
        assert.equal((await post(JSON.stringify({ user: "Ada", item: "pizza" }))).status, 202);
        await ada.notice("Your pizza is ready");
        await again.notice("Your pizza is ready");
        assert.equal((await post(JSON.stringify({ user: "Ada" }))).status, 400);
        assert.equal((await post("{")).status, 400);
        await ada.page.getByRole("button", { name: "Order a coffee for Grace" }).click();
        await ada.notice("Coffee for Grace is ordered");
        await grace.notice("Your coffee is ready");
        assert.equal(await grace.page.getByText("pizza").count(), 0);
        await again.leave();
      });
    });

    test("the server restarts", limit, async () => {
      await two(async (ada, grace) => {
        await ada.say("before");
        await grace.sees("Ada", "before");
        for (const person of [ada, grace]) person.expected = (text) => refused.test(text);
        await ada.page.evaluate(() => { socket.io.reconnectionDelay(600_000); socket.io.reconnectionDelayMax(600_000); }); // until she tries herself
        const { code, ms } = await app.stop();
        assert.equal(code, 0, `exit code; its log:\n${app.log}`);
        assert.ok(ms < 5000, `the shutdown took ${ms} ms`);
        for (const person of [ada, grace]) await person.page.getByText(/You are offline. What you see is from \d+:\d\d/).waitFor();
        await ada.say("while away"); // kept, and sent then
        await ada.ticked("while away", "sending");
        await app.start();
        await ada.page.getByRole("button", { name: "Try now" }).click();
        for (const person of [ada, grace]) {
          await person.connected();
          await person.line("Back online");
          await person.here("Ada", "Grace");
        }
        await ada.say("after");
        await grace.sees("Ada", "while away");
        await grace.sees("Ada", "after");
        await ada.ticked("while away", "delivered");
        assert.equal(await grace.page.locator(".bubble", { hasText: "while away" }).count(), 1);
        assert.equal(await ada.page.locator(".bubble", { hasText: "while away" }).count(), 1);
      });
    });

    // The last one: people who have left over polling are still here for a while.
    const last = () =>
      test("a proxy that blocks WebSocket", limit, async () => {
        const proxy = await oldProxy(app.url);
        try {
          const ada = await Person.open(browser, proxy.url, "Ada");
          const grace = await Person.open(browser, proxy.url, "Grace");
          for (const person of [ada, grace]) {
            person.expected = (text) => /WebSocket connection to .* failed/.test(text);
            await person.page.getByLabel("Your name").fill(person.name);
            await person.page.keyboard.press("Enter");
            await person.connected("polling");
          }
          await ada.say("the slow way");
          await grace.sees("Ada", "the slow way");
          await ada.ticked("the slow way", "delivered");
          await grace.say("and back");
          await ada.sees("Grace", "and back");
          assert.ok(proxy.refused() >= 2, "both tried a WebSocket");
          assert.equal(await ada.page.locator("#status-text").textContent(), "Connected · polling");
          await ada.leave();
          await grace.leave();
        } finally {
          await proxy.close();
        }
      });

    if (example !== examples[0]) return last(); // what follows looks at the page and the chat alone

    test("rooms, and who is here", limit, async () => {
      await two(async (ada, grace) => {
        await ada.here("Ada", "Grace");
        await grace.here("Ada", "Grace");
        await grace.room("coffee");
        await ada.line("Grace left");
        await ada.here("Ada");
        await grace.here("Grace");
        await grace.say("only for coffee");
        await grace.ticked("only for coffee", "sent");
        await ada.say("only for the lobby");
        await ada.ticked("only for the lobby", "sent");
        assert.equal(await ada.page.getByText("only for coffee").count(), 0);
        assert.equal(await grace.page.getByText("only for the lobby").count(), 0);
        await ada.room("coffee");
        await grace.line("Ada came in");
        await grace.here("Ada", "Grace");
        const again = await Person.join(browser, app.url, "Ada"); // a second window of the same person
        await again.room("coffee");
        await again.here("Ada", "Grace");
        await again.leave();
        await ada.say("still here");
        await grace.sees("Ada", "still here");
        await grace.here("Ada", "Grace");
        await ada.page.getByRole("button", { name: "Sign out" }).click();
        await grace.here("Grace");
        await ada.page.getByLabel("Your name").fill("Ada L.");
        await ada.page.keyboard.press("Enter");
        await ada.connected();
        await grace.here("Ada L.", "Grace");
      });
    });

    test("typing notices", limit, async () => {
      await two(async (ada, grace) => {
        await ada.types("Let me think", grace);
        await ada.page.keyboard.press("Enter");
        await grace.typing("");
        await ada.types("Hm", grace);
        await grace.typing(""); // by itself
      });
    });

    test("a long name, and many notices", limit, async () => {
      for (const width of [1100, 320]) {
        const ada = await Person.join(browser, app.url, "Ada", { viewport: { width, height: 720 } });
        const long = await Person.join(browser, app.url, "W".repeat(24));
        await long.connected();
        await long.say(`from ${width}`);
        await ada.here("Ada", "W".repeat(24));
        await ada.sees("W".repeat(24), `from ${width}`);
        // A phone's list is one line, which scrolls.
        for (const [list, button] of [[width > 700 ? "#here" : "#here li:has(button)", "#here button"], [".side", "#sign-out"]]) {
          const [box, inner] = [await ada.page.locator(list).boundingBox(), await ada.page.locator(button).boundingBox()];
          assert.ok(inner.x >= box.x && inner.x + inner.width <= box.x + box.width, `${button} at ${inner.x}+${inner.width} in ${box.x}+${box.width}, ${width} wide`);
        }
        assert.deepEqual(await ada.page.evaluate(cramped), [], `${width} wide`);
        for (const item of ["a", "b", "c", "d", "d", "e", "e"]) {
          await fetch(`${app.url}/orders`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ user: "Ada", item }) });
        }
        await ada.notice("Your e is ready");
        await ada.page.waitForFunction(() => [...document.querySelectorAll(".notice span")].map((e) => e.textContent).join() === "Your c is ready,Your d is ready,Your e is ready");
        await long.leave();
        await ada.leave();
      }
    });

    test("forced colours keep the status and the current room", limit, async () => {
      const ada = await Person.join(browser, app.url, "Ada", { forcedColors: "active" });
      await ada.connected();
      const look = (selector) => ada.page.locator(selector).first().evaluate((e) => {
        const { backgroundColor, borderTopStyle } = getComputedStyle(e);
        return `${backgroundColor} ${borderTopStyle}`;
      });
      const current = await look("#rooms [aria-current]");
      assert.notEqual(current, await look("#rooms button:not([aria-current])"));
      const connected = await look(".dot");
      assert.notEqual(connected, await look(".bar"), "the dot can be seen");
      if (process.env.LOOK) await ada.page.screenshot({ path: path.join(process.env.LOOK, "forced.png") });
      await ada.page.evaluate(() => status("lost", "Connection lost"));
      assert.notEqual(await look(".dot"), connected, "the dot says whether there is a connection");
      await ada.leave();
    });

    test("keyboard, names, contrast, phone", limit, async () => {
      for (const colorScheme of ["light", "dark"]) {
        for (const viewport of [{ width: 1100, height: 720 }, { width: 360, height: 640 }]) {
          const where = `${colorScheme}, ${viewport.width} wide`;
          const ada = await Person.open(browser, app.url, "Ada", { colorScheme, viewport, hasTouch: viewport.width < 500 });
          const { page } = ada;
          const look = async (what) => {
            assert.deepEqual(await page.evaluate(nameless), [], `${what}, ${where}`);
            assert.deepEqual(await page.evaluate(cramped), [], `${what}, ${where}`);
            const { wrong, looked } = await page.evaluate(pale);
            assert.deepEqual(wrong, [], `contrast, ${what}, ${where}`);
            assert.ok(looked >= 4, `looked at ${looked} texts`);
          };
          await look("signing in");
          await page.keyboard.type("Ada"); // the field has the focus
          await page.keyboard.press("Enter");
          await ada.connected();
          const grace = await Person.join(browser, app.url, "Grace");
          await grace.connected();
          await ada.here("Ada", "Grace");
          await page.keyboard.type(where); // so has the message
          await page.keyboard.press("Enter");
          await ada.ticked(where, "delivered");
          await grace.say(`an answer: ${where}`);
          await ada.sees("Grace", `an answer: ${where}`);
          await fetch(`${app.url}/orders`, { method: "POST", headers: { "Content-Type": "application/json" }, body: '{"user":"Ada","item":"tea"}' });
          await ada.notice("tea");
          await look("the chat");
          // From the top, Tab goes through everything, in the order in which one reads.
          await page.evaluate(() => { document.activeElement.blur(); getSelection().removeAllRanges(); });
          await page.locator(".brand").click();
          const order = [];
          for (let i = 0; i < 9; i++) {
            await page.keyboard.press("Tab");
            const { name, visible } = await page.evaluate(focused);
            assert.ok(visible, `no outline around ${name}, ${where}`);
            order.push(name);
          }
          assert.deepEqual(order, ["lobby", "gophers", "coffee", "Order a coffee for Grace", "Sign out", "Close", "Messages", "Message", "Send"], where);
          await page.getByRole("button", { name: "Close" }).focus();
          await page.keyboard.press("Enter");
          assert.equal(await page.locator(".notice").count(), 0);
          await page.getByRole("button", { name: "coffee", exact: true }).focus();
          await page.keyboard.press("Enter");
          await page.getByRole("heading", { level: 1, name: "coffee" }).waitFor();
          await page.waitForFunction(() => document.activeElement.textContent === "coffee"); // the focus stays
          await grace.leave();
          await ada.leave();
        }
      }
    });

    last();
  });
}

describe("pictures", () => {
  test("for the README", limit, async () => {
    const app = new App(examples[0]);
    await app.start();
    const folder = process.env.LOOK ?? (process.env.DOCS ? fileURLToPath(new URL("../../docs", import.meta.url)) : newFolder());
    mkdirSync(folder, { recursive: true });
    const take = async (person, file) => {
      const name = path.join(folder, file);
      await person.page.screenshot({ path: name, animations: "disabled", caret: "hide" });
      const { size } = statSync(name);
      assert.ok(size > 10_000 && size < 150_000, `${file} has ${size} bytes`);
    };
    const ada = await Person.join(browser, app.url, "Ada", { viewport: { width: 1100, height: 700 } });
    await ada.connected();
    const [grace, ken] = [await Person.join(browser, app.url, "Grace"), await Person.join(browser, app.url, "Ken")];
    for (const person of [grace, ken]) await person.connected();
    await ada.here("Ada", "Grace", "Ken");
    const talk = [
      [grace, "Did the new release go out?"],
      [ada, "An hour ago. No one noticed, so it must be good."],
      [ken, "My tab lost its connection, said so, and came back."],
      [ada, "That was the restart. What you wrote was kept, and sent then."],
      [grace, "One tick: the server has it. Two: a person."],
      [ada, "Coffee?"],
    ];
    for (const [person, text] of talk) {
      await person.say(text);
      await person.ticked(text, "delivered");
      await ada.sees(person.name, text);
    }
    await fetch(`${app.url}/orders`, { method: "POST", headers: { "Content-Type": "application/json" }, body: '{"user":"Ada","item":"flat white"}' });
    await ada.notice("flat white");
    const keepTyping = async () => {
      await ken.page.getByLabel("Message", { exact: true }).pressSequentially("Yes!");
      await ada.typing("Ken is typing…");
    };
    await keepTyping();
    await take(ada, "chat.png");
    await ada.page.emulateMedia({ colorScheme: "dark" });
    await keepTyping();
    await take(ada, "chat-dark.png");
    if (process.env.LOOK) {
      await ada.page.setViewportSize({ width: 390, height: 780 });
      await take(ada, "phone-dark.png");
      await ada.page.emulateMedia({ colorScheme: "light" });
      await take(ada, "phone.png");
    }
    for (const person of [ada, grace, ken]) await person.leave();
    await app.stop();
  });
});
