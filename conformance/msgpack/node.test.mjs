// The official client in Node, against this server and the official one.
import assert from "node:assert/strict";
import { test } from "node:test";
import { io } from "socket.io-client";
import msgpack from "socket.io-msgpack-parser";
import { cases, goCases } from "./cases.mjs";
import { startGo, variants } from "./lab.mjs";
import * as plain from "./plain.mjs";
import { startNode } from "./server-node.mjs";

/** What a case gets; end() disconnects everything. */
function client(url, parser) {
  const sockets = [];
  const connect = (path, options = {}) => {
    const socket = io(url + path, { forceNew: true, parser, ...options });
    sockets.push(socket);
    return socket;
  };
  return { connect, end: () => sockets.forEach((socket) => socket.disconnect()) };
}

const timeout = 30_000;

for (const [kind, start, all] of [
  ["go", () => startGo("msgpack"), [...cases, ...goCases]],
  ["node", startNode, cases],
]) {
  test(`the official msgpack client, ${kind} server`, async (t) => {
    const server = await start();
    t.after(() => server.stop());
    for (const [variant, transports] of Object.entries(variants)) {
      for (const c of all) {
        await t.test(`${variant}: ${c.name}`, { timeout }, async () => {
          const { connect, end } = client(server.url, msgpack);
          try {
            await c.run({ connect, transports });
          } finally {
            end();
          }
        });
      }
    }
  });
}

test("a client with another parser is disconnected", async (t) => {
  const servers = { msgpack: await startGo("msgpack"), standard: await startGo("standard") };
  t.after(() => Promise.all(Object.values(servers).map((server) => server.stop())));
  for (const [kind, parser] of [["msgpack", undefined], ["standard", msgpack]]) {
    for (const [variant, transports] of Object.entries(variants)) {
      await t.test(`${kind} server, ${variant}`, { timeout }, async () => {
        const { connect, end } = client(servers[kind].url, parser);
        const bystander = client(servers[kind].url, parser ? undefined : msgpack);
        try {
          const well = bystander.connect("/", { transports });
          await new Promise((resolve) => well.once("welcome", resolve));
          const socket = connect("/", { transports, reconnection: false });
          socket.on("connect", () => assert.fail("connected"));
          await new Promise((resolve) => socket.io.once("close", resolve));
          assert.equal(await well.emitWithAck("echo", 1), 1);
        } finally {
          end();
          bystander.end();
        }
      });
    }
  }
});

test("a parser of a few lines", async (t) => {
  const server = await startGo("json");
  t.after(() => server.stop());
  for (const [variant, transports] of Object.entries(variants)) {
    for (const c of cases.filter(({ name }) => /^(auth|namespaces|refusals)/.test(name))) {
      await t.test(`${variant}: ${c.name}`, { timeout }, async () => {
        const { connect, end } = client(server.url, plain);
        try {
          await c.run({ connect, transports });
        } finally {
          end();
        }
      });
    }
  }
});
