// Fails for a link of the built site that leads nowhere: to a page, a file or a
// heading that is not there; and for a page that takes something from elsewhere.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const dist = fileURLToPath(new URL("dist", import.meta.url));
const base = process.env.SITE_BASE ?? "/";
const files = new Set(readdirSync(dist, { recursive: true }).map((file) => file.split(path.sep).join("/")));
const pages = new Map([...files].filter((file) => file.endsWith(".html")).map((file) => [file, readFileSync(path.join(dist, file), "utf8")]));
const ids = new Map([...pages].map(([file, html]) => [file, new Set([...html.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id))]));

const wrong = [];
let looked = 0;
for (const [page, html] of pages) {
  for (const [, tag, text] of html.matchAll(/<(a|img|script|link|source|iframe)\s([^>]*)>/g)) {
    for (const [, link] of text.matchAll(/\s?(?:href|src)="([^"]*)"/g)) {
      looked++;
      if (link.startsWith("data:")) continue;
      const url = new URL(link.replaceAll("&amp;", "&"), `http://site${base}${page}`);
      if (url.host !== "site") {
        if (tag !== "a") wrong.push(`${page}: takes ${link} from elsewhere`);
        continue;
      }
      let file = decodeURIComponent(url.pathname);
      file = file.startsWith(base) ? file.slice(base.length).replace(/(^|\/)$/, "$1index.html") : `outside of ${base}`;
      const anchor = decodeURIComponent(url.hash.slice(1));
      if (!files.has(file)) wrong.push(`${page}: ${link} leads nowhere`);
      else if (anchor && !ids.get(file)?.has(anchor)) wrong.push(`${page}: ${link}: no such heading`);
    }
  }
}
if (pages.size < 60 || looked < 3000) wrong.push(`only ${looked} links on ${pages.size} pages: is this the whole site?`);
if (wrong.length) {
  console.error([...new Set(wrong)].join("\n"));
  process.exit(1);
}
console.log(`${looked} links on ${pages.size} pages lead somewhere`);
