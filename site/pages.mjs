// Which file of the repository is which page of the site, and where links between
// them lead.
import { existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));
const repository = "https://github.com/gosio/gosio";
const contents = "docs/README.md";
const outside = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"];

const isPage = (file) => outside.includes(file) || /^docs\/(howto\/)?[\w-]+\.md$/.test(file);
const read = (file) => readFileSync(path.join(root, file), "utf8");

/** The address of a file's page, without the base: docs/rooms.md is /rooms.html. */
export function addressOf(file) {
  if (file === "README.md") return "/";
  if (file === contents) return "/contents.html";
  return `/${file.replace(/^docs\//, "").replace(/\.md$/, "").toLowerCase()}.html`;
}

export const titleOf = (page) => (page === "README.md" ? "Start here" : read(page).match(/^# (.*)$/m)[1].replaceAll("`", ""));

/** The sections of the contents, each with the pages that its list links first to. */
export function sections() {
  const seen = new Set();
  const all = read(contents).split(/^## /m).slice(1).map((section) => {
    const pages = [...section.matchAll(/\]\(([^)#\s]+\.md)\)/g)].map(([, link]) => path.posix.join("docs", link)).filter(isPage);
    return { text: section.split("\n")[0], pages: pages.filter((page) => !seen.has(page) && seen.add(page)) };
  });
  return all.filter(({ pages }) => pages.length);
}

/** A plugin of markdown-it: links between files become links between pages, or to the repository. */
export function links(md) {
  md.core.ruler.push("files", ({ tokens, env }) => {
    for (const token of tokens.flatMap((t) => t.children ?? [])) {
      if (token.type === "link_open") token.attrSet("href", target(path.relative(root, env.realPath ?? env.path), token.attrGet("href")));
    }
  });
}

function target(page, href) {
  if (/^[a-z]+:/i.test(href) || href.startsWith("#")) return href;
  const [link, anchor] = href.split("#");
  const file = path.posix.join(path.posix.dirname(page), link).replace(/\/$/, "");
  if (!existsSync(path.join(root, file))) throw new Error(`${page}: ${href} leads nowhere`);
  const hash = anchor ? `#${anchor}` : "";
  if (isPage(file)) return addressOf(file) + hash;
  return `${repository}/${statSync(path.join(root, file)).isDirectory() ? "tree" : "blob"}/main/${file}${hash}`;
}

/** A plugin of markdown-it: a table has no headings that are empty, which are read out as such. */
export function tables(md) {
  md.core.ruler.push("tables", (state) => {
    const out = [];
    for (let i = 0; i < state.tokens.length; i++) {
      const token = state.tokens[i];
      if (token.type === "thead_open") {
        const end = state.tokens.findIndex((t, at) => at > i && t.type === "thead_close");
        const head = state.tokens.slice(i, end);
        if (head.every((t) => t.type !== "inline" || !t.content)) {
          i = end;
          continue;
        }
        head.forEach((t, at) => {
          if (t.type === "th_open" && !head[at + 1].content) t.tag = head[at + 2].tag = "td";
        });
      }
      out.push(token);
    }
    state.tokens = out;
  });
}
