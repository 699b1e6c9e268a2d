// make e2e: builds the Go servers, and runs the protocol suites and the client
// matrix against them. The newest client goes to every mount, the older ones to
// net/http. Two jobs run at a time. What a job printed is shown when it ends.
//
// TARGETS narrows it: "suites,nethttp,gin,…"; "node" is the reference itself.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const jobsAtATime = 2;
const jobMayTake = 15 * 60_000; // on a busy machine
const all = ["suites", "node", "nethttp", "gin", "echo", "echov5", "fiber", "fiberv3", "chi"];
const targets = process.env.TARGETS?.split(",") ?? all;
targets.sort((a, b) => all.indexOf(a) - all.indexOf(b));
const unknown = targets.filter((target) => !all.includes(target));
if (unknown.length > 0) throw new Error(`no target ${unknown}; there are ${all}`);

const work = mkdtempSync(path.join(tmpdir(), "conformance-"));
const running = new Set();
process.on("exit", () => {
  for (const child of running) child.kill("SIGTERM"); // each ends its own servers
  rmSync(work, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => process.exit(1));

build(targets.flatMap((target) => ({ suites: ["suite-engine", "suite-socket"], node: [] })[target] ?? [target]));
const jobs = targets.map(job);
const results = [];
await Promise.all(Array.from({ length: jobsAtATime }, takeJobs));
const sum = (key) => results.reduce((total, result) => total + result[key], 0);
for (const { name, pass, fail, other, seconds } of results) {
  console.log(`${name.padEnd(8)} ${pass} passed, ${fail} failed${other ? `, ${other} not run` : ""} in ${seconds} s`);
}
console.log(`${sum("pass")} passed, ${sum("fail")} failed`);
process.exitCode = results.every((result) => result.ok) ? 0 : 1;

// build compiles the servers, with the race detector where there is a C
// compiler: a data race then ends the server, and so fails the tests.
function build(servers) {
  if (servers.length === 0) return;
  const race = execFileSync("go", ["env", "CGO_ENABLED"], { encoding: "utf8" }).trim() === "1" ? ["-race"] : [];
  console.log(`building ${servers.join(", ")}${race.length ? " with the race detector" : ""}`);
  const compile = (folder, output, ...packages) =>
    execFileSync("go", ["build", ...race, "-o", output, ...packages], { cwd: path.join(here, folder), stdio: "inherit" });
  const nested = { fiberv3: "../integrations/fiberv3/server" }; // in modules of their own
  const packages = servers.filter((name) => !nested[name]).map((name) => `./conformance/servers/${name}`);
  if (packages.length > 0) compile("..", `${work}${path.sep}`, ...packages);
  for (const name of servers.filter((name) => nested[name])) compile(nested[name], path.join(work, name), ".");
}

function job(target) {
  if (target === "suites") return { name: target, files: ["suites/engine.test.mjs", "suites/socket.test.mjs"], env: {} };
  const versions = target === "nethttp" ? {} : { VERSIONS: "4.8" };
  return { name: target, files: ["matrix/matrix.test.mjs"], env: { TARGET: target, ...versions } };
}

async function takeJobs() {
  for (let next = jobs.shift(); next; next = jobs.shift()) results.push(await run(next));
}

function run({ name, files, env }) {
  const start = Date.now();
  const child = spawn(process.execPath, ["--test", "--test-reporter=spec", "--test-concurrency=1", "--test-force-exit", ...files], {
    cwd: here,
    env: { ...process.env, GO_SERVERS: work, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
  const timer = setTimeout(() => child.kill("SIGTERM"), jobMayTake);
  return new Promise((resolve) => {
    child.on("close", (code) => {
      clearTimeout(timer);
      running.delete(child);
      console.log(`\n=== ${name}\n${output}`);
      const number = (key) => Number(output.match(new RegExp(`^ℹ ${key} (\\d+)$`, "m"))?.[1] ?? 0);
      const [pass, fail] = [number("pass"), number("fail")];
      const other = number("cancelled") + number("skipped") + number("todo");
      const ok = code === 0 && pass > 0 && fail + other === 0;
      resolve({ name, pass, fail, other, ok, seconds: Math.round((Date.now() - start) / 1000) });
    });
  });
}
