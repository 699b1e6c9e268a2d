// The stock client behind the JWT middlewares of other people, with a cookie.
// integrations/middlewares/run builds the server and runs this.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { Clients, ack, event, modes, record, upgraded } from "../lib/client.mjs";

// With the framework's status for a request without a token.
const applications = {
  "gin-jwt": 401,
  "echo-jwt": 401,
  jwtware: 400,
  jwtauth: 401,
  "KeyAuth of Echo v5": 401,
  "keyauth of Fiber v3": 401,
};
let server;
let addresses;

before(async () => {
  server = spawn(process.env.SERVER, { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(server.stdout, "data");
  addresses = JSON.parse(line);
});
after(async () => {
  server.kill("SIGTERM");
  const [code] = server.exitCode === null ? await once(server, "exit") : [server.exitCode];
  assert.equal(code, 0, "the server ends as it should");
});

// login returns the cookie that a browser would keep.
async function login(url) {
  const response = await fetch(`${url}/login`, { method: "POST", body: new URLSearchParams({ user: "alice" }) });
  return response.headers.getSetCookie().map((c) => c.split(";")[0]).join("; ");
}

describe("behind middleware", { concurrency: true }, () => {
  for (const [name, status] of Object.entries(applications)) {
    for (const mode of Object.keys(modes)) {
      const clients = (t) => new Clients(addresses[name], "4.8", mode, t);

      test(`${name}, ${mode}: without a token the framework refuses, and the client keeps trying`, async (t) => {
        const socket = clients(t).socket();
        const errors = record(socket, "connect_error");
        socket.connect();
        await event(socket, "connect_error");
        await event(socket, "connect_error");
        if (mode !== "websocket") assert.equal(errors[0][0].description, status); // a browser hides a WebSocket's
        assert.equal(errors[0][0].data, undefined);
        assert.equal(socket.active, true);
      });

      test(`${name}, ${mode}: when the token expires, the client comes back with a fresh cookie`, async (t) => {
        const extraHeaders = { Cookie: await login(addresses[name]) };
        const socket = clients(t).socket("/", { extraHeaders });
        socket.connect();
        await event(socket, "connect");
        if (mode === "upgrade") await upgraded(socket);
        const [first] = await ack(socket, "whoami");
        const [reason] = await event(socket, "disconnect", 15_000);
        assert.match(reason, mode === "polling" ? /^transport (close|error)$/ : /^transport close$/);
        extraHeaders.Cookie = await login(addresses[name]); // it tries until this is there
        await event(socket, "connect");
        const [again] = await ack(socket, "whoami");
        assert.match(first, /^alice \d+$/);
        assert.match(again, /^alice \d+$/);
        assert.ok(Number(again.slice(6)) > Number(first.slice(6)), "a later end");
      });
    }
  }
});
