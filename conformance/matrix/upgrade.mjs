// The upgrade from polling to WebSocket under traffic, both ways.
import assert from "node:assert/strict";
import { ack, event, until } from "../lib/client.mjs";
import { Gate } from "../lib/gate.mjs";

const atLeast = 100; // events each way over each transport

export const cases = {
  "both sides emit from CONNECT on, and nothing is lost or reordered": async ({ clients, server, t }) => {
    // The WebSocket connection is held back until enough went over polling.
    const gate = await Gate.open(server.port, t);
    const socket = clients.socket("/stream", { url: gate.url });
    const sent = { polling: 0, websocket: 0 };
    const received = { polling: 0, websocket: 0 };
    watch(socket, sent, received);

    const ticks = [];
    socket.on("tick", (i) => ticks.push(i));
    let tocks = 0;
    let timer;
    t.after(() => clearInterval(timer));
    socket.on("connect", () => {
      timer = setInterval(() => socket.emit("tock", tocks++), 2);
    });
    const reasons = [];
    socket.on("disconnect", (reason) => reasons.push(reason));

    socket.connect();
    await event(socket, "connect");
    await until("events over polling", () => sent.polling >= atLeast && received.polling >= atLeast);
    const upgrade = event(socket.io.engine, "upgrade");
    gate.release();
    await upgrade;
    await until("events over WebSocket", () => sent.websocket >= atLeast && received.websocket >= atLeast);
    clearInterval(timer);
    const [result] = await ack(socket, "stop");

    assert.deepEqual(result, { ticks: result.ticks, count: tocks, ordered: true });
    assert.deepEqual(ticks, Array.from({ length: result.ticks }, (_, i) => i));
    assert.deepEqual(reasons, []);
    for (const count of [sent, received]) {
      assert.ok(count.polling >= atLeast && count.websocket >= atLeast, JSON.stringify({ sent, received }));
    }
    assert.equal(sent.polling + sent.websocket, tocks);
    assert.equal(received.polling + received.websocket, result.ticks);
    t.diagnostic(`sent ${JSON.stringify(sent)}, received ${JSON.stringify(received)}`);
  },

  "an upgrade that cannot be finished leaves polling as it was": async ({ clients, server, t }) => {
    const gate = await Gate.open(server.port, t);
    const socket = await clients.connect("/", { url: gate.url });
    await ack(socket, "echo-ack", 1);
    gate.refuse();
    gate.release();
    const [error] = await event(socket.io.engine, "upgradeError");
    assert.ok(error instanceof Error);
    for (let i = 0; i < 50; i++) socket.emit("count", i);
    assert.deepEqual(await ack(socket, "counted"), [{ count: 50, ordered: true }]);
    assert.equal(socket.io.engine.transport.name, "polling");
  },
};

// watch counts the events that each transport carries: what it is given to
// send, and what the engine takes from it.
function watch(socket, sent, received) {
  const carriesFor = (transport) => {
    const send = transport.send;
    transport.send = function (packets) {
      for (const { data } of packets) if (isEvent(data, "tock")) sent[transport.name]++;
      return send.call(transport, packets);
    };
  };
  socket.io.once("open", () => {
    const { engine } = socket.io;
    carriesFor(engine.transport);
    engine.on("upgrade", carriesFor);
    engine.on("packet", ({ data }) => {
      if (isEvent(data, "tick")) received[engine.transport.name]++;
    });
  });
}

function isEvent(data, name) {
  return typeof data === "string" && data.startsWith(`2/stream,["${name}"`);
}
