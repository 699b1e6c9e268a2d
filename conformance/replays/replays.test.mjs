// Replays: no client runs here. Each function does what the named version's
// source does to connect, byte by byte where that matters; the conversation
// after that is one for all.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Line, Polling, Socket, alone, server } from "./line.mjs";

const path = "/socket.io/";
const encode = (bytes) => `b${bytes.toString("base64")}`;

// opened is the first answer to a client: its session, from a JSON text behind a 0.
function opened({ status, body }) {
  assert.equal(status, 200, body);
  assert.equal(body[0], "0");
  return JSON.parse(body.slice(1));
}

// joined takes the answer to a CONNECT of the main namespace.
async function joined(line) {
  const packet = await line.next();
  assert.match(packet, /^40\{"sid":"[^"]+"\}$/);
  return line;
}

const clients = {
  // src/Engine/SocketIO/Version1X.php: the handshake and the namespace by
  // polling, then a WebSocket on which 5 is the first message, without a probe.
  async "PHP, ElephantIO 5.1, upgrade"() {
    const { target, headers, polling } = await elephant();
    await polling.send("40");
    await joined(polling);
    const socket = await Socket.open(target("websocket"), { headers });
    socket.send("5");
    return socket;
  },

  async "PHP, ElephantIO 5.1, polling"() {
    const { polling } = await elephant();
    await polling.send("40");
    return joined(polling);
  },

  async "PHP, ElephantIO 5.1, WebSocket"() {
    const socket = await Socket.open(`${path}?EIO=4&transport=websocket&t=PdaZlYQ`);
    assert.equal((await socket.next())[0], "0");
    socket.send("40");
    return joined(socket);
  },

  // src/SocketIOClient: 40 is POSTed before the upgrade, whose first message is
  // 5; no poll is ever sent, so the answer to 40 comes by the WebSocket.
  async ".NET, SocketIOClient 4.0, upgrade"() {
    const target = `${path}?EIO=4&transport=polling`;
    const { sid, upgrades } = opened(await alone("GET", target, {}));
    assert.deepEqual(upgrades, ["websocket"]);
    await new Polling(`${target}&sid=${sid}`, {}, encode).send("40");
    const socket = await Socket.open(`${path}?EIO=4&transport=websocket&sid=${sid}`);
    socket.send("5");
    return joined(socket);
  },

  // Binary goes in a POST of its own, behind the one of its event.
  async ".NET, SocketIOClient 4.0, polling"() {
    const target = `${path}?EIO=4&transport=polling`;
    const { sid } = opened(await alone("GET", target, {}));
    const polling = new Polling(`${target}&sid=${sid}`, {}, encode);
    await polling.send("40");
    const { send } = polling;
    polling.send = async (...packets) => {
      await send.call(polling, packets[0]);
      if (packets.length > 1) await send.call(polling, ...packets.slice(1));
    };
    return joined(polling);
  },

  // Source/SocketIO/Engine: asks for base64 on polling, and wants binary as such
  // on the WebSocket. A poll waits while it probes, and must end before the 5.
  async "Swift, 16.1, upgrade"() {
    const { sid, polling } = await swift();
    await polling.send("40");
    await joined(polling);
    const socket = await Socket.open(`${path}?transport=websocket&EIO=4&sid=${sid}`);
    const waiting = polling.next();
    socket.send("2probe");
    assert.equal(await socket.next(), "3probe");
    assert.equal(await waiting, "6");
    socket.send("5");
    return socket;
  },

  async "Swift, 16.1, polling"() {
    const { polling } = await swift();
    await polling.send("40");
    return joined(polling);
  },

  // src/SocketIOclient.cpp: one TCP connection for the handshake by polling and
  // the WebSocket, Origin: file://, the subprotocol arduino, and 2probe and 5 in one go.
  async "ESP32 and ESP8266, arduinoWebSockets 2.7"() {
    const headers = { Origin: "file://", "User-Agent": "arduino-WebSocket-Client" };
    const line = await Line.open();
    const target = `${path}?EIO=4`;
    const { sid } = opened(await line.request("GET", `${target}&transport=polling`, { Connection: "keep-alive", ...headers }));
    line.socket.removeAllListeners();
    const socket = await Socket.open(`${target}&transport=websocket&sid=${sid}`, {
      headers, protocols: ["arduino"], createConnection: () => line.socket,
    });
    assert.equal(socket.ws.protocol, "arduino");
    socket.send("2probe");
    socket.send("5");
    assert.equal(await socket.next(), "3probe");
    socket.send("40/"); // as its example does
    return joined(socket);
  },

  // src/internal/sio_client_impl.cpp: WebSocket is its only way, t is a time in
  // seconds, and 40 has nothing behind it without auth; no comma ends the name of
  // a namespace that has nothing behind it.
  async "C++, socket.io-client-cpp 3.1, WebSocket"() {
    const socket = await Socket.open(`${path}?EIO=4&transport=websocket&t=1780000000`, {
      headers: { "User-Agent": "WebSocket++/0.8.2" },
    });
    socket.comma = "";
    assert.equal((await socket.next())[0], "0");
    socket.send("40");
    return joined(socket);
  },

  // lib/src/socket.dart: CONNECT has an object even without auth.
  async "Dart, socket_io_client 3.1, WebSocket"() {
    const socket = await Socket.open(`${path}?EIO=4&transport=websocket`);
    assert.equal((await socket.next())[0], "0");
    socket.send("40{}");
    return joined(socket);
  },

  // Bytes leave in lines of 76 characters on polling.
  async "Android, Java 2.1 with base64 in lines, polling"() {
    const target = `${path}?EIO=4&transport=polling&t=PdaZlYQ`;
    const { sid } = opened(await alone("GET", target, {}));
    const lines = (bytes) => `b${bytes.toString("base64").replace(/.{76}/g, "$&\n")}\n`;
    const polling = new Polling(`${target}&sid=${sid}`, {}, lines);
    await polling.send("40");
    return joined(polling);
  },
};

async function elephant() {
  const headers = { Accept: "*/*", Origin: server.origin, Referer: server.origin };
  let session = "";
  const target = (transport) => `${path}?EIO=4&transport=${transport}&t=PdaZlYQ${session}`;
  const { sid } = opened(await alone("GET", target("polling"), headers));
  session = `&sid=${sid}`;
  return { target, headers, polling: new Polling(target("polling"), headers, encode) };
}

async function swift() {
  const target = `${path}?transport=polling&b64=1&EIO=4`;
  const { sid } = opened(await alone("GET", target, {}));
  return { sid, polling: new Polling(`${target}&sid=${sid}`, {}, encode) };
}

// Binary events of a socket go one message at a time, those of polling together.
async function emit(line, text, ...attachments) {
  if (line instanceof Polling) return line.send(text, ...attachments);
  for (const message of [text, ...attachments]) line.send(message);
}

// reason is why the server's application has lost a socket.
async function reason(id) {
  const response = await fetch(`${server.origin}/control/reason?id=${id}`);
  return response.text();
}

for (const [name, connect] of Object.entries(clients)) {
  describe(`replay: ${name}`, { concurrency: 2 }, () => {
    const test = (what, run) =>
      it(what, { timeout: 60_000 }, async () => {
        const line = await connect();
        try {
          await run(line);
        } finally {
          line.close();
        }
      });

    test("events, acknowledgements, binary", async (line) => {
      await emit(line, '42["echo","ü€😀",{"a":[1.5,null]}]');
      assert.equal(await line.next(), '42["echo","ü€😀",{"a":[1.5,null]}]');
      await emit(line, '427["echo-ack",1]');
      assert.equal(await line.next(), "437[1]");
      const bytes = [Buffer.from([0, 255, 10]), Buffer.alloc(3000, 7)];
      const args = '{"_placeholder":true,"num":0},{"deep":{"_placeholder":true,"num":1}}]';
      await emit(line, `452-["echo",${args}`, ...bytes);
      assert.equal(await line.next(), `452-["echo",${args}`);
      for (const want of bytes) assert.deepEqual(await line.next(), want);
    });

    test("questions of the server", async (line) => {
      await emit(line, '421["ask","why",10000]');
      const [, id] = /^42(\d+)\["question","why"\]$/.exec(await line.next());
      await emit(line, `43${id}["because"]`);
      assert.equal(await line.next(), '431[{"answer":"because"}]');
    });

    test("namespaces, refusals, kicks", async (line) => {
      const { comma = "," } = line;
      await emit(line, `40/chat${comma}`);
      assert.match(await line.next(), /^40\/chat,\{"sid":"[^"]+"\}$/);
      await emit(line, "40/admin,{}");
      assert.equal(await line.next(), '44/admin,{"message":"not authorized","data":{"code":"E_AUTH","need":["token"]}}');
      await emit(line, '40/admin,{"token":"secret"}');
      assert.match(await line.next(), /^40\/admin,\{"sid":"[^"]+"\}$/);
      await emit(line, '42/admin,8["whoami"]');
      const [{ id }] = JSON.parse((await line.next()).slice("43/admin,8".length));
      await emit(line, `41/admin${comma}`);
      assert.equal(await reason(id), "client namespace disconnect");
      await emit(line, '42/chat,["kick",false]');
      assert.equal(await line.next(), "41/chat,");
      await emit(line, '42["echo",1]');
      assert.equal(await line.next(), '42["echo",1]');
    });

    test("heartbeats", async (line) => {
      await emit(line, '425["slow",2500]');
      assert.equal(await line.next(), '435["done"]');
    });

    test("leaving", async (line) => {
      await emit(line, '423["whoami"]');
      const [{ id }] = JSON.parse((await line.next()).slice(3));
      await emit(line, "41");
      assert.equal(await reason(id), "client namespace disconnect");
    });
  });
}
