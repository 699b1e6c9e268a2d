// The 32 cases of the official Socket.IO v5 suite: it repeats much of the
// Engine.IO suite ("should successfully open a session" and so on).
import assert from "node:assert/strict";
import { close, handshake, heartbeat, upgrade } from "./engine-cases.mjs";
import { register } from "./register.mjs";

// open opens a session and connects to the main namespace.
async function open(wire) {
  const peer = await wire.openWebSocket();
  peer.send("40");
  await peer.packets(2); // the CONNECT reply, and the event "auth"
  return peer;
}

// connects sends a CONNECT packet and looks at what it is answered with.
async function connects(wire, packet, prefix, auth) {
  const peer = await wire.openWebSocket();
  peer.send(packet);
  const [reply, authEvent] = await peer.packets(2);
  assert.ok(reply.startsWith(prefix), reply);
  const value = JSON.parse(reply.slice(prefix.length));
  assert.deepEqual(Object.keys(value), ["sid"]);
  assert.equal(typeof value.sid, "string");
  assert.equal(authEvent, auth);
  peer.terminate();
}

async function closesUpon(wire, packet) {
  const peer = await open(wire);
  peer.send(packet);
  await peer.close();
}

async function answers(wire, packets, expected) {
  const peer = await open(wire);
  for (const packet of packets) peer.send(packet);
  assert.deepEqual(await peer.packets(expected.length), expected);
  peer.terminate();
}

const attachments = [Buffer.from([1, 2, 3]), Buffer.from([4, 5, 6])];
const placeholders = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}';

const connect = {
  "should allow connection to the main namespace": (wire) => connects(wire, "40", "40", '42["auth",{}]'),
  "should allow connection to the main namespace with a payload": (wire) =>
    connects(wire, '40{"token":"123"}', "40", '42["auth",{"token":"123"}]'),
  "should allow connection to a custom namespace": (wire) =>
    connects(wire, "40/custom,", "40/custom,", '42/custom,["auth",{}]'),
  "should allow connection to a custom namespace with a payload": (wire) =>
    connects(wire, '40/custom,{"token":"abc"}', "40/custom,", '42/custom,["auth",{"token":"abc"}]'),
  "should disallow connection to an unknown namespace": async (wire) => {
    const peer = await wire.openWebSocket();
    peer.send("40/random");
    assert.deepEqual(await peer.packets(1), ['44/random,{"message":"Invalid namespace"}']);
    peer.terminate();
  },
  "should disallow connection with an invalid handshake": async (wire) => {
    const peer = await wire.openWebSocket();
    peer.send("4abc");
    await peer.close();
  },
  // In the original the missing pong ends it after 500 ms. Here the heartbeat
  // is answered, so that it can only be the connectTimeout of 1 s.
  "should close the connection if no handshake is received": async (_wire, { connect }) => {
    const start = Date.now();
    const peer = await connect.openWebSocket();
    peer.socket.on("message", () => peer.send("3"));
    await peer.close();
    const took = Date.now() - start;
    assert.ok(took > 900, `closed after ${took} ms`);
  },
};

const disconnect = {
  "should disconnect from the main namespace": async (wire) => {
    const peer = await open(wire);
    peer.send("41");
    const message = await peer.message(); // the connection lives: the next thing is a heartbeat
    assert.equal(message, "2");
    peer.terminate();
  },
  "should connect then disconnect from a custom namespace": async (wire) => {
    const peer = await open(wire);
    assert.equal(await peer.message(), "2");
    peer.send("3");
    peer.send("40/custom");
    await peer.packets(2);
    peer.send("41/custom");
    peer.send('42["message","message to main namespace"]');
    assert.deepEqual(await peer.packets(1), ['42["message-back","message to main namespace"]']);
    peer.terminate();
  },
};

const message = {
  "should send a plain-text packet": (wire) =>
    answers(wire, ['42["message",1,"2",{"3":[true]}]'], ['42["message-back",1,"2",{"3":[true]}]']),
  "should send a packet with binary attachments": (wire) =>
    answers(
      wire,
      [`452-["message",${placeholders}]`, ...attachments],
      [`452-["message-back",${placeholders}]`, ...attachments],
    ),
  "should send a plain-text packet with an ack": (wire) =>
    answers(wire, ['42456["message-with-ack",1,"2",{"3":[false]}]'], ['43456[1,"2",{"3":[false]}]']),
  "should send a packet with binary attachments and an ack": (wire) =>
    answers(
      wire,
      [`452-789["message-with-ack",${placeholders}]`, ...attachments],
      [`462-789[${placeholders}]`, ...attachments],
    ),
  "should close the connection upon invalid format (unknown packet type)": (wire) => closesUpon(wire, "4abc"),
  "should close the connection upon invalid format (invalid payload format)": (wire) => closesUpon(wire, "42{}"),
  "should close the connection upon invalid format (invalid ack id)": (wire) =>
    closesUpon(wire, '42abc["message-with-ack",1,"2",{"3":[false]}]'),
};

register("Socket.IO", "/socket.io/", 32, {
  "Engine.IO protocol": { handshake, heartbeat, close, upgrade: upgrade(false) },
  connect,
  disconnect,
  message,
});
