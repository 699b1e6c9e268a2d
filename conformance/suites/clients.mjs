// Writes the package.json that the suites of the official clients need: their
// dependencies, and of the workspace's tools those that they use.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const packages = process.argv[2];
const read = (...path) => JSON.parse(readFileSync(join(packages, ...path, "package.json"), "utf8"));

const tools = read("..").devDependencies;
const wanted = ["@sinonjs/fake-timers", "@types/debug", "@types/expect.js", "@types/mocha", "@types/node"]
  .concat(["@types/sinonjs__fake-timers", "base64-arraybuffer", "blob", "expect.js", "has-cors", "mocha"])
  .concat(["socket.io-msgpack-parser", "text-blob-builder", "tsx", "typescript"]);
const dependencies = Object.fromEntries(wanted.filter((name) => tools[name]).map((name) => [name, tools[name]]));
for (const name of ["engine.io-client", "socket.io-client"]) Object.assign(dependencies, read(name).dependencies);
delete dependencies["engine.io-client"]; // the copy itself

writeFileSync(join(packages, "package.json"), JSON.stringify({ private: true, dependencies }));
