"use strict";

const $ = (id) => document.getElementById(id);
const name = "guest " + Math.floor(1000 + Math.random() * 9000);

// All requests of this window have the same route, by which nginx chooses the server.
const socket = io({ auth: { name }, query: { route: Math.random().toString(36).slice(2) } });

function write(text, server, from) {
  const log = $("log");
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  const line = document.createElement("p");
  if (from) {
    const who = document.createElement("strong");
    who.textContent = from + ": ";
    line.append(who, text, " ");
  } else {
    line.className = "notice";
    line.append(text);
  }
  if (server) {
    const by = document.createElement("span");
    by.className = "server";
    by.textContent = "by " + server;
    line.append(by);
  }
  log.append(line);
  if (atEnd) log.scrollTop = log.scrollHeight;
}

let last = "";
socket.on("welcome", (server) => {
  $("status").textContent = `${name}, on ${server}`;
  write(last === "" || last === server ? `You are on ${server}.` : `You are on ${server} now: ${last} is gone.`);
  last = server;
  who();
});
socket.on("disconnect", () => { $("status").textContent = "Connecting again…"; });
socket.on("connect_error", (error) => { if (!socket.active) $("status").textContent = error.message; });
socket.on("said", ({ from, text, server }) => write(text, server, from));

$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (text !== "") socket.emit("say", text); // kept while there is no connection, and sent then
  $("text").value = "";
});

// A server that was killed tells nobody who has left: so the list is asked for.
async function who() {
  if (!socket.connected) return;
  let people;
  try {
    people = await socket.timeout(4000).emitWithAck("who");
  } catch {
    return; // the next time
  }
  if (!Array.isArray(people)) return;
  $("who").replaceChildren(...people.map((p) => {
    const item = document.createElement("li");
    const server = document.createElement("span");
    server.className = "server";
    server.textContent = " on " + p.server;
    item.append(p.name, server);
    return item;
  }));
}
setInterval(who, 3000);
