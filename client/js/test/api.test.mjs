// The bundles' outside: what each of the three gives to the page that loads it.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import vm from "node:vm";

const dist = new URL("../../../core/internal/browser/dist/", import.meta.url);
const members = {
  Manager: "connect emit engine hasListeners listeners off on once open opts reconnection reconnectionAttempts reconnectionDelay reconnectionDelayMax randomizationFactor socket timeout",
  Socket: "active addEventListener auth close compress connect connected disconnect disconnected emit emitWithAck hasListeners io listeners listenersAny listenersAnyOutgoing nsp off offAny offAnyOutgoing on onAny onAnyOutgoing once open prependAny prependAnyOutgoing receiveBuffer recovered removeAllListeners removeEventListener removeListener send sendBuffer timeout volatile",
};

function check(io) {
  assert.equal(typeof io, "function");
  assert.deepEqual(Object.keys(io).sort(), ["Manager", "Socket", "connect", "io", "protocol"]);
  assert.equal(io.io, io);
  assert.equal(io.connect, io);
  assert.equal(io.protocol, 5);
  const socket = io("http://localhost:41999", { autoConnect: false, forceNew: true });
  assert.ok(socket instanceof io.Socket && socket.io instanceof io.Manager);
  for (const name of members.Socket.split(" ")) assert.ok(name in socket, "Socket." + name);
  for (const name of members.Manager.split(" ")) {
    if (name !== "engine") assert.ok(name in socket.io, "Manager." + name); // engine: from the first open()
  }
}

const page = (more) => ({ URL, queueMicrotask, setTimeout, clearTimeout, ...more });

for (const name of ["socket.io.js", "socket.io.min.js"]) {
  test(name, async () => {
    const code = await readFile(new URL(name, dist), "utf8");
    const global = page();
    vm.runInNewContext(code, global);
    check(global.io);

    const commonjs = page({ module: { exports: {} } });
    vm.runInNewContext(code, commonjs);
    check(commonjs.module.exports);

    let made;
    const define = Object.assign((make) => (made = make()), { amd: {} });
    vm.runInNewContext(code, page({ define }));
    check(made);
  });
}

test("socket.io.esm.min.js", async () => {
  const module = await import(new URL("socket.io.esm.min.js", dist));
  assert.deepEqual(Object.keys(module).sort(), ["Manager", "Socket", "connect", "default", "io", "protocol"]);
  check(module.io);
  assert.equal(module.default, module.io);
});
