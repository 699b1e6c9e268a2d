// The ten minutes of README.md as a reader has them, with each framework of
// docs/frameworks.md: the commands are run and the files saved as the pages have them;
// then the page is used in a browser, and the official client connects beside it.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { freePort } from "../lib/port.mjs";
import { launch } from "./people.mjs";
import { newFolder } from "./servers.mjs";

const { io } = createRequire(new URL("../client/", import.meta.url))("socket.io-client");
const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (file) => readFileSync(path.join(root, file), "utf8");
const section = read("README.md").split(/^## /m).find((text) => text.startsWith("A protected namespace in ten minutes"));
const blocks = [...section.matchAll(/^(?:<!-- file: (\S+) -->\n)?```(\w+)\n([^]*?)^```$/gm)];
const files = new Map(blocks.filter(([, file]) => file).map(([, file, , text]) => [file, text]));
const commands = blocks.filter(([, , language]) => language === "sh").map(([, , , text]) => text);
const programs = new Map([["gin", files.get("main.go")]]);
for (const [, name, text] of read("docs/frameworks.md").matchAll(/^<!-- instead of main\.go: (\S+) -->\n```go\n([^]*?)^```$/gm)) programs.set(name, text);
const limit = { timeout: 180_000 }; // the first one builds the dependencies
const running = new Set();
let browser;

before(async () => {
  browser = await launch();
});
after(async () => {
  await browser?.close();
  for (const child of running) child.kill("SIGKILL");
});

// What is not published yet is this folder; all else is as the reader types it. Without
// cgo the dependencies are built once for all programs that conformance/browser builds.
const here = ["", "/integrations/fiberv3"].map((dir) => `-replace github.com/gosio/gosio${dir}=${root}${dir.slice(1)}`).join(" ");
const get = `go mod edit ${here} && go get github.com/gosio/gosio@v0.0.0-00010101000000-000000000000`;
function shell(cwd, text) {
  const env = { ...process.env, CGO_ENABLED: "0", GOWORK: "off", GOFLAGS: "" };
  execFileSync("bash", ["-e", "-c", text], { cwd, env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** The first thing that happens to a socket of the official client. */
async function outcome(url, token) {
  const socket = io(`${url}/account`, { forceNew: true, reconnection: false, auth: { token } });
  try {
    return await new Promise((resolve) => {
      socket.on("connect", () => resolve("connected"));
      socket.on("connect_error", (error) => resolve(error.data?.code ?? error.message));
    });
  } finally {
    socket.disconnect();
  }
}

async function use(url) {
  const context = await browser.newContext();
  const page = await context.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.goto(url);
  const log = page.locator("#log");
  await log.filter({ hasText: "refused: authentication required token_missing" }).waitFor();
  await page.getByRole("button", { name: "Log in" }).click();
  await log.filter({ hasText: "connected as" }).waitFor();
  await page.getByLabel("Message").fill("hello");
  await page.getByLabel("Message").press("Enter");
  await log.filter({ hasText: "ada: hello" }).waitFor();
  assert.deepEqual(errors, []);
  await context.close();
}

describe("README.md", { concurrency: false }, () => {
  test("the commands and files are there", () => {
    assert.deepEqual([...files.keys()], ["account.go", "main.go", "page.html"]);
    assert.deepEqual([...programs.keys()].sort(), ["chi", "echov4", "echov5", "fiberv2", "fiberv3", "gin", "nethttp"]);
    assert.equal(commands.length, 2);
    assert.match(commands[0], /^go get github\.com\/gosio\/gosio$/m);
    assert.match(commands[1], /\ngo run \.\n$/);
  });

  for (const [name, program] of programs) {
    test(name, limit, async () => {
      const folder = newFolder();
      const account = path.join(folder, "account");
      shell(folder, commands[0].replace(/^go get .*$/m, get));
      const port = await freePort();
      for (const [file, text] of files) writeFileSync(path.join(account, file), text);
      writeFileSync(path.join(account, "main.go"), program.replace('":3000"', `"127.0.0.1:${port}"`));
      shell(account, commands[1].replace("go run .", "go build -o app ."));

      const child = spawn("./app", [], { cwd: account, stdio: ["ignore", "pipe", "pipe"] });
      running.add(child);
      let output = "";
      for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
      const url = `http://127.0.0.1:${port}`;
      for (const end = Date.now() + 30_000; !(await fetch(url).then((response) => response.ok, () => false)); ) {
        if (child.exitCode !== null || Date.now() > end) throw new Error(`the program does not start:\n${output}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      await use(url);
      const token = await (await fetch(`${url}/login`, { method: "POST", body: new URLSearchParams({ name: "grace" }) })).text();
      assert.deepEqual(await Promise.all([outcome(url, token), outcome(url), outcome(url, `${token.slice(0, -6)}AAAAAA`)]), ["connected", "token_missing", "token_invalid"]);
      child.kill("SIGKILL");
      running.delete(child);
    });
  }
});
