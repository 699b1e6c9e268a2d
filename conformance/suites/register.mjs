// Turns a tree of named cases into suites and tests against one server.
import { after, before, describe, it } from "node:test";
import { Server } from "../lib/server.mjs";
import { Wire } from "../lib/wire.mjs";

// register runs cases against the suite's server: SUITE_SERVERS is "node" for
// the reference, or else ours.
export function register(suite, path, expected, parts) {
  describe(`${suite} protocol`, () => {
    const name = (process.env.SUITE_SERVERS === "node" ? "node-" : "") + `suite-${suite.split(".")[0].toLowerCase()}`;
    let server;
    before(async () => (server = await Server.start(name)));
    after(() => server.kill());

    let count = 0;
    const add = (cases) => {
      for (const [title, body] of Object.entries(cases)) {
        if (typeof body === "function") {
          count++;
          it(title, { timeout: 30_000 }, () => body(new Wire(server, path)));
        } else {
          describe(title, () => add(body));
        }
      }
    };
    add(parts);
    if (count !== expected) throw new Error(`the official suite has ${expected} cases, this one ${count}`);
  });
}
