// The cases of the Engine.IO part of both protocol suites, under the names that
// the official suites give them. Every case takes a Wire and says what it found; those
// of a timeout take that of another server (register.mjs).
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";

export const pingInterval = 300;
export const pingTimeout = 20_000;
const pongTimeout = 200;

const handshakeKeys = ["maxPayload", "pingInterval", "pingTimeout", "sid", "upgrades"];

function assertHandshake(packet, upgrades) {
  assert.equal(packet[0], "0");
  const value = JSON.parse(packet.slice(1));
  assert.deepEqual(Object.keys(value).sort(), handshakeKeys);
  assert.equal(typeof value.sid, "string");
  assert.deepEqual(value.upgrades, upgrades);
  assert.deepEqual([value.pingInterval, value.pingTimeout], [pingInterval, pingTimeout]);
  assert.equal(value.maxPayload, 1_000_000);
}

async function assertStatus(response, status) {
  assert.equal((await response).status, status);
}

async function assertRefused(peer) {
  let messages = 0;
  peer.socket.on("message", () => messages++);
  await peer.refused();
  assert.equal(messages, 0);
}

export const handshake = {
  "HTTP long-polling": {
    "successfully opens a session": async (wire) => {
      const response = await wire.request();
      assert.equal(response.status, 200);
      assertHandshake(await response.text(), ["websocket"]);
    },
    "fails with an invalid 'EIO' query parameter": async (wire) => {
      await assertStatus(wire.request({ EIO: undefined }), 400);
      await assertStatus(wire.request({ EIO: "abc" }), 400);
    },
    "fails with an invalid 'transport' query parameter": async (wire) => {
      await assertStatus(wire.request({ transport: undefined }), 400);
      await assertStatus(wire.request({ transport: "abc" }), 400);
    },
    "fails with an invalid request method": async (wire) => {
      await assertStatus(wire.request({}, { method: "POST" }), 400);
      await assertStatus(wire.request({}, { method: "PUT" }), 400);
    },
  },
  WebSocket: {
    "successfully opens a session": async (wire) => {
      const peer = wire.webSocket();
      assertHandshake(await peer.message(), []);
      peer.terminate();
    },
    "fails with an invalid 'EIO' query parameter": async (wire) => {
      await assertRefused(wire.webSocket({ EIO: undefined }));
      await assertRefused(wire.webSocket({ EIO: "abc" }));
    },
    "fails with an invalid 'transport' query parameter": async (wire) => {
      await assertRefused(wire.webSocket({ transport: undefined }));
      await assertRefused(wire.webSocket({ transport: "abc" }));
    },
  },
};

async function echoesOverPolling(wire, payload) {
  const sid = await wire.openPolling();
  const response = await wire.post(sid, payload);
  assert.equal(response.status, 200);
  assert.equal(await response.text(), "ok");
  assert.equal(await wire.poll(sid), payload);
}

export const message = {
  "HTTP long-polling": {
    "sends and receives a payload containing one plain text packet": (wire) => echoesOverPolling(wire, "4hello"),
    "sends and receives a payload containing several plain text packets": (wire) =>
      echoesOverPolling(wire, "4test1\x1e4test2\x1e4test3"),
    "sends and receives a payload containing plain text and binary packets": (wire) =>
      echoesOverPolling(wire, "4hello\x1ebAQIDBA=="),
    "closes the session upon invalid packet format": async (wire) => {
      const sid = await wire.openPolling();
      await wire.post(sid, "abc").catch(() => {}); // the reference may cut the connection, or answer ok
      await assertStatus(wire.request({ sid }), 400);
    },
    "closes the session upon duplicate poll requests": async (wire) => {
      const sid = await wire.openPolling();
      const both = await Promise.all([wire.request({ sid }), wire.request({ sid, t: "burst" })]);
      const [first, second] = both.sort((a, b) => a.status - b.status); // whichever came first
      assert.ok([400, 500].includes(second.status), `status ${second.status}`);
      assert.equal(first.status, 200);
      assert.equal(await first.text(), "1");
      await assertStatus(wire.request({ sid }), 400);
    },
    "closes the session upon cancelled polling request": async (wire) => {
      const sid = await wire.openPolling();
      // One that has not reached the server when it is cancelled says nothing: then the next one does.
      for (let wait = 20, response; response?.status !== 400; wait *= 2) {
        response = await wire.request({ sid }, { signal: AbortSignal.timeout(wait) }).catch(() => undefined);
        assert.ok([undefined, 200, 400].includes(response?.status), `status ${response?.status}`); // 200: a ping
      }
    },
  },
  WebSocket: {
    "sends and receives a plain text packet": async (wire) => {
      const peer = await wire.openWebSocket();
      peer.send("4hello");
      assert.equal(await peer.message(), "4hello");
      peer.terminate();
    },
    "sends and receives a binary packet": async (wire) => {
      const peer = await wire.openWebSocket();
      peer.send(Buffer.from([1, 2, 3, 4]));
      assert.deepEqual(await peer.message(), Buffer.from([1, 2, 3, 4]));
      peer.terminate();
    },
    "closes the session upon invalid packet format": async (wire) => {
      const peer = await wire.openWebSocket();
      peer.send("abc");
      await peer.close();
    },
  },
};

export const heartbeat = {
  "HTTP long-polling": {
    "sends ping/pong packets": async (wire) => {
      const sid = await wire.openPolling();
      for (let i = 0; i < 3; i++) {
        assert.equal(await wire.poll(sid), "2");
        await assertStatus(wire.post(sid, "3"), 200);
      }
    },
    "closes the session upon ping timeout": async (_wire, { pong }) => {
      const sid = await pong.openPolling();
      await delay(pingInterval + pongTimeout + 50);
      let response; // on a busy machine that is noticed later
      do response = await pong.request({ sid });
      while (response.status === 200);
      assert.equal(response.status, 400);
    },
  },
  WebSocket: {
    "sends ping/pong packets": async (wire) => {
      const peer = await wire.openWebSocket();
      for (let i = 0; i < 3; i++) {
        assert.equal(await peer.message(), "2");
        peer.send("3");
      }
      peer.terminate();
    },
    "closes the session upon ping timeout": async (_wire, { pong }) => {
      const start = Date.now();
      const peer = await pong.openWebSocket();
      await peer.close();
      const took = Date.now() - start;
      assert.ok(took > pingInterval, `closed after ${took} ms`);
    },
  },
};

export const close = {
  "HTTP long-polling": {
    "forcefully closes the session": async (wire) => {
      let sid, polled;
      for (let wait = 20; polled?.status !== 200; wait *= 2) { // until the close packet does not overtake the poll
        sid = await wire.openPolling();
        [polled] = await Promise.all([wire.request({ sid }), delay(wait).then(() => wire.post(sid, "1"))]);
      }
      assert.equal(await polled.text(), "6");
      await assertStatus(wire.request({ sid }), 400);
    },
  },
  WebSocket: {
    // Neither the reference nor ours heeds the packet: that no pong comes is what closes.
    "forcefully closes the session": async (_wire, { pong }) => {
      const peer = await pong.openWebSocket();
      peer.send("1");
      await peer.close();
    },
  },
};

// Only the Engine.IO suite has a server that sends messages back as they are.
async function echoes(peer) {
  peer.send("4hello");
  assert.equal(await peer.message(), "4hello");
}

// answered waits until what was sent before has been handled.
async function answered(peer, echo) {
  if (echo) return echoes(peer);
  peer.send("40");
  await peer.packets(2); // the CONNECT reply, and the event "auth"
}

export const upgrade = (echo) => ({
  "successfully upgrades from HTTP long-polling to WebSocket": async (wire) => {
    const { sid, peer, probe } = await wire.openUpgrade();
    assert.equal(probe, "3probe");
    if (echo) assert.equal(await wire.poll(sid), "6"); // ends the poll cleanly
    peer.send("5");
    if (echo) await echoes(peer);
    peer.terminate();
  },
  "ignores HTTP requests with same sid after upgrade": async (wire) => {
    const { sid, peer } = await wire.openUpgrade();
    peer.send("5");
    await answered(peer, echo); // the request is on another connection
    await assertStatus(wire.request({ sid }), 400);
    if (echo) await echoes(peer);
    peer.terminate();
  },
  "ignores WebSocket connection with same sid after upgrade": async (wire) => {
    const { sid, peer } = await wire.openUpgrade();
    peer.send("5");
    await answered(peer, echo);
    await wire.webSocket({ sid }).close();
    if (echo) await echoes(peer);
    peer.terminate();
  },
});
