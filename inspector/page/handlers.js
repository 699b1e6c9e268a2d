"use strict";

// What is registered, how long handlers take, and the options in force.

const time = (ms) => (ms < 1 ? `${Math.round(ms * 1000)} µs` : ms < 1000 ? `${ms.toPrecision(3)} ms` : `${(ms / 1000).toPrecision(3)} s`);

function eventName(e) {
  if (!e.event) return "others, without a handler";
  return e.event + (e.registered ? "" : e.child ? ", of children" : ", of sockets");
}

async function handlers() {
  const current = latest("handlers");
  const is = await ask("handlers", { ...fields("handlers"), limit: 200 });
  if (!is || !current()) return;
  $("handlers-count").textContent = `${whole.format(is.events.length)} events` + (is.more ? `; ${whole.format(is.more)} more, which come less often` : "");
  fill("handlers-table", is.events.map((e) => make("tr", {},
    make("th", { scope: "row" }, eventName(e)), cell(e.namespace), cell(whole.format(e.count), true), cell(whole.format(e.errors), true),
    ...["p50", "p99", "longest"].map((key) => cell(e.count ? time(e[key]) : "–", true)), cell(whole.format(e.servers), true))), "No event is like that.");
  const kinds = { namespace: "namespace", parent: "parent of children", children: "some of the children" };
  fill("registered-table", is.namespaces.map((ns) => make("tr", {},
    make("th", { scope: "row" }, ns.name), cell(kinds[ns.kind]),
    ...["handlers", "middleware", "eventMiddleware", "any", "anyOutgoing", "hooks", "serverSide"].map((key) => cell(whole.format(ns[key]), true)))), "No namespace is like that.");
  fill("settings-table", is.settings.map((s) => make("tr", {},
    make("th", { scope: "row" }, s.name),
    cell(s.differ ? Object.entries(s.differ).map(([node, value]) => `${node}: ${value}`).join("; ") : s.value || "–"))), "Nothing is known.");
}

views.handlers = handlers;
searchable("handlers");
show();
