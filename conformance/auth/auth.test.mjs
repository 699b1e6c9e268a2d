// The stock client across expiry, refresh, revocation and logout. Needs the
// server beside it:
//
//	go build -o DIR/server ./conformance/auth/server
//	SERVER=DIR/server PORT=… node --test conformance/auth/auth.test.mjs
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { Clients, ack, event, record, until, upgraded } from "../lib/client.mjs";

const url = `http://127.0.0.1:${process.env.PORT}`;
let server;

before(async () => {
  server = spawn(process.env.SERVER, { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env } });
  await reachable();
});
after(async () => {
  server.kill("SIGTERM");
  const [code] = server.exitCode === null ? await once(server, "exit") : [server.exitCode];
  assert.equal(code, 0, "the server shuts down gracefully");
});

// reachable waits until the server answers.
async function reachable() {
  while (!(await fetch(url).then(() => true, () => false))) {
    assert.equal(server.exitCode, null, "the server runs");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function post(path, fields, headers = {}) {
  const response = await fetch(url + path, { method: "POST", body: new URLSearchParams(fields), headers });
  assert.equal(response.status, 200, path);
  return response;
}

let ids = 0;
async function newToken(ttl, id = `id-${ids++}`) {
  return (await post("/token", { user: "alice", ttl, id })).text();
}

// Seconds, of which the claims of a token count whole ones: a busy machine, too, connects
// and refreshes before a token ends that is good until then.
const soon = 5;

const modes = ["polling", "websocket", "upgrade"];

for (const mode of modes) {
  describe(mode, { concurrency: true }, () => {
    const clients = (t) => new Clients(url, "4.8", mode, t);
    const connected = async (socket) => {
      socket.connect();
      await event(socket, "connect");
      if (mode === "upgrade") await upgraded(socket);
    };

    test("with an auth function, expiry is invisible", async (t) => {
      const socket = clients(t).socket("/", { auth: (cb) => newToken(soon).then((token) => cb({ token })) });
      const connects = record(socket, "connect");
      const errors = record(socket, "connect_error");
      const disconnects = record(socket, "disconnect");
      socket.connect();
      await until("three connections", () => connects.length >= 3, 20_000);
      assert.deepEqual(await ack(socket, "whoami"), ["alice"]);
      assert.equal(errors.length, 0);
      for (const [reason] of disconnects) assert.equal(reason, "transport close");
    });

    test("with a stale object, the page learns that the token has expired", async (t) => {
      const socket = clients(t).socket("/", { auth: { token: await newToken(soon) } });
      const refused = event(socket, "connect_error", 10_000);
      await connected(socket);
      const [error] = await refused;
      assert.equal(error.message, "token has expired");
      assert.deepEqual(error.data, { code: "token_expired", message: "token has expired", retryable: true });
      assert.equal(socket.active, false);
      socket.auth = { token: await newToken(60) }; // what the page does then
      await connected(socket);
      assert.deepEqual(await ack(socket, "whoami"), ["alice"]);
    });

    test("all namespaces of the guard come back together", async (t) => {
      const all = clients(t);
      const auth = (cb) => newToken(soon).then((token) => cb({ token }));
      const socket = all.socket("/", { auth });
      await connected(socket);
      const chat = all.sibling(socket, "/chat", { auth });
      const again = record(chat, "connect");
      chat.connect();
      await until("the second namespace is in twice", () => again.length >= 2, 15_000);
      assert.deepEqual(await ack(chat, "whoami"), ["alice"]);
      await until("so is the first", () => socket.connected);
    });

    test("a refreshed token keeps the socket", async (t) => {
      const socket = clients(t).socket("/", { auth: { token: await newToken(soon) } });
      await connected(socket);
      const { id } = socket;
      const disconnects = record(socket, "disconnect");
      const [answer] = await ack(socket, "auth:refresh", { token: await newToken(60) });
      assert.ok(answer.exp > Date.now() / 1000 + 50);
      const [refused] = await ack(socket, "auth:refresh", { token: (await newToken(60)) + "x" });
      assert.equal(refused.error.data.code, "token_invalid");
      await new Promise((resolve) => setTimeout(resolve, soon * 1000 + 500)); // beyond the first expiry
      assert.equal(disconnects.length, 0);
      assert.equal(socket.id, id);
    });

    test("a public namespace on the same connection survives", async (t) => {
      const all = clients(t);
      const socket = all.socket("/", { auth: { token: await newToken(soon) } });
      await connected(socket);
      const open = all.sibling(socket, "/public");
      open.connect();
      await event(open, "connect");
      const lost = record(open, "disconnect");
      const ended = event(socket, "auth:ended", 10_000);
      const disconnected = event(socket, "disconnect", 10_000);
      assert.equal((await ended)[0].code, "token_expired");
      assert.equal((await disconnected)[0], "io server disconnect");
      assert.deepEqual(await ack(open, "whoami"), [""]);
      socket.auth = { token: await newToken(60) };
      await connected(socket);
      assert.equal(lost.length, 0);
    });

    test("a revoked token ends its socket, and stays out", async (t) => {
      const socket = clients(t).socket("/", { auth: { token: await newToken(60, `stolen-${mode}`) } });
      await connected(socket);
      const disconnected = event(socket, "disconnect");
      const refused = event(socket, "connect_error");
      const start = Date.now();
      await post("/revoke", { id: `stolen-${mode}` });
      assert.equal((await disconnected)[0], "transport close");
      assert.ok(Date.now() - start < 5000, "at once, on a busy machine, too");
      assert.equal((await refused)[0].data.code, "token_revoked");
      assert.equal(socket.active, false);
    });

    test("a policy refuses one namespace and leaves the other", async (t) => {
      const all = clients(t);
      const auth = { token: await newToken(60) };
      const socket = all.socket("/", { auth });
      await connected(socket);
      const admin = all.sibling(socket, "/admin", { auth });
      admin.connect();
      const [error] = await event(admin, "connect_error");
      assert.deepEqual(error.data, { code: "forbidden", message: "not allowed", retryable: false, required: ["admin"] });
      assert.deepEqual(await ack(socket, "whoami"), ["alice"]);
    });

    test("a logout ends all sockets of the session", async (t) => {
      const cookie = (response) => ({ Cookie: response.headers.get("set-cookie").split(";")[0] });
      const alice = cookie(await post("/login", { user: "alice" }));
      const bob = cookie(await post("/login", { user: "bob" }));
      const all = clients(t);
      const tabs = [alice, alice, bob].map((extraHeaders) => all.socket("/session", { extraHeaders }));
      for (const tab of tabs) await connected(tab);
      assert.deepEqual(await ack(tabs[0], "whoami"), ["alice"]);
      const ends = tabs.slice(0, 2).map((tab) => [event(tab, "disconnect"), event(tab, "connect_error")]);
      const start = Date.now();
      await post("/logout", {}, alice);
      for (const [disconnected, refused] of ends) {
        assert.equal((await disconnected)[0], "transport close");
        assert.ok(Date.now() - start < 5000, "at once, on a busy machine, too");
        assert.equal((await refused)[0].data.code, "session_missing");
      }
      assert.deepEqual(await ack(tabs[2], "whoami"), ["bob"]);
    });
  });
}
