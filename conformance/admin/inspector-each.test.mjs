// What the inspector is for, each of it on one server and on three: people look for it on the
// page, in Chromium.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { promisify } from "node:util";
import { Inspection } from "./inspection.mjs";

/** Replays a file in a Go test, and returns what that says of it. */
const replayed = (file) =>
  promisify(execFile)(process.env.REPLAY, ["-test.run=^TestReplay$"], { env: { ...process.env, RECORDING: file } }).then(
    ({ stdout }) => stdout,
    (err) => assert.fail(err.stdout + err.stderr),
  );

for (const servers of (process.env.SERVERS ?? "1,3").split(",").map(Number)) {
  test(`the inspector of ${servers} ${servers === 1 ? "server" : "servers"}`, { timeout: 240_000 }, async (t) => {
    const all = await Inspection.open(servers);
    t.after(() => all.close());
    const { page, dialog, row } = all;
    const [ann, bob, cem] = all.clients;

    await t.test("sockets by namespace, room, id, identity and address", async () => {
      await all.view("Sockets");
      const search = async (fields, ...found) => {
        await all.fill("sockets", fields);
        await page.locator("#sockets-count", { hasText: new RegExp(`^${found.length} sockets?$`) }).waitFor();
        for (const client of found) await row(client.id).filter({ hasText: all.nameOf(client) }).waitFor();
      };
      await search({ Namespace: "/", Room: "lobby" }, ann, bob, cem);
      await search({ "Id has": bob.id.slice(3, 15) }, bob);
      await search({ Namespace: "/", "Identity has": "CE" }, cem);
      await search({ Namespace: "/", "Address begins": "127.0.0." }, ann, bob, cem);
      await search({ "Address begins": "10." });
      await row("No socket is like that.").waitFor();
    });

    await t.test("who is in a room", async () => {
      await ann.emitWithAck("join", "vip");
      await cem.emitWithAck("join", "vip");
      await all.view("Rooms");
      await all.fill("rooms", { Namespace: "/", "Name has": "vi" });
      await row(/^vip\/2/).getByRole("link", { name: "vip" }).click();
      await page.getByText("2 sockets", { exact: true }).waitFor();
      for (const client of [ann, cem]) await row(client.id).filter({ hasText: all.nameOf(client) }).waitFor();
      assert.equal(await row(bob.id).count(), 0, "who is not in it");
    });

    await t.test("the children of a namespace", async () => {
      await all.view("Overview");
      const teams = String.raw`^/team-\d+$`;
      await page.getByRole("button", { name: `Children of ${teams}` }).click();
      await page.locator("#children-count", { hasText: `2 of ${teams}` }).waitFor();
      await row(new RegExp(`^/team-12${Math.min(servers, 2)}$`)).waitFor(); // two sockets
      await row(/^\/team-211$/).getByRole("link").click();
      await page.getByText("1 socket", { exact: true }).waitFor();
      await row(all.teams[2].id).filter({ hasText: "/team-2" }).waitFor();
      await all.fill("sockets", { Namespace: teams });
      await page.getByText("3 sockets", { exact: true }).waitFor();
    });

    await t.test("a socket joins and leaves a room, and is disconnected, by buttons", async () => {
      const dan = await all.connect(1, "dan");
      await all.openSocket(dan);
      await dialog.getByRole("textbox", { name: "Room", exact: true }).fill("den");
      await dialog.getByRole("button", { name: "Join" }).click();
      await dialog.getByText("den, lobby", { exact: true }).or(dialog.getByText("lobby, den", { exact: true })).waitFor();
      await dialog.getByRole("textbox", { name: "Room", exact: true }).fill("den");
      await dialog.getByRole("button", { name: "Leave" }).click();
      await dialog.getByText("lobby", { exact: true }).waitFor();
      const gone = new Promise((resolve) => dan.once("disconnect", resolve));
      const closed = new Promise((resolve) => dan.io.engine.once("close", resolve));
      await dialog.getByLabel("the whole connection").check();
      await dialog.getByRole("button", { name: "Disconnect" }).click();
      assert.match(await gone, /^(io server disconnect|transport close)$/);
      await closed;
      await dialog.waitFor({ state: "hidden" });
    });

    await t.test("all of a room join another one and leave it, by buttons", async () => {
      const act = async (room, fields, button) => {
        await all.view("Rooms");
        await all.fill("rooms", { Namespace: "/" });
        await page.getByRole("button", { name: `Act on ${room}`, exact: true }).click();
        for (const [label, value] of Object.entries(fields)) await dialog.getByRole("textbox", { name: label, exact: true }).fill(value);
        await dialog.getByRole("button", { name: button, exact: true }).click();
        await dialog.getByText("Done.").waitFor();
        await page.keyboard.press("Escape");
        await dialog.waitFor({ state: "hidden" });
      };
      await act("vip", { Room: "lounge" }, "Join");
      await all.until("rooms", () => row(/^lounge\/2/));
      const heard = [ann, cem].map((client) => new Promise((resolve) => client.once("hello", resolve)));
      await act("lounge", { Event: "hello", "Arguments, a JSON array": '["all"]' }, "Emit");
      assert.deepEqual(await Promise.all(heard), ["all", "all"]);
      await act("lounge", { Room: "lounge" }, "Leave");
      await all.until("rooms", () => row(/^vip\/2/)); // the others stay
      await row(/^lounge/).waitFor({ state: "detached" });
    });

    await t.test("a page that may read only has no actions", async () => {
      const errors = [];
      const reader = await all.reader(errors);
      const shown = (text) => reader.locator("tbody tr").filter({ hasText: text, visible: true });
      await shown(new RegExp(`^${all.nameOf(ann)}`)).waitFor();
      assert.equal(await reader.getByRole("button", { name: /Drain/ }).count(), 0, "drain");
      await reader.getByRole("link", { name: "Rooms", exact: true }).click();
      await shown(/^lobby\/3/).waitFor();
      assert.equal(await reader.getByRole("button", { name: /Act on/ }).count(), 0, "act");
      await reader.getByRole("link", { name: "Sockets", exact: true }).click();
      await reader.getByRole("button", { name: cem.id }).click();
      await reader.getByRole("dialog").getByRole("button", { name: "Record to a file" }).waitFor(); // which changes nothing
      for (const name of ["Emit", "Join", "Leave", "Disconnect"]) assert.equal(await reader.getByRole("dialog").getByRole("button", { name }).count(), 0, name);
      const heard = [];
      cem.onAny((event) => heard.push(event));
      const answers = await reader.evaluate(([id, node]) => Promise.all([
        socket.timeout(1000).emitWithAck("act", { do: "emit", namespace: "/", socket: id, event: "forced" }),
        socket.timeout(1000).emitWithAck("act", { do: "disconnect", namespace: "/", socket: id }),
        socket.timeout(1000).emitWithAck("drain", { node, seconds: 1 }),
      ].map((done) => done.then(() => "done", (err) => err.message))), [cem.id, all.nameOf(ann)]);
      assert.deepEqual(answers, Array(3).fill("operation has timed out"), "who asks without the page");
      await cem.emitWithAck("say", "I am still here");
      cem.offAny();
      assert.deepEqual([heard, errors], [[], []]);
      await reader.context().close();
    });

    await t.test("the live tail, by each filter", async () => {
      await ann.emitWithAck("join", "vip");
      await all.view("Live tail");
      const passes = async (filter, ...events) => {
        await all.tail(filter);
        await ann.emitWithAck("say", "short");
        await bob.emitWithAck("say", "again and again");
        await all.teams[0].emitWithAck("say", "in the team");
        await cem.emitWithAck("say", "x".repeat(400));
        const said = [bob, cem].map((client) => new Promise((resolve) => client.once("said", resolve)));
        await ann.emitWithAck("shout", "all");
        await Promise.all(said);
        await all.settled();
        const rows = await page.locator("#tail-table tbody tr").evaluateAll((list) => list.map((tr) => [...tr.cells].slice(1, 4).map((cell) => cell.firstChild.textContent.slice(0, 20)).join(" ")));
        assert.deepEqual(rows.sort(), events.sort(), JSON.stringify(filter));
      };
      const long = "x".repeat(20);
      await passes({ Namespace: "/team-1" }, '← from say "in the team"');
      await passes({ Namespace: String.raw`^/team-\d+$` }, '← from say "in the team"');
      await passes({ Room: "vip", Direction: "from clients" }, '← from say "short"', '← from shout "all"', `← from say "${long.slice(1)}`);
      await passes({ Room: "lobby", Direction: "to clients" }, '→ to said "all"');
      await passes({ "Identity has": "BO" }, '← from say "again and again"', '→ to said "all"');
      await passes({ "Socket id": cem.id }, `← from say "${long.slice(1)}`, '→ to said "all"');
      await passes({ "Event has": "hou" }, '← from shout "all"');
      await passes({ Namespace: "/", Direction: "to clients" }, '→ to said "all"');
      await passes({ Namespace: "/", "Bytes, at least": "300" }, `← from say "${long.slice(1)}`);
      await passes({ Namespace: "/", "Arguments have": "AGAIN" }, '← from say "again and again"');
    });

    await t.test("the live tail waits, is copied, and says how much it has left out", async () => {
      await all.tail({ "Event has": "say" });
      await ann.emitWithAck("say", "one");
      await cem.emitWithAck("say", "two");
      await row(/"one"/).waitFor();
      await row(/"two"/).waitFor();
      await page.getByRole("button", { name: "Pause" }).click();
      await page.locator("#tail-count", { hasText: /^2 events, paused$/ }).waitFor();
      await bob.emitWithAck("say", "three");
      await page.evaluate(() => views.tail());
      assert.equal(await page.locator("#tail-table tbody tr").count(), 2, "it is paused");
      await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
      await page.getByRole("button", { name: "Copy" }).click();
      await page.locator("#tail-said", { hasText: "Copied 2 events" }).waitFor();
      const copied = (await page.evaluate(() => navigator.clipboard.readText())).split("\n").map((line) => JSON.parse(line));
      assert.deepEqual(copied.map((e) => [e.args, e.event, e.socket, e.node]).sort(), [['"one"', "say", ann.id, all.nameOf(ann)], ['"two"', "say", cem.id, all.nameOf(cem)]]);
      await page.getByRole("button", { name: "Pause" }).click();
      await row(/"three"/).waitFor();
      await all.tail({ "Event has": "burst" });
      for (const client of [ann, bob, cem]) for (let i = 0; i < 700; i++) client.emit("burst", i);
      await page.locator("#tail-count", { hasText: /^\d+ events, [\d,]+ more skipped/ }).waitFor();
      assert.ok((await page.locator("#tail-table tbody tr").count()) <= 300, "rows are bounded");
    });

    await t.test("one socket is recorded, and a Go test replays the file", async () => {
      await all.openSocket(ann);
      ann.once("what is your name", (_, answer) => answer("Ann"));
      const file = await all.record(async () => {
        await ann.emitWithAck("say", "hello");
        await ann.emitWithAck("say", { text: "hello", password: "t0p-recorded" });
        assert.equal(await ann.emitWithAck("ask"), "Ann");
        await bob.emitWithAck("say", "not recorded");
      }, 9);
      const text = await readFile(file, "utf8");
      assert.match(text.split("\n")[0], new RegExp(`"socket":"${ann.id}".*"redacted":true`));
      assert.doesNotMatch(text, /t0p-|not recorded/);
      assert.match(await replayed(file), /^replayed 9 packets of 1 clients: 4 answers$/m);
    });

    await t.test("a room is recorded, and a Go test replays the file", async () => {
      await all.openRoom("lobby");
      const file = await all.record(async () => {
        for (const [who, ...others] of [[ann, bob, cem], [bob, ann, cem], [cem, ann, bob]]) {
          const said = others.map((client) => new Promise((resolve) => client.once("said", resolve)));
          await who.emitWithAck("shout", `I am ${all.identityOf(who)}`);
          await Promise.all(said);
        }
        await cem.emitWithAck("say", "bye");
      }, 17);
      const text = await readFile(file, "utf8");
      for (const name of all.names) assert.match(text, new RegExp(`"kind":"here".*"server":"${name}"`));
      assert.match(await replayed(file), /^replayed 17 packets of 3 clients: 10 answers$/m);
    });

    await t.test("what has become of one event for each, and when", async () => {
      const idle = await all.idle(0);
      const said = [bob, cem].map((client) => new Promise((resolve) => client.once("said", resolve)));
      await ann.emitWithAck("shout", "traced");
      await Promise.all(said);
      await bob.emitWithAck("flicker", "lobby");
      await all.openEvent("said");
      const is = (client, text) => dialog.locator("tr").filter({ hasText: client.id }).filter({ hasText: text }).waitFor();
      for (const client of [bob, cem]) await is(client, /written after [\d.]+ (µs|ms|s)/);
      await is(idle, "queued");
      await dialog.getByText(new RegExp(`^3, by ${servers} of the servers$`)).waitFor();
      assert.equal(await all.why(ann), "The socket itself was excluded.");
      const eve = await all.connect(0, "eve");
      assert.match(await all.why(eve), /^The socket was not connected yet: its connection has opened .* later\.$/);
      assert.match(await all.why(bob), /^Yes\. It was written to the connection after [\d.]+/);
      assert.match(await all.why(idle), /^It was queued; \d+ bytes wait for the client at the moment\.$/);
      const left = eve.id;
      eve.disconnect();
      await all.until("sockets", () => row("has gone"), { id: left });
      await all.openEvent("flickered");
      await is(idle, "dropped");
      await is(cem, /written after/);
      assert.equal(await all.why(idle), "The event was volatile, and the client could not take it at once.");
      const heard = new Promise((resolve) => ann.once("vips", resolve));
      await all.emit({ in: "vip", event: "vips" });
      await heard;
      await all.openEvent("vips");
      assert.match(await all.why(bob), /^The socket is not in one of the rooms "vip"\.$/);
      assert.match(await all.why({ id: left }), /^The socket was not connected: it had left .* before \(client namespace disconnect\)\.$/);
      ann.once("what is your name", (_, answer) => answer("Ann"));
      await ann.emitWithAck("ask");
      await all.openEvent("what is your name");
      await is(ann, /acknowledged after [\d.]+ (µs|ms|s)/);
      assert.match(await all.why(ann), /^Yes\. The client has acknowledged it after [\d.]+.*; it was written after [\d.]+/);
      await all.emit({ socket: idle.id, do: "join", room: "slow" });
      for (let i = 0; i < 2; i++) await ann.emitWithAck("flood", "slow");
      await all.openEvent("flooded");
      await is(idle, "overflow");
      assert.equal(await all.why(idle), "The client has left too much unread (Limits.SendBuffer), and was disconnected.");
    });

    await t.test("a recovery in the history of a socket", async () => {
      const fay = await all.connect(2, "fay", { reconnection: true, reconnectionDelay: 20 });
      const { id } = fay;
      const back = new Promise((resolve) => fay.once("disconnect", (reason) => fay.once("connect", () => resolve(reason))));
      fay.io.engine.close(); // as if the network had
      await back;
      assert.deepEqual([fay.id, fay.recovered], [id, true]);
      await all.openSocket(fay);
      const on = `on ${all.nameOf(fay)}`;
      await dialog.locator(".steps li").filter({ hasText: `recovered ${on}` }).waitFor();
      const steps = await dialog.locator(".steps li").evaluateAll((list) => list.map((li) => /: (\D+?) on /.exec(li.textContent)[1]));
      assert.deepEqual(steps.filter((step) => !step.startsWith("closed")), ["opened (websocket)", "joined", "left – transport close", "opened (websocket)", "recovered"]);
      await page.keyboard.press("Escape");
    });

    await t.test("handlers with counts, errors and times", async () => {
      for (const client of [ann, bob, cem]) for (let i = 0; i < 4; i++) await client.emitWithAck("counted");
      await ann.emitWithAck("join"); // without the room: an error
      await all.view("Handlers");
      await all.fill("handlers", { Namespace: "/", "Event has": "o" });
      await row(new RegExp(`^counted/120([\\d.]+ (µs|ms|s)){3}${servers}$`)).waitFor();
      await row(/^join\/\d1/).waitFor();
      await row(/^Limits\.\w+/).first().waitFor();
    });

    if (servers > 1) await t.test("why not, if a server does not answer", async () => {
      await all.openEvent("vips");
      all.servers[2].signal("SIGSTOP");
      try {
        await dialog.getByLabel("Why has this socket").fill(cem.id);
        await dialog.getByRole("button", { name: "Ask" }).click();
        await dialog.getByText("Some servers did not answer, and the others do not know that socket").waitFor();
        await page.getByText("1 of the servers did not answer").first().waitFor();
      } finally {
        all.servers[2].signal("SIGCONT");
      }
      await page.keyboard.press("Escape");
    });

    await t.test("axe finds nothing: each view and each dialog, light and dark, wide and on a phone", async () => {
      const found = await all.accessible();
      assert.deepEqual(found, []);
    });

    assert.deepEqual(all.errors, []);
    await t.test("the server of the page is drained", async () => {
      await all.view("Overview");
      const name = all.nameOf(ann);
      await page.getByRole("button", { name: `Drain ${name}` }).click();
      await dialog.getByLabel("Name of the server").fill(name);
      const ends = [ann, ...(servers > 1 ? [] : [bob, cem])].map((client) => new Promise((resolve) => client.once("disconnect", resolve)));
      await dialog.getByRole("button", { name: "Drain", exact: true }).click();
      assert.deepEqual(new Set(await Promise.all(ends)), new Set(["transport close"]));
      await page.getByRole("status").filter({ hasText: /^(connecting…|not connected)$/ }).waitFor();
      assert.equal((await fetch(`${all.urls[0]}/socket.io/?EIO=4&transport=polling`)).status, 503);
      assert.equal(cem.connected, servers > 1, "the others go on");
    });
  });
}
