// The steps of docs/tutorial.md as a reader takes them: each file of the page is saved in
// one folder, step after step, and the program is built and run, in real browser windows.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { freePort } from "../lib/port.mjs";
import { launch } from "./people.mjs";
import { newFolder } from "./servers.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const page = readFileSync(path.join(root, "docs/tutorial.md"), "utf8");
const steps = page.split(/^## (?=\d+\. )/m).slice(1).map((text) => text.split(/^## /m)[0]);
const others = [...page.matchAll(/^<!-- instead of main\.go: (\S+) -->\n```go\n([^]*?)^```$/gm)];
const limit = { timeout: 180_000 }; // the first step builds the dependencies
const running = new Set();
const folder = newFolder(); // the reader's
let browser;

before(async () => {
  browser = await launch();
  const mod = readFileSync(path.join(root, "go.mod"), "utf8").replace(/^module .*/, "module chat");
  writeFileSync(path.join(folder, "go.mod"), `${mod}\nrequire github.com/gosio/gosio v0.0.0\n\nreplace github.com/gosio/gosio => ${root}\n`);
  cpSync(path.join(root, "go.sum"), path.join(folder, "go.sum"));
});
after(async () => {
  await browser?.close();
  for (const child of running) child.kill("SIGKILL");
});

/** Saves the files of a step; step counts from 1. */
function save(step) {
  for (const [, file, text] of steps[step - 1].matchAll(/^<!-- file: (\S+) -->\n```\w+\n([^]*?)^```$/gm)) {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    writeFileSync(path.join(folder, file), text);
  }
}

// Without cgo, as the Dockerfile builds: one build of the dependencies is enough for all steps.
const go = (...args) => execFileSync("go", args, { cwd: folder, encoding: "utf8", env: { ...process.env, CGO_ENABLED: "0", GOFLAGS: "-mod=mod", GOWORK: "off" } });

/** Starts a program, and returns its address and how to end it. */
async function run(program, env = {}) {
  const port = await freePort();
  const child = spawn(program, [], { cwd: newFolder(), env: { ...process.env, GIN_MODE: "release", ...env, PORT: String(port) }, stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  let log = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (log += text));
  const ended = new Promise((resolve) => child.on("exit", (code, signal) => resolve({ code, signal })));
  const url = `http://127.0.0.1:${port}`;
  for (const end = Date.now() + 30_000; !(await fetch(url).then((response) => response.ok, () => false)); ) {
    if (child.exitCode !== null || Date.now() > end) throw new Error(`the program does not start:\n${log}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    url,
    async stop(signal = "SIGKILL") {
      child.kill(signal);
      running.delete(child);
      return ended;
    },
  };
}

/** A window of a reader, signed in if there is a name. */
class Window {
  static async open(url, name) {
    const w = new Window();
    w.context = await browser.newContext();
    w.context.setDefaultTimeout(30_000);
    w.page = await w.context.newPage();
    w.errors = [];
    w.page.on("pageerror", (error) => w.errors.push(String(error)));
    await w.page.goto(url);
    if (name) await w.signIn(name, { ada: "countess", grace: "compiler" }[name]);
    return w;
  }
  async signIn(name, password) {
    await this.page.getByLabel("Name").fill(name);
    await this.page.getByLabel("Password").fill(password);
    await this.page.getByRole("button", { name: "Sign in" }).click();
  }
  status = (text) => this.page.getByRole("status").filter({ hasText: text }).waitFor();
  line = (text) => this.page.locator("#lines li").filter({ hasText: text }).first().waitFor();
  lines = () => this.page.locator("#lines li").allTextContents();
  async say(text) {
    await this.page.getByLabel("Message").fill(text);
    await this.page.getByRole("button", { name: "Send" }).click();
  }
  room = (name) => this.page.getByLabel("Room").selectOption(name);
  async close() {
    await this.context.close();
    assert.deepEqual(this.errors, []);
  }
}

/** Builds the folder as it is, and calls f with two windows in one chat. */
async function inChat(f, names = []) {
  const program = path.join(newFolder(), "chat");
  go("build", "-o", program, ".");
  const server = await run(program);
  const ada = await Window.open(server.url, names[0]);
  await ada.status("Connected");
  const grace = await Window.open(server.url, names[1]);
  await grace.status("Connected");
  await f(ada, grace, server, program);
  await ada.close();
  await grace.close();
  await server.stop();
}

describe("docs/tutorial.md", { concurrency: false }, () => {
  test("1. a server and a page", limit, async () => {
    save(1);
    await inChat(async (ada, grace) => {
      await ada.say("Hello <b>Grace</b>");
      await grace.line(/: Hello <b>Grace<\/b>$/);
      await ada.line("Hello <b>Grace</b>");
    });
  });

  test("2. rooms", limit, async () => {
    save(2);
    await inChat(async (ada, grace) => {
      await ada.line("came in");
      await grace.room("coffee");
      await ada.say("in the lobby");
      await ada.line("in the lobby");
      await ada.room("coffee");
      await grace.line("came in");
      await ada.say("two sugars");
      await grace.line("two sugars");
      assert.equal((await grace.lines()).length, 2);
    });
  });

  test("3. acknowledgements and errors", limit, async () => {
    save(3);
    await inChat(async (ada, grace) => {
      await ada.line("came in");
      await ada.say("Did you get that?");
      await ada.line("you: Did you get that? ✓");
      await grace.line("Did you get that?");
      await ada.say(" ");
      await ada.line("not sent: a text of 1 to 1000 bytes, please");
    });
  });

  test("4. sign-in", limit, async () => {
    save(4);
    await inChat(async (ada, grace, server) => {
      await ada.line("grace came in");
      await ada.page.evaluate(() => socket.emit("whisper", "grace", "psst"));
      await grace.line("ada whispers: psst");
      const stranger = await Window.open(server.url);
      await stranger.signIn("ada", "guess");
      await stranger.status("wrong name or password");
      await stranger.page.evaluate(() => { token = "made up"; socket.connect(); });
      await stranger.status("token"); // the server's refusal
      await stranger.page.getByRole("button", { name: "Sign in" }).waitFor();
      await stranger.close();
    }, ["ada", "grace"]);
  });

  test("5. a connection that is lost", limit, async () => {
    save(5);
    await inChat(async (ada, grace) => {
      await ada.line("grace came in");
      await ada.say("one");
      await grace.line("ada: one");
      await grace.page.evaluate(() => socket.io.engine.close());
      await ada.say("two");
      await grace.status("Connected again, nothing is missing");
      await grace.line("ada: two");
      await ada.say("three");
      await grace.line("ada: three");
      assert.deepEqual(await grace.lines(), ["ada: one", "ada: two", "ada: three"]);
    }, ["ada", "grace"]);
  });

  test("6. tests", limit, () => {
    save(6);
    go("test", "./...");
  });

  test("7. two servers", limit, async () => {
    save(7);
    const program = path.join(newFolder(), "chat");
    go("build", "-o", program, ".");
    const port = await freePort();
    const redis = spawn("redis-server", ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"], { cwd: newFolder(), stdio: "ignore" });
    running.add(redis);
    const env = { REDIS_URL: `redis://127.0.0.1:${port}`, JWT_SECRET: "a-secret-of-32-bytes-or-more-than-that" };
    const first = await run(program, env), second = await run(program, env);
    const ada = await Window.open(first.url, "ada");
    await ada.status("Connected");
    const grace = await Window.open(second.url, "grace");
    await ada.line("grace came in");
    await grace.say("from the other server");
    await ada.line("grace: from the other server");
    await ada.say("and back");
    await grace.line("ada: and back");
    await ada.close();
    await grace.close();
    for (const child of [first, second]) await child.stop();
    redis.kill();
    running.delete(redis);
  });

  test("8. deploy", limit, async () => {
    save(8);
    const [, build] = readFileSync(path.join(folder, "Dockerfile"), "utf8").match(/^RUN CGO_ENABLED=0 go (.*) -o \/chat \.$/m);
    const program = path.join(newFolder(), "chat");
    go(...build.split(" "), "-o", program, ".");
    const server = await run(program);
    for (const route of ["healthz", "readyz"]) assert.equal((await fetch(`${server.url}/${route}`)).status, 200);
    const ada = await Window.open(server.url, "ada");
    await ada.status("Connected");
    assert.deepEqual(await server.stop("SIGTERM"), { code: 0, signal: null });
    await ada.status(/trying again|error/);
    await ada.close();
  });

  for (const [, framework, main] of others) {
    test(`the same in ${framework}`, limit, async () => {
      writeFileSync(path.join(folder, "main.go"), main);
      await inChat(async (ada, grace) => {
        await ada.line("grace came in");
        await ada.say("Hello");
        await grace.line("ada: Hello");
      }, ["ada", "grace"]);
    });
  }
  test("is whole", () => {
    assert.equal(steps.length, 8);
    assert.equal(others.length, 3);
  });
});
