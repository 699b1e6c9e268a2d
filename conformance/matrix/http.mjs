// What clients notice of HTTP: ids, paths, compression, polls that do not come.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { Fetch } from "socket.io-client";
import { ack, event, recordOurs, until, upgraded } from "../lib/client.mjs";
import { Gate } from "../lib/gate.mjs";
import { prefixed } from "../lib/prefix.mjs";

export const cases = {
  "ids of connections that the application makes": async ({ clients, target }) => {
    const engine = randomUUID();
    const socket = await clients.connect("/", { query: { engine } });
    assert.equal(socket.io.engine.id, engine);
    assert.notEqual(socket.id, engine);
    await refused(clients.socket("/", { query: { engine: "none" }, reconnection: false }));
    // The reference lets the second one take the place of the first.
    if (target !== "node") await refused(clients.socket("/", { query: { engine }, reconnection: false }));
    assert.deepEqual(await ack(socket, "echo-ack", "alive"), ["alive"]);
  },

  "a path without a slash at its end": async ({ clients }) => {
    const socket = await clients.connect("/chat", { addTrailingSlash: false });
    assert.deepEqual(await ack(socket, "echo-ack", "here"), ["here"]);
  },

  "behind a proxy that adds a path": async ({ clients, server, mode, t }) => {
    const url = await prefixed(server.port, "/app", t);
    const socket = await clients.connect("/chat", { url, path: "/app/socket.io/" });
    if (mode === "upgrade") await upgraded(socket);
    const bytes = Buffer.alloc(5000, 7);
    assert.deepEqual(await ack(socket, "echo-ack", "there", bytes), ["there", bytes]);
    await refused(clients.socket("/chat", { url, reconnection: false })); // without it there is nothing
  },
};

// For clients that poll.
export const polling = {
  "long responses to polls are compressed, unless that was not wanted": async ({ clients, version, t }) => {
    const fetches = version === "4.8"; // older clients, and XHR in Node, do not ask for compression
    const note = randomUUID();
    const encodings = responses(note, t);
    const encoded = () => encodings.splice(0).filter((encoding) => encoding !== undefined);
    const socket = await clients.connect("/", { ...(fetches && { transports: [Fetch] }), query: { note } });
    const text = "ünï, 漢字, 🎉; ".repeat(1000);
    socket.emit("echo", "short");
    assert.deepEqual(await event(socket, "echo"), ["short"]);
    assert.deepEqual(encoded(), []);
    socket.emit("echo", text, Buffer.alloc(5000, 7));
    const [back, binary] = await event(socket, "echo");
    assert.equal(back, text);
    assert.deepEqual(new Uint8Array(binary), new Uint8Array(5000).fill(7));
    assert.deepEqual([...new Set(encoded())], fetches ? ["gzip"] : []); // of one poll or two
    socket.emit("plain", text);
    assert.deepEqual(await event(socket, "plain"), [text]);
    assert.deepEqual(encoded(), []);
    socket.disconnect();
  },

  "a volatile event is not for a client whose polls do not come": async ({ clients, server, t }) => {
    const gate = await Gate.open(server.port, t);
    const room = randomUUID();
    const socket = await clients.connect("/", { url: gate.url, auth: { room } });
    const heard = recordOurs(socket, room);
    const say = (text, volatile = "") => fetch(`${server.url}/control/say?room=${room}&text=${text} ${room}${volatile}`, { method: "POST" });
    gate.stall();
    await say("before"); // answers the poll, if there is one
    await say("lost", "&volatile=1");
    gate.resume();
    await say("after");
    await until("after", () => heard.length >= 2);
    assert.deepEqual(heard, ["before", "after"]);
    while (heard.length < 3) await say("now", "&volatile=1"); // until a poll is there
    assert.equal(heard[2], "now");
  },
};

async function refused(socket) {
  socket.connect();
  const [error] = await event(socket, "connect_error");
  assert.match(error.message, /^(xhr poll|websocket) error$/);
}

// responses collects the Content-Encoding of the responses to the requests of
// fetch that have the note in their query.
function responses(note, t) {
  const encodings = [];
  const listener = ({ request, response: { headers } }) => {
    if (!request.path.includes(note)) return;
    const names = headers.filter((_, i) => i % 2 === 0).map((name) => String(name).toLowerCase());
    const at = names.indexOf("content-encoding");
    encodings.push(at < 0 ? undefined : String(headers[2 * at + 1]));
  };
  subscribe("undici:request:headers", listener);
  t.after(() => unsubscribe("undici:request:headers", listener));
  return encodings;
}
