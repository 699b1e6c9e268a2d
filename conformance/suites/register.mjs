// Turns a tree of named cases into suites and tests against one server.
import { after, before, describe, it } from "node:test";
import { Server } from "../lib/server.mjs";
import { Wire } from "../lib/wire.mjs";
import { pingTimeout } from "./engine-cases.mjs";

// register runs cases against the suite's server: SUITE_SERVERS is "node" for
// the reference, or else ours. Each case gets a wire to one whose timeouts bear with a
// busy machine, and of two others, each of which has one timeout of the official suite:
// "pong" of the pong, "connect" of the CONNECT packet.
export function register(suite, path, expected, parts) {
  describe(`${suite} protocol`, () => {
    const name = (process.env.SUITE_SERVERS === "node" ? "node-" : "") + `suite-${suite.split(".")[0].toLowerCase()}`;
    const servers = {};
    before(async () => {
      const [PING_TIMEOUT, CONNECT_TIMEOUT] = [String(pingTimeout), String(pingTimeout)];
      servers.calm = await Server.start(name, undefined, { PING_TIMEOUT, CONNECT_TIMEOUT });
      servers.pong = await Server.start(name, undefined, { CONNECT_TIMEOUT });
      servers.connect = await Server.start(name, undefined, { PING_TIMEOUT });
    });
    after(() => Promise.all(Object.values(servers).map((server) => server.kill())));
    const wires = () => Object.fromEntries(Object.entries(servers).map(([key, server]) => [key, new Wire(server, path)]));

    let count = 0;
    const add = (cases) => {
      for (const [title, body] of Object.entries(cases)) {
        if (typeof body === "function") {
          count++;
          it(title, { timeout: 30_000 }, () => body(wires().calm, wires()));
        } else {
          describe(title, () => add(body));
        }
      }
    };
    add(parts);
    if (count !== expected) throw new Error(`the official suite has ${expected} cases, this one ${count}`);
  });
}
