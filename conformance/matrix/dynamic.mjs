// Namespaces that clients make by joining them, and listeners to all events.
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { ack, event, patience, record } from "../lib/client.mjs";

const fresh = (prefix) => `${prefix}${randomInt(2 ** 47)}`; // nobody else's

// gone waits until a namespace is removed.
async function gone(server, namespace) {
  const end = Date.now() + patience;
  while ((await exists(server, namespace)) && Date.now() < end) await delay(10);
  assert.equal(await exists(server, namespace), false);
}

async function exists(server, namespace) {
  const { status } = await fetch(`${server.url}/control/exists?namespace=${namespace}`);
  return status === 204;
}

async function refused(socket, message, data) {
  socket.connect();
  const [error] = await event(socket, "connect_error");
  assert.equal(error.message, message);
  assert.deepEqual(error.data, data);
}

export const cases = {
  "children of a parent: joined, spoken to, left, made again": async ({ clients, server }) => {
    const name = fresh("/dynamic-");
    assert.equal(await exists(server, name), false);
    const one = await clients.connect(name, { auth: { user: "one" } });
    const two = await clients.connect(name);
    const other = clients.sibling(one, fresh("/dynamic-"));
    other.connect();
    await event(other, "connect");
    assert.deepEqual(await ack(one, "whoami"), [{ id: one.id, namespace: name, auth: { user: "one" } }]);
    const heard = [one, two, other].map((socket) => record(socket, "said"));
    await ack(one, "say", { from: "socket", to: [], except: [] }, "to the child");
    await ack(two, "say-all", "to all children");
    await Promise.all([one, two, other].map((socket) => ack(socket, "echo-ack")));
    const ours = heard.map((all) => all.map(([text]) => text).filter((text) => text === "to the child"));
    assert.deepEqual(ours, [[], ["to the child"], []]);
    for (const all of heard) assert.ok(all.some(([text]) => text === "to all children"));

    const { id } = one;
    one.disconnect();
    assert.equal(await server.reason(id), "client namespace disconnect");
    assert.equal(await exists(server, name), true);
    two.disconnect();
    await gone(server, name);
    assert.deepEqual(await ack(other, "echo-ack", "alive"), ["alive"]);
    one.connect();
    await event(one, "connect");
    assert.deepEqual(await ack(one, "echo-ack", "back"), ["back"]);
    assert.notEqual(one.id, id);
  },

  "children of a parent: who may not join, and what does not match": async ({ clients, server }) => {
    const name = fresh("/dynamic-");
    await refused(clients.socket(name, { auth: { token: "wrong" } }), "not authorized", { code: "E_AUTH" });
    await gone(server, name);
    for (const other of ["/dynamic-", "/dynamic-1x", "/x/dynamic-1"]) {
      await refused(clients.socket(other), "Invalid namespace");
    }
  },

  "a parent that decides by what the client sends": async ({ clients, server, target }) => {
    const user = fresh("u");
    await refused(clients.socket(`/of-${user}`, { auth: { user: "other" } }), "Invalid namespace");
    const socket = await clients.connect(`/of-${user}`, { auth: { user } });
    assert.deepEqual(await ack(socket, "echo-ack", 1), [1]);
    const thief = clients.socket(`/of-${user}`, { auth: { user: "other" } });
    if (target === "node") {
      thief.connect(); // which asks only when there is no such child yet
      await event(thief, "connect");
      thief.disconnect();
    } else {
      await refused(thief, "Invalid namespace");
    }
    socket.disconnect();
    await gone(server, `/of-${user}`);
  },

  "listeners to all events, and a handler for one": async ({ clients }) => {
    const user = fresh("u"); // not among those who are told what is said to all
    const socket = await clients.connect(`/of-${user}`, { auth: { user } });
    await ack(socket, "echo-ack", 1, 2);
    socket.emit("nobody handles this", Buffer.from([1]));
    socket.emit("echo", 1, { deep: Buffer.from([2]) }, 3);
    await event(socket, "echo");
    await ack(socket, "say", { from: "namespace", to: [], except: [] }, "x");
    assert.deepEqual(await ack(socket, "first"), ["once"]);
    const again = [];
    socket.emit("first", () => again.push("acknowledged"));
    const [heard] = await ack(socket, "heard");
    assert.deepEqual(heard, {
      in: ["echo-ack 2", "nobody handles this 1", "echo 3", "say 2", "first 0", "first 0", "heard 0"],
      out: ["echo 3", "said 1"],
    });
    assert.deepEqual(again, []);
  },

  "what happens to the rooms of a child": async ({ clients, server }) => {
    const name = fresh("/dynamic-");
    const one = await clients.connect(name);
    const two = await clients.connect(name);
    for (const room of ["a", "b", "a"]) await ack(one, "join", room);
    await ack(two, "join", "b");
    await ack(one, "leave", "a");
    const { id } = one;
    one.disconnect();
    await server.reason(id);
    assert.deepEqual(await ack(two, "room-events"), [
      ["create-room a", "join-room a", "create-room b", "join-room b", "join-room b", "leave-room a", "delete-room a", "leave-room b"],
    ]);
  },
};
