// What a page owes to people who do not use a mouse, or do not see well: the
// checks of WCAG 2.1 AA that a program can make on a page of ours. They run in
// the page.

/** Controls without a name, pictures that are read out, missing landmarks. */
export function nameless() {
  const wrong = [];
  const seen = (e) => e.getClientRects().length > 0;
  for (const e of document.querySelectorAll("button, input, textarea, select, a[href], [role=log]")) {
    if (!seen(e)) continue;
    const named = e.getAttribute("aria-label") || [...(e.labels ?? [])].some((l) => l.textContent.trim()) || (e.tagName === "BUTTON" && e.textContent.trim());
    if (!named) wrong.push(`no name: ${e.outerHTML.slice(0, 80)}`);
  }
  for (const e of document.querySelectorAll("svg")) if (e.getAttribute("aria-hidden") !== "true") wrong.push(`read out: ${e.outerHTML.slice(0, 80)}`);
  for (const e of document.querySelectorAll("[aria-labelledby], [aria-describedby]")) {
    for (const id of `${e.getAttribute("aria-labelledby") ?? ""} ${e.getAttribute("aria-describedby") ?? ""}`.trim().split(/\s+/)) {
      if (!document.getElementById(id)) wrong.push(`refers to nothing: ${id}`);
    }
  }
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) wrong.push(`id twice: ${id}`);
  if (!document.documentElement.lang) wrong.push("no language");
  if (!document.title) wrong.push("no title");
  if ([...document.querySelectorAll("main")].filter(seen).length !== 1) wrong.push("not one main");
  if ([...document.querySelectorAll("h1")].filter(seen).length !== 1) wrong.push("not one h1");
  return wrong;
}

/** Texts with less than 4.5:1 between their colour and what is behind them. */
export function pale() {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const color = rgba(getComputedStyle(e).backgroundColor);
      if (color[3] === 255) return color;
    }
    return [255, 255, 255, 255];
  };
  const wrong = [];
  let looked = 0;
  const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const check = (e, color, what) => {
    looked++;
    const r = ratio(luminance(rgba(color)), luminance(behind(e)));
    if (r < 4.5) wrong.push(`${r.toFixed(2)}: ${what}`);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode()); ) {
    const e = node.parentElement;
    if (node.data.trim() && e.getClientRects().length) check(e, getComputedStyle(e).color, node.data.trim());
  }
  for (const e of document.querySelectorAll("textarea")) {
    if (e.getClientRects().length) check(e, getComputedStyle(e, "::placeholder").color, e.placeholder);
  }
  return { wrong, looked };
}

/** Controls smaller than 24 by 24 pixels, and whatever hangs over the side of the window. */
export function cramped() {
  const wrong = [];
  for (const e of document.querySelectorAll("button, input, textarea")) {
    const { width, height } = e.getBoundingClientRect();
    if (width && (width < 24 || height < 24) && !e.closest(".tick")) wrong.push(`${width}x${height}: ${e.outerHTML.slice(0, 60)}`);
  }
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth > clientWidth) {
    const widest = [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > clientWidth).map((e) => e.id || e.className || e.tagName);
    wrong.push(`the page is ${scrollWidth} wide in a window of ${clientWidth}: ${widest.join(", ")}`);
  }
  return wrong;
}

/** What the focus is on: its name, and whether one sees that. */
export function focused() {
  const e = document.activeElement;
  const { outlineStyle, outlineWidth } = getComputedStyle(e);
  const name = e.getAttribute("aria-label") || e.labels?.[0]?.textContent || e.textContent.trim();
  return { name, visible: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2 };
}
