// The site is README.md, docs/ and the pages for contributors, as they are in the
// repository. SITE_BASE is the folder of the host that it is served from: /gosio/.
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitepress";
import { slug } from "../slug.mjs";
import { addressOf, links, root, sections, tables, titleOf } from "../pages.mjs";
import { search } from "../search.mjs";
import { words } from "../words.mjs";

const description = "Socket.IO for Go: a server that you mount in the Gin, Echo, Fiber, Chi or net/http app you have.";

// Pages are outside this folder, and find its packages nonetheless.
const here = fileURLToPath(import.meta.url);
const packages = {
  name: "packages-for-pages",
  enforce: "pre",
  resolveId(id, importer, options) {
    if (/^vue(\/|$)/.test(id) && importer && !importer.includes("node_modules")) return this.resolve(id, here, { ...options, skipSelf: true });
  },
};

export default defineConfig({
  title: "gosio",
  description,
  lang: "en",
  base: process.env.SITE_BASE ?? "/",
  srcDir: root,
  outDir: "dist",
  cacheDir: "node_modules/.cache/vitepress",
  // A glob of what is not a page: everything but these files and docs/.
  srcExclude: ["!(docs)/**/*", "!(README|CHANGELOG|CONTRIBUTING|SECURITY).md"],
  rewrites: (file) => addressOf(file).slice(1).replace(/(^|\/)$/, "$1index").replace(/(\.html)?$/, ".md"),
  metaChunk: true,
  ignoreDeadLinks: "localhostLinks",
  vite: { publicDir: false, plugins: [packages, search] },
  markdown: {
    anchor: { slugify: slug },
    languageAlias: { caddy: "nginx", haproxy: "nginx", vcl: "c" },
    theme: { light: "github-light-high-contrast", dark: "github-dark-high-contrast" },
    config: (md) => md.use(links).use(tables),
  },
  themeConfig: {
    nav: [
      { text: "Tutorial", link: addressOf("docs/tutorial.md") },
      { text: "How-tos", link: `${addressOf("docs/README.md")}#how-to` },
      { text: "Troubleshooting", link: addressOf("docs/troubleshooting.md") },
    ],
    sidebar: sections().map(({ text, pages }) => ({
      text,
      items: pages.map((page) => ({ text: titleOf(page), link: addressOf(page) })),
    })),
    outline: [2, 3],
    editLink: { pattern: "https://github.com/gosio/gosio/edit/main/:path", text: "Edit this page" },
    socialLinks: [{ icon: "github", link: "https://github.com/gosio/gosio", ariaLabel: "The repository" }],
    search: {
      provider: "local",
      options: {
        detailedView: true,
        miniSearch: {
          options: { processTerm: words },
          searchOptions: { fuzzy: 0.15, prefix: (term) => term.length > 3, boost: { title: 4, titles: 2, text: 1 } },
        },
      },
    },
  },
});
