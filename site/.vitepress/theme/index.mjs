import { withBase } from "vitepress";
import theme from "vitepress/theme-without-fonts"; // those of the reader's system
import { h } from "vue";
import "./style.css";

// The theme's page for an address that leads nowhere has no <main>.
const missing = () =>
  h("main", { class: "missing" }, [
    h("h1", "This page is not here"),
    h("p", ["Search for it above, or look at the ", h("a", { href: withBase("/contents.html") }, "contents"), "."]),
  ]);

export default { extends: theme, Layout: () => h(theme.Layout, null, { "not-found": missing }) };
