// Every case of behaviour.mjs for every pairing of client and server, in Node.
import { test } from "node:test";
import { casesFor } from "./behaviour.mjs";
import { build, clients, context, loadClient, servers, startServer } from "./lab.mjs";

build();
for (const serverKind of servers) {
  for (const clientKind of clients) {
    test(`${clientKind} client, ${serverKind} server`, async (t) => {
      const server = await startServer(serverKind);
      t.after(() => server.stop());
      const client = await loadClient(clientKind);
      for (const { name, run } of casesFor(serverKind, clientKind === "ours")) {
        await t.test(name, { timeout: 60_000 }, async () => {
          const ctx = context(client, server.url);
          try {
            await run(ctx);
          } finally {
            ctx.close();
          }
        });
      }
    });
  }
}
