// The cases of the Engine.IO part of both protocol suites, under the names that
// the official suites give them. Every case takes a Wire and says what it found.
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";

export const pingInterval = 300;
export const pingTimeout = 200;

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
      const first = wire.request({ sid });
      await delay(20); // the first has reached the server
      const second = await wire.request({ sid, t: "burst" });
      assert.ok([400, 500].includes(second.status), `status ${second.status}`);
      assert.equal((await first).status, 200);
      assert.equal(await (await first).text(), "1");
      await assertStatus(wire.request({ sid }), 400);
    },
    "closes the session upon cancelled polling request": async (wire) => {
      const sid = await wire.openPolling();
      const controller = new AbortController();
      const cancelled = wire.request({ sid }, { signal: controller.signal });
      await delay(20);
      controller.abort();
      await assert.rejects(cancelled);
      await assertStatus(wire.request({ sid }), 400);
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
    "closes the session upon ping timeout": async (wire) => {
      const sid = await wire.openPolling();
      await delay(pingInterval + pingTimeout + 50);
      await assertStatus(wire.request({ sid }), 400);
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
    "closes the session upon ping timeout": async (wire) => {
      const start = Date.now();
      const peer = await wire.openWebSocket();
      await peer.close();
      const took = Date.now() - start;
      assert.ok(took > pingInterval, `closed after ${took} ms`);
    },
  },
};

export const close = {
  "HTTP long-polling": {
    "forcefully closes the session": async (wire) => {
      const sid = await wire.openPolling();
      const [polled] = await Promise.all([wire.poll(sid), delay(20).then(() => wire.post(sid, "1"))]);
      assert.equal(polled, "6");
      await assertStatus(wire.request({ sid }), 400);
    },
  },
  WebSocket: {
    "forcefully closes the session": async (wire) => {
      const peer = await wire.openWebSocket();
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
    await delay(20); // it is on another connection than the request
    await assertStatus(wire.request({ sid }), 400);
    if (echo) await echoes(peer);
    peer.terminate();
  },
  "ignores WebSocket connection with same sid after upgrade": async (wire) => {
    const { sid, peer } = await wire.openUpgrade();
    peer.send("5");
    await wire.webSocket({ sid }).close();
    if (echo) await echoes(peer);
    peer.terminate();
  },
});
