// One login for an application on Express and for sockets on Go: express-session
// and connect-redis on one side, packages session/express and session/redis on
// the other, a real redis-server between them. Needs the server beside it:
//
//	go build -o DIR/server ./conformance/session/server
//	SERVER=DIR/server node --test conformance/session/session.test.mjs
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createClient } from "redis";
import { Clients, ack, event, record, until } from "../lib/client.mjs";
import { freePort } from "../lib/port.mjs";

const day = 86_400_000;
const hour = 3_600_000;
const folder = mkdtempSync(path.join(tmpdir(), "session-"));
const children = [];
let express, go, redis;

before(async () => {
  const port = String(await freePort());
  const REDIS = `redis://127.0.0.1:${port}`;
  start("redis-server", ["--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"], {}, "ignore");
  redis = createClient({ url: REDIS, socket: { reconnectStrategy: 20 } }); // until it listens
  redis.on("error", () => {});
  await redis.connect();
  const node = start(process.execPath, [fileURLToPath(new URL("express.mjs", import.meta.url))], { REDIS });
  const server = start(process.env.SERVER, [], { REDIS });
  const ports = JSON.parse(await line(node));
  express = Object.fromEntries(Object.entries(ports).map(([name, port]) => [name, `http://127.0.0.1:${port}`]));
  go = `http://127.0.0.1:${await line(server)}`;
});

after(async () => {
  await redis.close();
  for (const { child, name } of children.reverse()) {
    child.kill("SIGTERM");
    const [code, signal] = child.exitCode === null ? await once(child, "exit") : [child.exitCode];
    if (name === process.env.SERVER) assert.equal(code ?? signal, 0, "the server shuts down gracefully");
  }
  rmSync(folder, { recursive: true, force: true });
});

function start(name, args, env, stdout = "pipe") {
  const child = spawn(name, args, { cwd: folder, stdio: ["ignore", stdout, "inherit"], env: { ...process.env, ...env } });
  children.push({ child, name });
  return child;
}

async function line(child) {
  const [text] = await Promise.race([
    once(createInterface(child.stdout), "line"),
    once(child, "exit").then(() => assert.fail("it does not start")),
  ]);
  return text;
}

/** Somebody's browser: what it does at an Express application, with its cookie. */
class Browser {
  constructor(app = "now") {
    this.app = app;
  }

  async ask(method, path, body, app = this.app) {
    const headers = { "Content-Type": "application/json", ...(this.cookie && { Cookie: this.cookie }) };
    const response = await fetch(express[app] + path, { method, headers, body: body && JSON.stringify(body) });
    assert.equal(response.status, 200, `${method} ${path}`);
    const set = response.headers.getSetCookie().find((c) => c.startsWith("connect.sid="));
    if (set) this.cookie = set.split(";")[0];
    return response.json();
  }

  post(path, body = {}) {
    return this.ask("POST", path, body);
  }

  session() {
    return this.ask("GET", "/session");
  }

  static async login(user, app) {
    const browser = new Browser(app);
    browser.id = (await browser.post("/login", { user })).id;
    return browser;
  }
}

const life = (browser) => redis.pTTL(`sess:${browser.id}`);
const withCookie = (cookie) => ({ extraHeaders: cookie ? { Cookie: cookie } : {} });

async function refusal(clients, cookie, namespace = "/") {
  const socket = clients.socket(namespace, withCookie(cookie));
  socket.connect();
  const [error] = await event(socket, "connect_error");
  assert.equal(socket.active, false);
  return error.data.code;
}

/** The cookie that express-session makes of an id. */
const signed = (id, secret) => `connect.sid=${encodeURIComponent(`s:${id}.${createHmac("sha256", secret).update(id).digest("base64").replace(/=+$/, "")}`)}`;

for (const mode of ["polling", "websocket", "upgrade"]) {
  describe(mode, () => {
    const enter = (clients, browser, namespace = "/") => clients.connect(namespace, withCookie(browser.cookie));

    test("a login at Express lets the socket in, and its logout ends it", async (t) => {
      const clients = new Clients(go, "4.8", mode, t);
      const [alice, bob] = [await Browser.login("alice"), await Browser.login("bob")];
      const tabs = [await enter(clients, alice), await enter(clients, alice)];
      const other = await enter(clients, bob);
      assert.deepEqual(await ack(tabs[0], "whoami"), ["alice"]);
      assert.deepEqual(await ack(tabs[1], "views"), [1]);
      const ends = tabs.map((tab) => [event(tab, "session:ended"), event(tab, "disconnect").then(([reason]) => [reason, Date.now()]), event(tab, "connect_error")]);
      const begin = Date.now();
      await alice.post("/logout", { told: true });
      for (const [told, disconnected, refused] of ends) {
        assert.equal((await told)[0].code, "session_ended");
        const [reason, at] = await disconnected;
        assert.equal(reason, "transport close");
        assert.ok(at - begin < 5000, `ended after ${at - begin} ms`);
        t.diagnostic(`ended after ${at - begin} ms`);
        assert.equal((await refused)[0].data.code, "session_missing");
      }
      assert.deepEqual(await ack(other, "whoami"), ["bob"]);
      assert.equal(await redis.exists(`sess:${alice.id}`), 0);
    });

    test("without a word, a logout is found by the next check", async (t) => {
      const clients = new Clients(go, "4.8", mode, t);
      const alice = await Browser.login("alice");
      const socket = await enter(clients, alice, "/checked");
      const disconnected = event(socket, "disconnect");
      const refused = event(socket, "connect_error");
      const begin = Date.now();
      await alice.post("/logout");
      assert.equal((await disconnected)[0], "transport close");
      const took = Date.now() - begin; // Check is 500 ms, give or take a tenth
      t.diagnostic(`ended after ${took} ms`);
      assert.ok(took < 5000, `ended after ${took} ms`);
      assert.equal((await refused)[0].data.code, "session_missing");
      assert.equal(await redis.exists(`sess:${alice.id}`), 0);
    });

    test("both write, and nothing is overwritten", async (t) => {
      const clients = new Clients(go, "4.8", mode, t);
      const alice = await Browser.login("alice");
      const socket = await enter(clients, alice);
      await alice.post("/session", { theme: "dark", note: "<b>ü & \u2028 \u{1f511}</b>" }); // since the handshake
      assert.deepEqual(await ack(socket, "add view"), []);
      assert.deepEqual(await ack(socket, "set", "cart", { items: [1, 2.5], open: true, none: null }), []);
      const { cookie, ...values } = await alice.session();
      assert.deepEqual(values, { id: alice.id, user: "alice", views: 2, theme: "dark", note: "<b>ü & \u2028 \u{1f511}</b>", cart: { items: [1, 2.5], open: true, none: null } });
      assert.equal(cookie.originalMaxAge, hour);
      assert.equal(cookie.httpOnly, true);
      assert.equal(cookie.path, "/");
      await alice.post("/session", { views: 10 }); // and Express what Go has written
      assert.deepEqual(await ack(socket, "add view"), []);
      assert.deepEqual(await ack(socket, "views"), [11]);
      assert.equal((await alice.session()).views, 11);
    });
  });
}

test("cookies that are none", async (t) => {
  const clients = new Clients(go, "4.8", "websocket", t);
  const alice = await Browser.login("alice");
  const [, value] = alice.cookie.split("=");
  const flipped = (i) => `connect.sid=${value.slice(0, i)}${value[i] === "a" ? "b" : "a"}${value.slice(i + 1)}`;
  const cases = [
    ["none", undefined, "session_missing"],
    ["another id under the signature", flipped(5), "session_invalid"],
    ["another signature", flipped(value.length - 5), "session_invalid"],
    ["no signature", `connect.sid=${value.split(".")[0]}`, "session_invalid"],
    ["the id alone", `connect.sid=${alice.id}`, "session_invalid"],
    ["signed by somebody else", (await Browser.login("mallory", "elsewhere")).cookie, "session_invalid"],
    ["signed, and never stored", signed("never-stored", "new secret"), "session_missing"],
  ];
  for (const [name, cookie, code] of cases) assert.equal(await refusal(clients, cookie), code, name);
  assert.equal(signed(alice.id, "new secret"), alice.cookie, "cookies are made as express-session makes them");
  const guest = new Browser();
  await guest.post("/session", { theme: "dark" }); // a session of nobody
  assert.equal(await refusal(clients, guest.cookie), "session_missing");
});

test("a rotated secret: the old one still opens, the new one signs", async (t) => {
  const clients = new Clients(go, "4.8", "websocket", t);
  const old = await Browser.login("alice", "before");
  const socket = await clients.connect("/", withCookie(old.cookie));
  assert.deepEqual(await ack(socket, "add view"), []);
  assert.equal((await old.ask("GET", "/session", undefined, "now")).views, 2); // Express has rotated, too
  const fresh = await Browser.login("bob");
  assert.equal(fresh.cookie, signed(fresh.id, "new secret"));
  assert.deepEqual(await ack(await clients.connect("/", withCookie(fresh.cookie)), "whoami"), ["bob"]);
});

test("a session that Express regenerates takes its sockets along", async (t) => {
  const clients = new Clients(go, "4.8", "websocket", t);
  const alice = await Browser.login("alice");
  const socket = await clients.connect("/", withCookie(alice.cookie));
  const disconnects = record(socket, "disconnect");
  const { cookie, id } = alice;
  await alice.post("/renew");
  alice.id = (await alice.session()).id;
  assert.notEqual(alice.id, id);
  // The word of it is on its way: a write before it comes is refused, not lost.
  let answer;
  for (const end = Date.now() + 8000; Date.now() < end; ) if (!(answer = (await ack(socket, "add view"))[0])) break;
  assert.equal(answer, undefined);
  assert.equal((await alice.session()).views, 2);
  assert.equal(await refusal(clients, cookie), "session_missing");
  assert.equal(disconnects.length, 0);
  await alice.post("/logout", { told: true });
  await until("it ends", () => disconnects.length > 0);
});

test("a session lives as long as either side uses it", async (t) => {
  const clients = new Clients(go, "4.8", "websocket", t);
  const enter = (browser) => clients.connect("/checked", withCookie(browser.cookie));
  const start = Date.now();
  const users = ["http", "socket", "idle"];
  const [http, live, idle] = await Promise.all(users.map((user) => Browser.login(user, "short"))); // three seconds
  const cookies = new Set([http.cookie]);
  const sockets = await Promise.all([http, live, idle].map(enter));
  const ends = sockets.map((socket) => record(socket, "disconnect"));
  const idleEnd = event(sockets[2], "disconnect").then(() => Date.now() - start);
  while (Date.now() - start < 7000) {
    await http.session(); // changes nothing: connect-redis touches
    cookies.add(http.cookie);
    await ack(sockets[1], "whoami"); // so does a check
    await pause(200);
  }
  assert.deepEqual(ends.map((all) => all.length > 0), [false, false, true]);
  const took = await idleEnd;
  t.diagnostic(`the idle session ended after ${took} ms`);
  assert.ok(took >= 2500 && took < 7000, `the idle session ended after ${took} ms`);
  assert.equal((await http.session()).user, "http");
  assert.equal((await live.session()).user, "socket"); // Express has not seen it since the login
  assert.equal((await idle.session()).user, undefined);
  assert.deepEqual(await ack(await enter(http), "whoami"), ["http"]); // though its document is from the login
  assert.equal(cookies.size, 1, "the id stays");
  for (const browser of [http, live]) assert.ok((await life(browser)) <= 3000);
});

test("a cookie without maxAge, as long as the browser runs", async (t) => {
  const clients = new Clients(go, "4.8", "websocket", t);
  const alice = await Browser.login("alice", "window");
  const socket = await clients.connect("/checked", withCookie(alice.cookie));
  await redis.expire(`sess:${alice.id}`, 100);
  assert.deepEqual(await ack(socket, "add view"), []);
  assert.ok((await life(alice)) > day - 60_000, "Go gives it the day that connect-redis does");
  const { cookie, views } = await alice.session();
  assert.deepEqual([views, cookie.originalMaxAge, cookie.expires], [2, null, null]);
});
