"use strict";

const settings = document.documentElement.dataset;
const $ = (id) => document.getElementById(id);
const socket = io(settings.namespace, { path: settings.path, auth: { ticket: settings.ticket } });

/** make returns an element: text as text, never as HTML. */
function make(name, attributes = {}, ...children) {
  const e = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "onclick") e.addEventListener("click", value);
    else if (value !== undefined) e.setAttribute(key, value);
  }
  e.append(...children);
  return e;
}

function note(text) {
  $("note").textContent = text;
  $("note").hidden = !text;
}

let noted = false; // by a quiet question

/**
 * ask returns what the servers say, or undefined after telling why not. A quiet question,
 * which is asked each second, takes back nothing but its own notes.
 */
async function ask(question, query, quiet = false) {
  try {
    const { is, missing, error } = await socket.timeout(10_000).emitWithAck(question, query);
    if (error) throw new Error(typeof error === "string" ? error : error.message);
    if (missing || !quiet || noted) note(missing ? `${missing} of the servers did not answer` : "");
    noted = quiet && missing > 0;
    return is;
  } catch (err) {
    if (socket.connected) note(String(err.message ?? err));
    return undefined;
  }
}

const newest = {};

/** latest returns what tells, after an answer, whether the view has asked nothing since. */
function latest(view) {
  const turn = (newest[view] = (newest[view] ?? 0) + 1);
  return () => newest[view] === turn;
}

socket.on("connect", () => {
  $("state").textContent = "connected";
  note("");
  show();
});
socket.on("disconnect", () => ($("state").textContent = "connecting…"));
socket.on("connect_error", (err) => {
  $("state").textContent = "not connected";
  if (err.message === "not allowed") note("You may not see this, or no longer: load the page anew.");
});

// Numbers as people read them.
const whole = new Intl.NumberFormat();
const short = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });
const bytes = (n) => {
  let unit = 0;
  for (; n >= 1024 && unit < 4; unit++) n /= 1024;
  return `${n.toFixed(unit && n < 10 ? 1 : 0)} ${["B", "KB", "MB", "GB", "TB"][unit]}`;
};
const span = (ms) => {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 120) return `${s} s`;
  if (s < 7200) return `${Math.round(s / 60)} min`;
  return s < 172_800 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86_400)} d`;
};

// Overview.

const hour = 3_600_000;
const nodes = new Map(); // by id, with the samples of an hour
let columns = [];
const plots = [
  ["Connections", ["connections"], short.format],
  ["Messages in and out, /s", ["in/s", "out/s"], short.format],
  ["Bytes in and out, /s", ["bytesIn/s", "bytesOut/s"], bytes],
  ["Opened and ended, /s", ["opened/s", "ended/s"], short.format],
  ["Errors, refused, dropped, /s", ["errors/s", "refused/s", "dropped/s"], short.format],
  ["Queued to clients", ["queue"], bytes],
  ["Heap", ["heap"], bytes],
  ["Goroutines", ["goroutines"], short.format],
];

function cell(text, number) {
  return make("td", number ? { class: "n" } : {}, text);
}

async function overview() {
  const since = Math.min(...[...nodes.values()].map((n) => n.samples.at(-1)?.[0] ?? 0));
  const is = await ask("overview", { since: nodes.size ? since : 0 });
  if (!is) return;
  columns = is.columns;
  const ids = new Set(is.nodes.map((n) => n.id));
  for (const id of nodes.keys()) if (!ids.has(id)) nodes.delete(id);
  for (const n of is.nodes) {
    const before = nodes.get(n.id)?.samples ?? [];
    const last = before.at(-1)?.[0] ?? 0;
    const samples = before.concat(n.samples.filter((s) => s[0] > last));
    const newest = samples.at(-1)?.[0] ?? 0;
    nodes.set(n.id, { ...n, samples: samples.filter((s) => s[0] > newest - hour) });
  }
  drawNodes();
  drawPlots();
  drawNamespaces();
  if (parentShown !== null) await children();
}

const value = (sample, column) => sample?.[columns.indexOf(column)] ?? 0;

function drawNodes() {
  const rows = [...nodes.values()].map((n, i) => {
    const last = n.samples.at(-1);
    const name = make("th", { scope: "row", title: `${n.host}, process ${n.pid}, ${n.go}` }, make("span", { class: `dot line-${i % 4}` }), n.id);
    return make("tr", {}, name,
      cell(whole.format(value(last, "connections")), true), cell(whole.format(value(last, "polling")), true),
      cell(short.format(value(last, "in/s")), true), cell(short.format(value(last, "out/s")), true),
      cell(short.format(value(last, "errors/s")), true), cell(bytes(value(last, "queue")), true),
      cell(bytes(value(last, "heap")), true), cell(span(value(last, "at") - n.began), true), window.drainCell?.(n) ?? "");
  });
  $("nodes").tBodies[0].replaceChildren(...rows);
}

function drawPlots() {
  if (!$("plots").children.length) {
    for (const [title] of plots) {
      const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      svg.setAttribute("viewBox", "0 0 360 60");
      svg.setAttribute("preserveAspectRatio", "none");
      svg.setAttribute("role", "img");
      $("plots").append(make("figure", {}, make("figcaption", {}, title, make("b", {})), svg));
    }
  }
  const end = Math.max(...[...nodes.values()].map((n) => value(n.samples.at(-1), "at")));
  const begin = Math.min(...[...nodes.values()].map((n) => value(n.samples[0], "at")));
  const wide = Math.min(hour, Math.max(60_000, end - begin)); // a server that is new fills the plot, too
  $("plots-span").textContent = `The last ${span(wide)}`;
  plots.forEach(([title, of, format], at) => {
    const lines = [];
    [...nodes.values()].forEach((n, i) => {
      for (const column of of) lines.push({ shade: nodes.size > 1 ? i : of.indexOf(column), values: n.samples.map((s) => [value(s, "at"), value(s, column)]) });
    });
    const most = Math.max(1e-9, ...lines.flatMap((l) => l.values.map((v) => v[1])));
    const svg = $("plots").children[at].querySelector("svg");
    svg.replaceChildren(...lines.map((l) => {
      const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
      line.setAttribute("class", `line-${l.shade % 4}`);
      line.setAttribute("points", l.values.map(([t, v]) => `${(360 - ((end - t) / wide) * 360).toFixed(1)},${(58 - (v / most) * 56).toFixed(1)}`).join(" "));
      return line;
    }));
    const sums = of.map((column) => format([...nodes.values()].reduce((n, { samples }) => n + value(samples.at(-1), column), 0)));
    const now = sums.join(" · ");
    const dots = nodes.size === 1 && of.length > 1; // otherwise a colour is a server
    $("plots").children[at].querySelector("b").replaceChildren(...sums.flatMap((text, i) => [i && !dots ? " · " : "", ...(dots ? [make("span", { class: `dot line-${i}` })] : []), text, " "]));
    svg.setAttribute("aria-label", `${title}: now ${now}; at most ${format(most)} within the last hour`);
  });
}

function drawNamespaces() {
  const all = new Map();
  for (const n of nodes.values()) {
    for (const ns of n.namespaces) {
      const sum = all.get(ns.name) ?? { sockets: 0, rooms: 0, sessions: 0, children: 0 };
      all.set(ns.name, { sockets: sum.sockets + ns.sockets, rooms: sum.rooms + ns.rooms, sessions: sum.sessions + ns.sessions, children: Math.max(sum.children, ns.children), parent: ns.parent });
    }
  }
  const rows = [...all].sort((a, b) => b[1].sockets - a[1].sockets || (a[0] < b[0] ? -1 : 1)).map(([name, ns]) =>
    make("tr", {}, make("th", { scope: "row" }, make("a", { href: link("sockets", { namespace: name }) }, name)),
      cell(whole.format(ns.sockets), true), cell(whole.format(ns.rooms), true), cell(whole.format(ns.sessions), true), make("td", { class: "n" }, ns.parent ? childrenOf(name, ns.children) : "")));
  $("namespaces").tBodies[0].replaceChildren(...rows);
}

let parentShown = null; // whose children are listed

const childrenOf = (name, n) => make("button", { class: "link", type: "button", "aria-label": `Children of ${name}: ${n}`, onclick: () => ((parentShown = name), children()) }, whole.format(n));

async function children() {
  const name = parentShown;
  const is = await ask("children", { namespace: name });
  if (!is || parentShown !== name) return;
  $("children-count").textContent = `${whole.format(is.total)} of ${name}` + (is.total > is.rows.length ? `; the ${is.rows.length} with the most sockets` : "");
  fill("children-table", is.rows.map((ns) => make("tr", {}, make("th", { scope: "row" }, make("a", { href: link("sockets", { namespace: ns.name }) }, ns.name)),
    cell(whole.format(ns.sockets), true), cell(whole.format(ns.servers), true))), "There is none.");
  $("children").hidden = false;
}
$("children-close").addEventListener("click", () => {
  parentShown = null;
  $("children").hidden = true;
});

// Sockets.

const link = (view, query) => `#/${view}?${new URLSearchParams(query)}`;
let pages = [null]; // the place that each page begins after
let found = null;

async function sockets() {
  const query = fields("sockets");
  const current = latest("sockets");
  const is = await ask("sockets", { ...query, after: pages.at(-1) ?? undefined, limit: 100 });
  if (!is || !current()) return;
  found = is;
  $("sockets-count").textContent = `${whole.format(is.total)} ${is.total === 1 ? "socket" : "sockets"}`;
  const now = Date.now();
  fill("sockets-table", is.rows.map((s) => make("tr", {},
    make("td", { class: "mono" }, make("button", { class: "link", type: "button", onclick: () => openSocket(s.namespace, s.id) }, s.id)),
    cell(s.namespace), cell(s.identity), cell(s.address), cell(s.transport), cell(whole.format(s.rooms), true), cell(span(now - s.at)), cell(s.node))), "No socket is like that.");
  if (!is.rows.length && query.id && (await ask("socket", query))?.gone && current()) {
    fill("sockets-table", [make("tr", {}, make("td", { class: "mono" }, make("button", { class: "link", type: "button", onclick: () => openSocket(query.namespace ?? "", query.id) }, query.id)),
      make("td", { colspan: 8 }, "has gone; its history is still there"))]);
  }
  $("newer").disabled = pages.length === 1;
  $("older").disabled = !is.more || !is.rows.length;
}

$("newer").addEventListener("click", () => (pages.pop(), sockets()));
$("older").addEventListener("click", () => {
  const { at, id } = found.rows.at(-1);
  pages.push({ at, id });
  sockets();
});

function fill(table, rows, empty) {
  const body = $(table).tBodies[0];
  body.replaceChildren(...(rows.length ? rows : [make("tr", {}, make("td", { class: "empty", colspan: 9 }, empty))]));
}

// Rooms.

async function rooms() {
  const current = latest("rooms");
  const is = await ask("rooms", { ...fields("rooms"), limit: 100 });
  if (!is || !current()) return;
  $("rooms-count").textContent = `${whole.format(is.total)} ${is.total === 1 ? "room" : "rooms"}` + (is.total > is.rows.length ? `; the ${is.rows.length} largest` : "");
  fill("rooms-table", is.rows.map((r) => make("tr", {},
    make("th", { scope: "row" }, make("a", { href: link("sockets", { namespace: r.namespace, room: r.name }) }, r.name)),
    cell(r.namespace), cell(whole.format(r.sockets), true),
    make("td", {}, "readOnly" in settings ? "" : make("button", { type: "button", "aria-label": `Act on ${r.name}`, onclick: () => openRoom(r) }, "Act…")))), "No room is like that.");
}

// What was emitted, for whom, and why somebody has not got it.

let emitted = null; // a row of the list

const targetOf = (e) => e.socket || (e.nobody ? "nobody" : (e.rooms?.join(", ") || "all") + (e.except?.length ? ` except ${e.except.join(", ")}` : ""));
const otherwise = (e) => Object.entries(e.counts).filter(([what, n]) => what !== "queued" && n).map(([what, n]) => `${n} ${what}`).concat(e.error || []).join(", ");

async function events() {
  const current = latest("events");
  const is = await ask("traces", { ...fields("events"), limit: 100 });
  if (!is || !current()) return;
  $("events-count").textContent = `the newest ${is.rows.length} that are kept` + (is.skipped ? `; ${whole.format(is.skipped)} were too many in their second` : "");
  fill("events-table", is.rows.map((e) => make("tr", {},
    make("th", { scope: "row" }, make("button", { class: "link", type: "button", onclick: () => openEvent(e) }, e.event)),
    cell(e.namespace), cell(targetOf(e)), cell(whole.format(e.counts.queued), true), cell(otherwise(e)), cell(bytes(e.size), true),
    cell(new Date(e.at).toLocaleTimeString()), cell(e.node))), "No event is like that.");
}

const after = (what, ms) => (typeof ms === "number" ? `${what} after ${time(ms)}` : what); // servers of other versions do not say

function becameOf(r) {
  const acked = typeof r.acked === "number";
  return after(r.state, acked ? r.acked : r.written) + (acked && typeof r.written === "number" ? `, ${after("written", r.written)}` : "");
}

async function openEvent(e, id) {
  const { node, id: number, at, namespace, event, key, remote, local } = e;
  const rooms = JSON.stringify(e.rooms ?? []).length < 2000 ? e.rooms : undefined; // a question is short
  const current = latest("event");
  const is = await ask("trace", { node, id: number, at, namespace, event, key, remote, local, rooms, socket: id });
  if (!is || !current()) return;
  emitted = e;
  $("emitted-title").textContent = e.event;
  const rowsOf = is.parts.map((p) => p.row ?? {});
  const written = rowsOf.reduce((n, r) => n + (r.written ?? 0), 0);
  const last = Math.max(0, ...rowsOf.map((r) => r.last ?? 0));
  const kind = ["volatile", "wantsAck", "local"].filter((flag) => e[flag]).join(", ").replace("wantsAck", "with acknowledgement");
  const facts = [
    ["Namespace", e.namespace], ["To", targetOf(e)], ["Emitted", `${new Date(e.at).toLocaleString()} by ${e.remote ? "a server that is not inspected" : e.node}, took ${e.took} ms`],
    ["Kind", kind], ["Queued for", `${whole.format(e.counts.queued)}, by ${e.servers} of the servers`],
    ["Written for", written && `${whole.format(written)}, the last one after ${time(last)}`], ["Otherwise", otherwise(e)],
  ];
  $("emitted-facts").replaceChildren(...facts.filter(([, text]) => text).flatMap(([name, text]) => [make("dt", {}, name), make("dd", {}, text)]));
  $("verdict").textContent = is.verdict ? (is.verdict.got ? "Yes. " : "") + is.verdict.text + (is.verdict.node ? ` (${is.verdict.node})` : "") : "";
  const rows = is.parts.flatMap((p) => [
    ...p.recipients.map((r) => make("tr", { title: r.text }, make("td", { class: "mono" }, make("button", { class: "link", type: "button", onclick: () => openEvent(e, r.id) }, r.id)), cell(becameOf(r)), cell(p.node))),
    ...(p.more > 0 ? [make("tr", {}, cell(`and ${whole.format(p.more)} more`), cell(""), cell(p.node))] : []),
  ]);
  fill("recipients-table", rows, "Nobody.");
  if (!$("emitted").open) {
    $("why-form").reset();
    $("emitted").showModal();
  }
}

// One socket, or one room, and what can be done to it.

let target = null; // {namespace, socket} or {namespace, in}

function open(title, facts, more) {
  $("target-title").textContent = title;
  $("target-facts").replaceChildren(...facts.flatMap(([name, text]) => [make("dt", {}, name), make("dd", {}, text || "–")]));
  $("target-more").replaceChildren(...more);
  $("target-actions").hidden = "readOnly" in settings;
  $("target-tail").hidden = target.socket === undefined;
  $("record-form").hidden = target.socket === undefined && target.in === undefined; // it has gone
  for (const id of ["done", "record-done"]) $(id).textContent = "";
  if (!$("target").open) $("target").showModal();
}

async function openSocket(namespace, id) {
  const current = latest("socket");
  const s = await ask("socket", { namespace, id });
  if (!current()) return;
  if (!s) return note("That socket has gone, longer ago than is kept.");
  namespace = s.namespace;
  target = s.gone ? {} : { namespace, socket: id };
  if (s.gone) {
    open(s.id, [["Namespace", namespace], ["Is", "gone"], ["Server", s.node]], [steps(s)]);
    $("target-actions").hidden = true;
    return;
  }
  const json = (title, v) => make("details", {}, make("summary", {}, title), make("pre", {}, JSON.stringify(v, null, 2)));
  open(s.id, [
    ["Namespace", [s.namespace, ...s.siblings.map((n) => `also ${n}`)].join(", ")], ["Identity", s.identity], ["Address", s.address],
    ["Transport", s.transport], ["Connected", `${new Date(s.at).toLocaleString()}${s.recovered ? ", recovered" : ""}`], ["Server", s.node],
    ["Round trip", s.roundTrip ? `${s.roundTrip} ms, of the last ping` : "not known before the first ping"], ["Waits to be written", bytes(s.queued)],
    ["URL", s.handshake.url], ["Rooms", s.roomNames.join(", ") + (s.rooms > s.roomNames.length ? ` and ${s.rooms - s.roomNames.length} more` : "")],
  ], [steps(s), json("Values", s.values), json("Headers", s.handshake.headers)]);
  followTarget();
}

function openRoom(r) {
  target = { namespace: r.namespace, in: r.name };
  open(`Room ${r.name}`, [["Namespace", r.namespace], ["Sockets", whole.format(r.sockets)]], []);
}

async function act(action) {
  const { error } = await socket.timeout(10_000).emitWithAck("act", { ...target, ...action }).catch((err) => ({ error: String(err.message ?? err) }));
  $("done").textContent = error ? `Not done: ${typeof error === "string" ? error : error.message}` : "Done.";
  return !error;
}

function onSubmit(form, f) {
  $(form).addEventListener("submit", (e) => {
    e.preventDefault();
    f(new FormData(e.target, e.submitter), e.target);
  });
}

onSubmit("emit-form", async (data) => {
  let args;
  try {
    args = JSON.parse(data.get("args"));
    if (!Array.isArray(args)) throw new Error("it is no array");
  } catch (err) {
    $("done").textContent = `The arguments are no JSON array: ${err.message}`;
    return;
  }
  await act({ do: "emit", event: data.get("event"), args });
});
onSubmit("join-form", async (data) => {
  if ((await act({ do: data.get("do"), room: data.get("room") })) && target.socket) {
    await openSocket(target.namespace, target.socket);
    $("done").textContent = "Done.";
  }
});
onSubmit("disconnect-form", async (data) => {
  if (await act({ do: "disconnect", close: data.get("close") !== null })) $("target").close();
});
$("target").addEventListener("close", () => show());

onSubmit("why-form", (data) => openEvent(emitted, data.get("socket").trim()));

// Which view, by the address.

const views = { overview, sockets, rooms, events };

function fields(view) {
  return Object.fromEntries([...new FormData($(`${view}-form`))].filter(([, v]) => v !== ""));
}

const place = () => /^#\/(\w+)(?:\?(.*))?$/.exec(location.hash) ?? [];

function show() {
  const [, name, query] = place();
  const view = Object.hasOwn(views, name) ? name : "overview";
  for (const v of Object.keys(views)) $(v).hidden = v !== view;
  for (const a of document.querySelectorAll("nav a")) {
    if (a.hash === `#/${view}`) a.setAttribute("aria-current", "page");
    else a.removeAttribute("aria-current");
  }
  const form = $(`${view}-form`);
  if (form && query !== undefined) {
    const values = new URLSearchParams(query);
    for (const input of form.elements) if (input.name) input.value = values.get(input.name) ?? "";
  }
  if (socket.connected) views[view]();
}

/** searchable has a view show what its form asks for. */
function searchable(view) {
  onSubmit(`${view}-form`, () => {
    pages = [null];
    const hash = link(view, fields(view));
    if (location.hash === hash) show();
    else location.hash = hash;
  });
}
for (const view of ["sockets", "rooms", "events"]) searchable(view);
addEventListener("hashchange", () => {
  pages = [null];
  show();
});
addEventListener("keydown", (e) => {
  const [first] = document.querySelectorAll("section:not([hidden]) input");
  if (e.key === "/" && first && !document.querySelector("dialog[open]") && !e.target.matches("input, select, textarea")) {
    e.preventDefault();
    first.focus();
  }
});
setInterval(() => {
  if (socket.connected && !$("overview").hidden && !document.hidden) overview();
}, 5000);
show();
