// Every client version and mode against one server: TARGET names it, VERSIONS
// the clients ("4.8,4.7,…"; all by default).
import { after, before, describe, it } from "node:test";
import { Clients, modes, versions } from "../lib/client.mjs";
import { Server } from "../lib/server.mjs";
import { cases as broadcasts } from "./broadcasts.mjs";
import { cases as disconnects } from "./disconnects.mjs";
import { cases as dynamic } from "./dynamic.mjs";
import { cases as events } from "./events.mjs";
import { cases as http, polling } from "./http.mjs";
import { cases as limits } from "./limits.mjs";
import { cases as namespaces } from "./namespaces.mjs";
import { cases as sockets } from "./sockets.mjs";
import { cases as upgrade } from "./upgrade.mjs";

const everywhere = { ...events, ...broadcasts, ...namespaces, ...sockets, ...dynamic, ...disconnects, ...limits, ...http };
const only = { polling, upgrade }; // by mode

// What older clients cannot do: docs/clients.md says so, too.
const beyond = (version, mode) => [
  ...(["4.1", "3.1"].includes(version) ? ["an acknowledgement that is late is a timeout, and only that"] : []),
  ...(["4.4", "4.1", "3.1"].includes(version) && mode !== "websocket" // before the upgrade, too
    ? ["many messages, each under the limit and together far over it"] : []), // they do not know maxPayload
];

const target = process.env.TARGET ?? "node";
const chosen = (process.env.VERSIONS ?? Object.keys(versions).join()).split(",");

describe(target, () => {
  let server;
  before(async () => (server = await Server.start(target)));
  after(() => server.stop());

  for (const version of chosen) {
    if (!versions[version]) throw new Error(`no client ${version}; there are ${Object.keys(versions)}`);
    for (const mode of Object.keys(modes)) {
      describe(`client ${version}, ${mode}`, { concurrency: 4 }, () => {
        const cannot = beyond(version, mode);
        for (const [name, run] of Object.entries({ ...everywhere, ...only[mode] })) {
          if (cannot.includes(name)) continue;
          it(name, { timeout: 60_000 }, async (t) => {
            const clients = new Clients(server.url, version, mode, t);
            await Promise.race([server.died, run({ clients, server, target, version, mode, t })]);
          });
        }
      });
    }
  }
});
