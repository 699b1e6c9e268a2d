"use strict";

// The live tail, and what one socket sends and gets. The page asks each second while
// somebody looks: servers keep events for as long as that.

/** Tail follows the events that pass a filter. */
class Tail {
  constructor(table, most, row) {
    Object.assign(this, { table, most, row, key: "", after: undefined, rows: [], skipped: 0, unseen: 0, asking: false });
  }
  clear() {
    this.rows = [];
    this.skipped = this.unseen = 0;
    $(this.table).tBodies[0].replaceChildren();
  }
  /** Shows what has come since, and returns whether there was an answer. */
  async follow(query) {
    const key = JSON.stringify(query);
    if (key !== this.key) {
      this.clear();
      Object.assign(this, { key, after: undefined, asking: false });
    }
    if (this.asking) return false;
    this.asking = true;
    const is = await ask("tail", { ...query, after: this.after }, true);
    if (key !== this.key) return false; // it is another one's answer
    this.asking = false;
    if (is?.error) note(is.error);
    if (!is || is.error) return false;
    this.after = is.after;
    this.skipped += is.skipped;
    this.unseen += is.unseen;
    const fresh = is.rows.filter((r) => !this.rows.some((old) => sameEvent(old, r)));
    this.rows = this.rows.concat(fresh).slice(-this.most);
    const body = $(this.table).tBodies[0];
    body.prepend(...fresh.slice(-this.most).reverse().map(this.row));
    while (body.rows.length > this.most) body.lastChild.remove();
    return true;
  }
}

/** sameEvent: two servers have delivered one event, and tell of it in different answers. */
const sameEvent = (a, b) => a.out && b.out && a.remote !== b.remote && a.node !== b.node && a.key === b.key && a.event === b.event && a.namespace === b.namespace && Math.abs(a.at - b.at) < 5000;

const stamp = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 });

function argsCell(r) {
  const long = 200;
  const marks = ["volatile", "unhandled", "remote"].filter((flag) => r[flag]).map((flag) => ({ unhandled: "no handler", remote: "of another server" })[flag] ?? flag);
  const td = make("td", { class: "args" }, r.args.length > long ? make("details", {}, make("summary", {}, r.args.slice(0, long) + "…"), r.args) : r.args);
  if (marks.length) td.append(make("small", {}, ` ${marks.join(", ")}`));
  if (r.error) td.append(make("small", { class: "bad" }, ` ${r.error}`));
  return td;
}

const direction = (r) => (r.out ? "→ to" : "← from");

function who(r) {
  const many = r.out && !r.socket;
  const td = make("td", {}, many ? `${targetOf(r)} (${whole.format(r.count)})` : "");
  if (r.socket) td.append(make("button", { class: "link", type: "button", onclick: () => openSocket(r.namespace, r.socket) }, r.identity || r.socket));
  else if (!many) td.append(r.identity || "a client of Socket.IO 2.x");
  return td;
}

// The view.

const live = new Tail("tail-table", 300, (r) => make("tr", {},
  cell(stamp.format(r.at)), cell(direction(r)), make("th", { scope: "row" }, r.event), argsCell(r), who(r), cell(bytes(r.size), true), cell(r.namespace), cell(r.node)));
const paused = () => $("tail-pause").getAttribute("aria-pressed") === "true";

function filterOf() {
  const { size, ...query } = fields("tail");
  return { ...query, size: Number(size ?? 0) };
}

function count() {
  const n = live.rows.length;
  $("tail-count").textContent = (n ? `${whole.format(n)} ${n === 1 ? "event" : "events"}` : "waiting for events") +
    (live.skipped ? `, ${whole.format(live.skipped)} more skipped` : "") + (live.unseen ? `, ${whole.format(live.unseen)} not looked at: the servers are busy` : "") + (paused() ? ", paused" : "");
}

views.tail = async function () {
  if (!paused()) await live.follow(filterOf());
  count();
};
searchable("tail");

$("tail-pause").addEventListener("click", () => {
  $("tail-pause").setAttribute("aria-pressed", String(!paused()));
  $("tail-said").textContent = paused() ? "Paused" : "It goes on";
  views.tail();
});
$("tail-clear").addEventListener("click", () => {
  live.clear();
  count();
});
$("tail-copy").addEventListener("click", async () => {
  const text = live.rows.map((r) => JSON.stringify(r)).join("\n");
  let done = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch { // no clipboard but for secure pages
    const area = make("textarea", { "aria-hidden": "true", class: "unseen" });
    area.value = text;
    document.body.append(area);
    area.select();
    done = document.execCommand("copy");
    area.remove();
    $("tail-copy").focus();
  }
  const n = live.rows.length;
  $("tail-said").textContent = done ? `Copied ${n} ${n === 1 ? "event" : "events"}, a line of JSON each` : "The browser does not let the page copy";
  $("tail-count").textContent = $("tail-said").textContent;
});

// One socket: its history, and what it sends and gets.

function steps(s) {
  const said = (l) => [l.what, l.transport && `(${l.transport})`, l.why && `– ${l.why}`, `on ${l.node}`].filter(Boolean).join(" ");
  return make("details", { open: "" }, make("summary", {}, "History"), make("ol", { class: "steps" }, ...s.history.map((l) => make("li", {}, `${new Date(l.at).toLocaleString()}: ${said(l)}`))));
}

const lately = new Tail("lately-table", 100, (r) => make("tr", {}, cell(stamp.format(r.at)), cell(direction(r)), make("th", { scope: "row" }, r.event), argsCell(r)));

async function followTarget() {
  if ($("target").open && target?.socket !== undefined) await lately.follow({ namespace: target.namespace, socket: target.socket });
}
$("target").addEventListener("close", () => (lately.key = ""));

setInterval(() => {
  if (!socket.connected || document.hidden) return;
  if (!$("tail").hidden && !document.querySelector("dialog[open]")) views.tail();
  followTarget();
}, 1000);
show();
