// What the server does with a socket when it joins, with its events, and with
// all sockets of a room.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { ack, event, recordOurs, until } from "../lib/client.mjs";

export const cases = {
  "what a client causes once it is connected finds its rooms": async ({ clients, server }) => {
    const room = randomUUID();
    const socket = clients.socket("/", { auth: { room } });
    const heard = recordOurs(socket, room);
    const say = (text) => fetch(`${server.url}/control/say?room=${room}&text=${text} ${room}`, { method: "POST" });
    socket.on("connect", async () => {
      await say("by another connection");
      socket.emit("say", { from: "namespace", to: [room], except: [] }, `by its own ${room}`, () => {});
    });
    const expected = ["by another connection", "by its own"];
    socket.connect();
    await until("both", () => heard.length >= 2);
    assert.deepEqual(heard, expected);

    socket.io.engine.close(); // and again after it has connected by itself
    await until("both again", () => heard.length >= 4);
    assert.deepEqual(heard, [...expected, ...expected]);
    assert.deepEqual(await ack(socket, "rooms"), [[room]]);
  },

  "sockets of a room: found, gathered, scattered": async ({ clients }) => {
    const [room, other] = [randomUUID(), randomUUID()];
    const note = (text) => ({ auth: { room, text }, query: { note: `${text} & more` }, extraHeaders: { "X-Note": text } });
    const one = await clients.connect("/chat", note("one"));
    const two = await clients.connect("/chat", note("two"));
    const third = await clients.connect("/chat");
    const rooms = { one: [room], two: [room] };
    const find = async (name) => {
      const [found] = await ack(third, "sockets", name);
      assert.deepEqual(found.map(({ id }) => id), [...found.map(({ id }) => id)].sort());
      return Object.fromEntries(found.map(({ id, ...rest }) => [id, rest]));
    };
    const sight = (text) => ({ rooms: rooms[text].toSorted(), auth: { room, text }, query: `${text} & more`, header: text });
    assert.deepEqual(await find(room), { [one.id]: sight("one"), [two.id]: sight("two") });
    assert.deepEqual(await find(other), {});

    assert.deepEqual(await ack(third, "gather", room, other), [true]);
    for (const mine of [rooms.one, rooms.two]) mine.push(other);
    assert.deepEqual(await find(other), { [one.id]: sight("one"), [two.id]: sight("two") });
    assert.deepEqual(await ack(third, "scatter", one.id, room), [true]);
    rooms.one.shift();
    assert.deepEqual(await find(room), { [two.id]: sight("two") });
    const heard = [one, two, third].map((socket) => recordOurs(socket, room));
    await ack(third, "say", { from: "namespace", to: [other], except: [room] }, `to one ${room}`);
    await Promise.all([one, two].map((socket) => ack(socket, "echo-ack")));
    assert.deepEqual(heard, [["to one"], [], []]);
  },

  "sockets of a room: disconnected, or their connections closed": async ({ clients, server }) => {
    const room = randomUUID();
    const one = await clients.connect("/chat", { auth: { room } });
    const main = clients.sibling(one, "/");
    main.connect();
    await event(main, "connect");
    const other = await clients.connect("/chat");
    const dismissed = async (whole) => {
      const { id } = one;
      const gone = event(one, "disconnect");
      assert.deepEqual(await ack(other, "dismiss", room, whole), [true]);
      assert.equal((await gone)[0], "io server disconnect");
      assert.equal(await server.reason(id), "server namespace disconnect");
    };
    await dismissed(false);
    assert.deepEqual(await ack(main, "echo-ack", "alive"), ["alive"]);
    one.connect();
    await event(one, "connect");
    const gone = event(main, "disconnect");
    await dismissed(true);
    assert.equal((await gone)[0], "io server disconnect");
    assert.deepEqual(await ack(other, "sockets", room), [[]]);
  },

  "middleware lets some events through, and send is an event": async ({ clients }) => {
    const socket = await clients.connect();
    socket.emit("count-if", 0, true);
    socket.emit("count-if", 7, false);
    socket.emit("count-if", 8);
    socket.emit("count-if", 1, true);
    assert.deepEqual(await ack(socket, "counted"), [{ count: 2, ordered: true }]);
    socket.send("text", { bytes: Buffer.from([1]) });
    assert.deepEqual(await event(socket, "message"), ["text", { bytes: Buffer.from([1]) }]);
  },
};
