// What options and addresses come to, as a server sees them.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { io, Manager } from "../../../core/internal/browser/dist/socket.io.esm.min.js";

let base;
const server = createServer((req, res) => {
  server.emit("asked", new URL(req.url, "http://server").searchParams);
  res.writeHead(400).end();
});

before(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  base = "http://127.0.0.1:" + server.address().port;
});
after(() => server.close());

const quiet = { forceNew: true, reconnection: false };

const queries = [
  ["token=a=b", { token: "a=b" }],
  ["token=YWJj==&x=1", { token: "YWJj==", x: "1" }],
  ["a=%20%26&b=1+1", { a: " &", b: "1+1" }],
  ["bad=%zz&half=%", { bad: "%zz", half: "%" }],
  ["flag&=nobody&empty=", { flag: "", empty: "" }],
  ["path=/a?b:c@d", { path: "/a?b:c@d" }],
];
const ways = {
  "in the address of io": (query) => io(base + "/?" + query, quiet).io,
  "in the address of a manager": (query) => new Manager(base + "?" + query, quiet),
  "as an option": (query) => io(base, { ...quiet, query }).io,
};
for (const [query, want] of queries) {
  for (const [way, connect] of Object.entries(ways)) {
    test(`query ${query} ${way}`, async () => {
      const asked = once(server, "asked");
      const manager = connect(query);
      const [params] = await asked;
      manager._close();
      for (const name of ["EIO", "transport", "t"]) params.delete(name);
      assert.deepEqual(Object.fromEntries(params), want);
    });
  }
}

test("rememberUpgrade with tryAllTransports: polling is tried when the WebSocket does not work any more", async () => {
  let works = true;
  class FakeWebSocket {
    constructor() {
      queueMicrotask(() => {
        if (!works) return this.onerror(new Error("refused"));
        this.onopen();
        this.onmessage({ data: '0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000}' });
      });
    }
    send() {}
    close() {}
  }
  const was = globalThis.WebSocket;
  globalThis.WebSocket = FakeWebSocket;
  try {
    const opened = new Manager(base, { transports: ["websocket"], reconnection: false });
    await new Promise((resolve) => opened.on("open", resolve));
    opened._close();
    works = false;
    const asked = once(server, "asked");
    const manager = new Manager(base, { reconnection: false, rememberUpgrade: true, tryAllTransports: true });
    const failed = new Promise((resolve) => manager.on("error", resolve));
    const [params] = await asked;
    assert.equal(params.get("transport"), "polling");
    await failed; // and then there is nothing left to try
  } finally {
    globalThis.WebSocket = was;
  }
});
