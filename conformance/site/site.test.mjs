// The site as its readers have it, in a browser without a network: what they look for is
// found, nothing comes from elsewhere, and axe finds nothing. `make site` has built it, for
// a host that serves it from a folder if SITE_BASE names one: nothing is outside of that.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { launch } from "../browser/people.mjs";
import { questions } from "./questions.mjs";

const base = process.env.SITE_BASE ?? "/";
const dist = fileURLToPath(new URL("../../site/dist", import.meta.url));
const axe = readFileSync(createRequire(new URL("../browser/", import.meta.url)).resolve("axe-core/axe.min.js"), "utf8");
const kinds = {
  "the first page": "/",
  "the contents": "/contents.html",
  "the tutorial": "/tutorial.html",
  "a program": "/tour.html",
  "programs of frameworks": "/frameworks.html",
  "a how-to": "/howto/vue.html",
  "a guide with tables": "/emitting.html",
  "a reference": "/options.html",
  "charts": "/benchmarks.html",
  "a page that is not there": "/nowhere.html",
};
const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".png": "image/png", ".svg": "image/svg+xml" };
const limit = { timeout: 120_000 };
let server, browser, origin, site;

before(async () => {
  server = createServer((request, response) => {
    const asked = new URL(request.url, "http://site").pathname;
    const file = asked.startsWith(base) ? `/${asked.slice(base.length)}`.replace(/\/$/, "/index.html") : "/outside";
    const send = (status, name) => {
      const body = readFileSync(path.join(dist, name));
      response.writeHead(status, { "Content-Type": types[path.extname(name)] ?? "application/octet-stream" }).end(body);
    };
    try {
      send(200, path.normalize(file));
    } catch {
      send(404, "404.html");
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${server.address().port}`;
  site = origin + base.replace(/\/$/, "");
  browser = await launch();
});
after(async () => {
  await browser?.close();
  server?.closeAllConnections();
  server?.close();
});

/** A window, and what it has asked for and complained about. */
async function open(options) {
  const context = await browser.newContext({ locale: "en-GB", ...options });
  const page = await context.newPage();
  const elsewhere = [];
  const errors = [];
  page.on("request", (request) => new URL(request.url()).origin !== origin && !/^(data|blob):/.test(request.url()) && elsewhere.push(request.url()));
  page.on("pageerror", (err) => errors.push(String(err)));
  return { page, elsewhere, errors, close: () => context.close() };
}

/** What axe finds on a page. */
async function violations(page) {
  await page.evaluate(axe);
  const { violations, passes } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"], runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] }));
  assert.ok(passes.length > 10, `axe looked at ${passes.length} rules only`);
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(" ")}: ${node.html.slice(0, 120)}`));
}

test("the search has the right page among its first three, for each question", limit, async () => {
  const { page, elsewhere, errors, close } = await open({ viewport: { width: 1280, height: 800 } });
  await page.goto(`${site}/`);
  await page.getByRole("button", { name: "Search" }).first().click();
  const box = page.getByRole("searchbox");
  const results = page.locator("#localsearch-list .result");
  const missed = [];
  assert.equal(questions.length, 20);
  for (const { ask, pages } of questions) {
    await box.fill("");
    await results.first().waitFor({ state: "detached" });
    await box.fill(ask);
    await results.first().waitFor();
    const links = await results.evaluateAll((all, base) => all.map((a) => new URL(a.href).pathname.slice(base.length).replace(/\.html$/, "")), base);
    const first = [...new Set(links)].slice(0, 3); // a page may have several headings that fit
    if (!first.some((name) => pages.includes(name))) missed.push(`${ask}: ${first}`);
  }
  assert.deepEqual({ missed, elsewhere, errors }, { missed: [], elsewhere: [], errors: [] });
  await close();
});

for (const colorScheme of ["light", "dark"]) {
  for (const [width, height] of [[1280, 800], [360, 740]]) {
    describe(`${colorScheme}, ${width} wide`, () => {
      test("the search, with results", limit, async () => {
        const { page, elsewhere, errors, close } = await open({ colorScheme, viewport: { width, height }, reducedMotion: "reduce" });
        await page.goto(`${site}/`);
        await page.getByRole("button", { name: "Search" }).first().click();
        await page.getByRole("searchbox").fill("rooms");
        await page.locator("#localsearch-list .result").first().waitFor();
        assert.deepEqual({ found: await violations(page), elsewhere, errors }, { found: [], elsewhere: [], errors: [] });
        await close();
      });

      for (const [kind, address] of Object.entries(kinds)) {
        test(kind, limit, async () => {
          const { page, elsewhere, errors, close } = await open({ colorScheme, viewport: { width, height }, reducedMotion: "reduce" });
          await page.goto(site + address);
          await page.waitForFunction(() => document.querySelector("#app").__vue_app__); // the page is alive
          assert.equal(await page.evaluate(() => document.documentElement.classList.contains("dark")), colorScheme === "dark");
          const found = await violations(page);
          const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
          assert.deepEqual({ found, wide, elsewhere, errors }, { found: [], wide: 0, elsewhere: [], errors: [] });
          await close();
        });
      }
    });
  }
}
