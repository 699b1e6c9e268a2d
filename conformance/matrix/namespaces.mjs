// Namespaces on one connection, rooms, and refused connections.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { ack, event, record } from "../lib/client.mjs";

export const cases = {
  "namespaces share a connection, and nothing else": async ({ clients }) => {
    const main = await clients.connect("/", { auth: { name: "main" } });
    const chat = clients.sibling(main, "/chat", { auth: { name: "chat" } });
    chat.connect();
    await event(chat, "connect");
    assert.equal(chat.io, main.io);
    assert.notEqual(chat.id, main.id);
    assert.equal(main.id.length, 20);
    assert.deepEqual(await ack(main, "whoami"), [{ id: main.id, namespace: "/", auth: { name: "main" } }]);
    assert.deepEqual(await ack(chat, "whoami"), [{ id: chat.id, namespace: "/chat", auth: { name: "chat" } }]);

    const onMain = record(main, "echo");
    chat.emit("echo", "chat only");
    assert.deepEqual(await event(chat, "echo"), ["chat only"]);
    await ack(main, "echo-ack");
    assert.deepEqual(onMain, []);
  },

  "a namespace is left and joined again while another lives": async ({ clients, server }) => {
    const main = await clients.connect();
    const chat = clients.sibling(main, "/chat");
    chat.connect();
    await event(chat, "connect");
    const { id } = chat;
    chat.disconnect();
    assert.equal(await server.reason(id), "client namespace disconnect");
    assert.deepEqual(await ack(main, "echo-ack", "alive"), ["alive"]);
    chat.connect();
    await event(chat, "connect");
    assert.notEqual(chat.id, id);
    assert.deepEqual(await ack(chat, "echo-ack", "back"), ["back"]);
    assert.ok(main.connected);
  },

  "refused with data, refused without, and unknown": async ({ clients, version }) => {
    const refused = [
      ["/admin", { token: "wrong" }, "not authorized", { code: "E_AUTH", need: ["token"] }],
      ["/admin", undefined, "not authorized", { code: "E_AUTH", need: ["token"] }],
      ["/closed", undefined, "closed", undefined],
      ["/nowhere", undefined, "Invalid namespace", undefined],
    ];
    for (const [namespace, auth, message, data] of refused) {
      const socket = clients.socket(namespace, { auth });
      socket.connect();
      const [error] = await event(socket, "connect_error");
      assert.equal(error.message, message);
      assert.deepEqual(error.data, data);
      assert.ok(!socket.connected);
      if (!["4.1", "3.1"].includes(version)) assert.ok(!socket.active); // those think that they are
    }
  },

  "one namespace refused while another lives; then let in": async ({ clients }) => {
    const main = await clients.connect();
    let token = "wrong";
    const admin = clients.sibling(main, "/admin", { auth: (give) => give({ token }) });
    admin.connect();
    const [error] = await event(admin, "connect_error");
    assert.equal(error.message, "not authorized");
    assert.deepEqual(await ack(main, "echo-ack", 1), [1]);
    token = "secret";
    admin.connect();
    await event(admin, "connect");
    assert.deepEqual(await ack(admin, "echo-ack", 2), [2]);
  },

  "what is emitted before a refused connection is let in waits for it": async ({ clients }) => {
    let token = "wrong";
    const admin = clients.socket("/admin", { auth: (give) => give({ token }) });
    admin.emit("count", 0);
    admin.connect();
    await event(admin, "connect_error");
    token = "secret";
    admin.connect();
    await event(admin, "connect");
    assert.deepEqual(await ack(admin, "counted"), [{ count: 1, ordered: true }]);
  },

  "rooms: join, leave, list": async ({ clients }) => {
    const socket = await clients.connect();
    assert.deepEqual(await ack(socket, "rooms"), [[]]);
    for (const room of ["b", "a", "b"]) await ack(socket, "join", room);
    assert.deepEqual(await ack(socket, "rooms"), [["a", "b"]]);
    await ack(socket, "leave", "a");
    await ack(socket, "leave", "never joined");
    assert.deepEqual(await ack(socket, "rooms"), [["b"]]);
  },

  "who hears what is said to rooms": async ({ clients, server }) => {
    const [red, blue, quiet] = ["red", "blue", "quiet"].map((name) => `${name}-${randomUUID()}`);
    const rooms = { speaker: [red], redder: [red], both: [red, blue], muted: [blue, quiet], stranger: [] };
    const sockets = {};
    const heard = {};
    for (const [name, joined] of Object.entries(rooms)) {
      sockets[name] = await clients.connect();
      heard[name] = record(sockets[name], "said");
      for (const room of joined) await ack(sockets[name], "join", room);
    }
    const { speaker } = sockets;
    const says = [
      [{ from: "namespace", to: [red], except: [] }, ["speaker", "redder", "both"]],
      [{ from: "namespace", to: [red, blue], except: [] }, ["speaker", "redder", "both", "muted"]], // each once
      [{ from: "namespace", to: [blue], except: [quiet] }, ["both"]],
      [{ from: "namespace", to: [], except: [red] }, ["muted", "stranger"]],
      [{ from: "namespace", to: [], except: [] }, Object.keys(rooms)],
      [{ from: "namespace", to: [sockets.stranger.id], except: [] }, ["stranger"]], // its own room
      [{ from: "namespace", to: [`empty-${red}`], except: [] }, []],
      [{ from: "socket", to: [red], except: [] }, ["redder", "both"]],
      [{ from: "socket", to: [], except: [] }, ["redder", "both", "muted", "stranger"]],
      [{ from: "socket", to: [red, blue], except: [quiet] }, ["redder", "both"]],
    ];
    for (const [how, hearers] of says) {
      const text = randomUUID(); // others speak on this server, too
      await ack(speaker, "say", how, text);
      await assertHeard(text, hearers, `said ${JSON.stringify(how)}`);
    }
    const text = randomUUID(); // from outside of any handler, as a REST route does
    await fetch(`${server.url}/control/say?room=${blue}&text=${text}`, { method: "POST" });
    await assertHeard(text, ["both", "muted"], "said over HTTP");

    // What was sent before an ack has arrived with it: so a text that is not
    // there after a round trip was not sent.
    async function assertHeard(text, hearers, what) {
      await Promise.all(Object.values(sockets).map((socket) => ack(socket, "echo-ack")));
      const times = (name) => heard[name].filter(([heardText]) => heardText === text).length;
      const expected = Object.fromEntries(Object.keys(rooms).map((name) => [name, hearers.includes(name) ? 1 : 0]));
      const got = Object.fromEntries(Object.keys(rooms).map((name) => [name, times(name)]));
      assert.deepEqual(got, expected, what);
    }
  },

  "a socket that is gone hears nothing": async ({ clients, server }) => {
    const room = randomUUID();
    const leaver = await clients.connect();
    const stayer = await clients.connect();
    const chat = clients.sibling(leaver, "/chat"); // keeps the connection open
    chat.connect();
    await event(chat, "connect");
    await Promise.all([ack(leaver, "join", room), ack(stayer, "join", room)]);
    const { id } = leaver;
    leaver.disconnect();
    await server.reason(id);
    const heard = record(leaver, "said");
    const stayed = record(stayer, "said");
    const texts = [randomUUID(), randomUUID()];
    const say = async (text) => {
      await ack(stayer, "say", { from: "namespace", to: [room], except: [] }, text);
      await ack(stayer, "echo-ack");
    };
    await say(texts[0]);
    leaver.connect();
    await event(leaver, "connect");
    assert.deepEqual(await ack(leaver, "rooms"), [[]]);
    await say(texts[1]);
    await ack(leaver, "echo-ack");
    const ours = (all) => all.map(([text]) => text).filter((text) => texts.includes(text)); // others speak, too
    assert.deepEqual(ours(stayed), texts);
    assert.deepEqual(ours(heard), []);
  },
};
