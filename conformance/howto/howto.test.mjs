import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { download, upload } from "../../examples/howto/clients/files.mjs";
import { follow } from "../../examples/howto/clients/jobs.mjs";
import { say } from "../../examples/howto/clients/limits.mjs";
import { watchNotices } from "../../examples/howto/clients/notices.mjs";
import { watchOnline } from "../../examples/howto/clients/online.mjs";
import { conversation } from "../../examples/howto/clients/private.mjs";
import { typingSender, watchTyping } from "../../examples/howto/clients/typing.mjs";
import { launch } from "../browser/people.mjs";
import { App, build } from "../browser/servers.mjs";

const clients = fileURLToPath(new URL("../../examples/howto/clients/", import.meta.url));
const from = createRequire(path.join(clients, "package.json"));
const { io } = from("socket.io-client");
const limit = { timeout: 60_000 };
const app = new App("howto");
const open = [];

before(async () => {
  build("howto");
  await app.start();
});
after(async () => {
  open.forEach((socket) => socket.disconnect());
  assert.equal((await app.stop()).code, 0, app.log);
});

/**
 * Connects as somebody, by WebSocket: while a POST is under way the client drops volatile
 * events. prepare gets the socket before it connects.
 */
async function connect(namespace, name, prepare = () => {}) {
  const socket = io(app.url + namespace, { auth: { name }, autoConnect: false, forceNew: true, transports: ["websocket"] });
  open.push(socket);
  const result = prepare(socket);
  socket.connect();
  await new Promise((resolve, reject) => socket.once("connect", resolve).once("connect_error", reject));
  return [socket, result];
}

/** What show is called with, to wait for. */
function shown() {
  let wake = () => {};
  const seen = [];
  return {
    show: (value) => (seen.push(structuredClone(value)), wake()),
    async until(fits) {
      while (!seen.some(fits)) await new Promise((resolve) => (wake = resolve));
      return seen.find(fits);
    },
    seen,
  };
}

const same = (want) => (got) => JSON.stringify(got) === JSON.stringify(want);

describe("modules, in Node", { concurrency: false }, () => {
  test("who is online", limit, async () => {
    const list = shown();
    await connect("/online", "ada", (socket) => watchOnline(socket, list.show));
    await list.until(same(["ada"]));
    const [bob] = await connect("/online", "bob");
    await list.until(same(["ada", "bob"]));
    const before = list.seen.length;
    bob.disconnect();
    await list.until((got) => list.seen.length > before && same(["ada"])(got));
  });

  test("typing", limit, async () => {
    const list = shown();
    const [ada] = await connect("/typing", "ada", (socket) => watchTyping(socket, "tea", list.show));
    const [bob] = await connect("/typing", "bob");
    await ada.emitWithAck("join", "tea");
    await bob.emitWithAck("join", "tea");
    const [typing, stopped] = typingSender(bob, "tea");
    typing();
    typing(); // too soon
    await list.until(same(["bob"]));
    stopped();
    await list.until(same([]));
    assert.equal(list.seen.length, 2);
  });

  test("notices on two devices", limit, async () => {
    const laptop = shown(), phone = shown(), gone = shown();
    await connect("/notices", "ada", (socket) => watchNotices(socket, laptop.show, gone.show));
    const [, read] = await connect("/notices", "ada", (socket) => watchNotices(socket, phone.show, () => {}));
    const response = await fetch(app.url + "/notices", { method: "POST", body: JSON.stringify({ id: "1", user: "ada", text: "tea" }) });
    assert.deepEqual(await response.json(), { devices: 2 });
    await phone.until((notice) => notice.text === "tea");
    read("1");
    await gone.until(same("1"));
  });

  test("a limit", limit, async () => {
    const [ada] = await connect("/limits", "ada");
    const waits = [];
    while (waits.length === 0) await say(ada, "hello", (ms) => (waits.push(ms), new Promise((done) => setTimeout(done, ms))));
    assert.ok(waits.length >= 1 && waits[0] > 0 && waits[0] <= 1000, String(waits));
  });

  test("a file there and back", limit, async () => {
    const [ada] = await connect("/files", "ada");
    const bytes = new Uint8Array(300_000).map((_, i) => i % 251);
    const up = [], down = [];
    await upload(ada, "bytes", new Blob([bytes]), (share) => up.push(share));
    const blob = await download(ada, "bytes", (share) => down.push(share));
    assert.deepEqual(new Uint8Array(await blob.arrayBuffer()), bytes);
    for (const shares of [up, down]) {
      assert.equal(shares.at(-1), 1);
      assert.deepEqual(shares, shares.toSorted((a, b) => a - b));
    }
    await assert.rejects(upload(ada, "../bytes", new Blob(["x"])), /another name/);
    await assert.rejects(download(ada, "nothing"), /no such file/);
  });

  test("private messages", limit, async () => {
    const ada = shown(), bob = shown();
    const [, toBob] = await connect("/private", "ada", (socket) => conversation(socket, "ada", "bob", ada.show));
    await toBob("hello"); // before he is there
    const [, toAda] = await connect("/private", "bob", (socket) => conversation(socket, "bob", "ada", bob.show));
    await bob.until((mail) => mail.text === "hello");
    await toAda("good morning");
    await ada.until((mail) => mail.text === "good morning");
    assert.equal(ada.seen.length, 2);
    await assert.rejects(toBob(""), /to whom/);
  });

  test("a job", limit, async () => {
    const [ada] = await connect("/jobs", "ada");
    const start = async () => (await (await fetch(app.url + "/jobs", { method: "POST", body: new URLSearchParams({ user: "ada" }) })).json()).id;
    const bar = shown();
    assert.equal((await follow(ada, await start(), bar.show)).done, 100);
    assert.deepEqual(bar.seen, bar.seen.toSorted((a, b) => a - b));
    await assert.rejects(follow(ada, "nothing"), /not a job of yours/);
  });

  test("a load test", limit, async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [path.join(clients, "load.mjs"), app.url, "20", "3"]);
    assert.match(stdout, /open: 20,\s+refused: 0,\s+broken: 0/);
  });
});

test("the Python script", limit, async () => {
  const script = spawn(process.env.PYTHON ?? "python3", ["-u", path.join(clients, "notify.py"), app.url, "grace"]);
  try {
    let out = "";
    script.stdout.setEncoding("utf8").on("data", (text) => (out += text));
    script.stderr.setEncoding("utf8").on("data", (text) => (out += text));
    const says = async (text) => {
      while (!out.includes(text)) {
        assert.equal(script.exitCode, null, out);
        await Promise.race([once(script.stdout, "data"), once(script, "exit")]);
      }
    };
    await says("connected");
    const response = await fetch(app.url + "/notices", { method: "POST", body: JSON.stringify({ id: "7", user: "grace", text: "tea" }) });
    assert.deepEqual(await response.json(), { devices: 1 });
    await says("7: tea");
  } finally {
    script.kill("SIGKILL");
  }
});

describe("pages, in Chromium", { concurrency: false }, () => {
  let browser;
  before(async () => {
    browser = await launch();
  });
  after(() => browser?.close());

  for (const name of ["react", "vue"]) {
    test(name, limit, async () => {
      process.env.SERVER = app.url;
      const { createServer } = await import(pathToFileURL(from.resolve("vite")).href);
      const root = path.join(clients, name);
      const vite = await createServer({ root, configFile: path.join(root, "vite.config.mjs"), logLevel: "error", server: { host: "127.0.0.1", port: 0 } });
      await vite.listen();
      const url = `http://127.0.0.1:${vite.httpServer.address().port}`;
      try {
        const pages = [];
        for (const person of ["Ada", "Grace"]) {
          const context = await browser.newContext();
          const page = await context.newPage();
          await page.addInitScript((name) => sessionStorage.setItem("name", name), person);
          await page.goto(url);
          await page.getByRole("status").filter({ hasText: "connected" }).waitFor();
          pages.push(page);
        }
        const [ada, grace] = pages;
        await ada.getByLabel("Message").fill("hello");
        await ada.getByRole("button", { name: "Say" }).click();
        await grace.locator("li").filter({ hasText: "Ada: hello" }).waitFor();
        assert.equal(await grace.locator("li").count(), 1); // once, also in StrictMode
        await ada.waitForFunction(() => document.querySelector("input").value === ""); // when it is acknowledged
      } finally {
        await vite.close();
      }
    });
  }
});
