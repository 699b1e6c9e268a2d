"use strict";

const $ = (id) => document.getElementById(id);
const log = $("log");
const ackTimeout = 15_000; // ms, then a message counts as not sent

let socket; // while signed in
let me = sessionStorage.getItem("name") || ""; // per window: two windows can be two people
let room = sessionStorage.getItem("room") || "lobby";
let names; // who is here; undefined until we are in a room
let everConnected = false;
const shown = new Map(); // message id -> its element
const delivered = new Set(); // ids; the news can be faster than the acknowledgement
const typists = new Map(); // name -> timer

// Elements. Texts go in as text, never as HTML.

function element(tag, props = {}, ...children) {
  const e = Object.assign(document.createElement(tag), props);
  e.append(...children);
  return e;
}

function icon(box, ...paths) {
  const ns = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(ns, "svg");
  svg.setAttribute("viewBox", box);
  svg.setAttribute("aria-hidden", "true");
  for (const d of paths) svg.appendChild(document.createElementNS(ns, "path")).setAttribute("d", d);
  return svg;
}

const cup = () => icon("0 0 24 24", "M4 9h13v6a5 5 0 0 1-5 5H9a5 5 0 0 1-5-5z", "M17 10h1.5a2.5 2.5 0 0 1 0 6H17", "M8 3v2.5M12.5 3v2.5");

function paint(avatar, name) {
  let hue = 0;
  for (const char of name) hue = (hue * 31 + char.codePointAt(0) * 137) % 360;
  avatar.style.setProperty("--hue", hue);
  avatar.textContent = [...name][0].toUpperCase();
  return avatar;
}

const newAvatar = (name) => {
  const avatar = paint(element("span", { className: "avatar" }), name);
  avatar.setAttribute("aria-hidden", "true");
  return avatar;
};

// Connection.

function connect() {
  socket = io({
    // Asked for on every connection: after a reconnection the server puts us
    // back into the room before it handles what we wrote in the meantime.
    auth: (done) => done({ name: me, room }),
  });

  socket.on("connect", () => {
    const { engine } = socket.io;
    engine.on("upgrade", () => showTransport(engine));
    showTransport(engine);
    $("offline").hidden = true;
    enter(room, everConnected && "Back online");
    everConnected = true;
  });
  socket.on("disconnect", (reason) => {
    if (reason === "io client disconnect") return;
    names = undefined; // until we are back in the room
    status("lost", "Connection lost");
    offline();
    // Disconnected by the server, the client stays away unless told otherwise.
    if (reason === "io server disconnect") setTimeout(() => socket?.connect(), 1000);
  });
  socket.on("connect_error", (err) => {
    if (socket.active) return status("lost", everConnected ? "Reconnecting…" : "No connection, trying again…");
    signOut(err.data?.max ? `A name has 1 to ${err.data.max} characters.` : "The chat did not let you in. Please try another name.");
  });
  socket.io.on("reconnect_attempt", (n) => status("lost", `Reconnecting, attempt ${n}…`));

  socket.on("said", (m) => {
    if (m.room !== room) return;
    stopped(m.from);
    show(m);
    if (m.from !== me) socket.emit("received", m.id);
  });
  socket.on("delivered", (id) => {
    delivered.add(id);
    const message = shown.get(id);
    if (message) tick(message, "delivered");
  });
  socket.on("here", (people) => {
    if (people.room !== room || !names) return;
    const gone = names.filter((name) => !people.names.includes(name));
    const came = people.names.filter((name) => !names.includes(name));
    for (const name of came) if (name !== me) system(`${name} came in`);
    for (const name of gone) {
      stopped(name);
      system(`${name} left`);
    }
    showPeople(people.names);
  });
  socket.on("typing", (name, on) => {
    stopped(name);
    if (on) typists.set(name, setTimeout(() => stopped(name), 4000));
    showTypists();
  });
  socket.on("order", (order) => notice(`Your ${order.item} is ready`));
}

// offline says since when what one sees may be wrong.
function offline() {
  $("since").textContent = clock(new Date());
  $("since").dateTime = new Date().toISOString();
  $("offline").hidden = false;
}

// The client waits longer and longer between its attempts: this one is at once.
function tryNow() {
  if (!socket || socket.connected) return;
  status("lost", "Reconnecting…");
  socket.disconnect().connect(); // what is waiting to be sent stays
}
$("try-now").addEventListener("click", tryNow);
addEventListener("online", tryNow);

function status(state, text) {
  $("status").dataset.state = state;
  if ($("status-text").textContent !== text) $("status-text").textContent = text;
}

function showTransport(engine) {
  if (socket.connected) status("connected", `Connected · ${engine.transport.name}`);
}

// Rooms.

function enter(next, line) {
  socket.timeout(ackTimeout).emit("join", next, (err, state) => {
    if (err) return; // the connection is lost, and entering is part of the next one
    if (state.error) return notice(`You cannot enter #${next}: ${state.error.message}.`);
    const unsent = next === room ? [...log.querySelectorAll("[data-tick=sending], [data-tick=failed]")].map((t) => t.closest(".message")) : [];
    room = next;
    sessionStorage.setItem("room", room);
    $("room-title").textContent = room;
    $("text").placeholder = `Write to #${room}`;
    document.title = `#${room} · gosio chat`;
    showRooms(state.rooms);
    showPeople(state.names);
    for (const name of [...typists.keys()]) stopped(name);
    log.setAttribute("aria-busy", "true"); // the past is not read out
    log.replaceChildren();
    shown.clear();
    for (const m of state.recent) {
      show(m);
      if (m.from !== me && !m.delivered) socket.emit("received", m.id);
    }
    if (!state.recent.length) system(`This is the beginning of #${room}`);
    log.append(...unsent);
    log.removeAttribute("aria-busy");
    if (line) system(line);
    toEnd();
  });
}

function showRooms(rooms) {
  const focused = $("rooms").contains(document.activeElement);
  $("rooms").replaceChildren(...rooms.map((name) => {
    const button = element("button", { type: "button", textContent: name, onclick: () => name !== room && enter(name) });
    if (name === room) button.setAttribute("aria-current", "true");
    return element("li", {}, button);
  }));
  if (focused) $("rooms").querySelector("[aria-current]").focus();
}

function showPeople(people) {
  names = people;
  const focused = $("here").contains(document.activeElement) && document.activeElement.dataset.name;
  $("count").textContent = `(${people.length})`;
  $("here").replaceChildren(...people.map((name) => {
    const li = element("li", {}, newAvatar(name), element("span", { className: "name", textContent: name }));
    if (name === me) {
      li.className = "self";
      li.lastChild.append(element("span", { className: "you", textContent: " (you)" }));
      return li;
    }
    const button = element("button", { type: "button", title: `Order a coffee for ${name}`, onclick: () => order(name) }, cup());
    button.setAttribute("aria-label", button.title);
    button.dataset.name = name;
    li.append(button);
    return li;
  }));
  if (focused) [...$("here").querySelectorAll("button")].find((b) => b.dataset.name === focused)?.focus();
}

// The REST route: the server tells that person, in whatever room they are.
async function order(user) {
  try {
    const response = await fetch("/orders", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ user, item: "coffee" }),
    });
    notice(response.ok ? `Coffee for ${user} is ordered` : "The coffee was not ordered. Please try again.");
  } catch {
    notice("The coffee was not ordered: you are offline.");
  }
}

// Messages.

const clock = (date) => date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

// The log scrolls along, unless somebody reads further up.
let atEnd = true;
const toEnd = () => (log.scrollTop = log.scrollHeight);
log.addEventListener("scroll", () => (atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 80));
new ResizeObserver(() => atEnd && toEnd()).observe(log);

function append(e) {
  log.append(e);
  if (atEnd) toEnd();
}

function system(text) {
  append(element("p", { className: "system", textContent: text }));
}

function show(m) {
  if (m.id && shown.has(m.id)) return shown.get(m.id);
  const mine = m.from === me;
  const message = element("div", { className: mine ? "message mine" : "message" });
  const last = log.lastElementChild;
  if (last?.dataset.from === m.from) message.classList.add("follows");
  message.dataset.from = m.from;
  const who = element("div", { className: "who" },
    element("b", { textContent: m.from }),
    element("time", { textContent: clock(m.at ? new Date(m.at) : new Date()) }));
  const bubble = element("div", { className: "bubble", textContent: m.text });
  message.append(who, newAvatar(m.from), bubble);
  if (mine) {
    who.append(element("span", { className: "tick" }));
    tick(message, m.id ? (m.delivered || delivered.has(m.id) ? "delivered" : "sent") : "sending");
  }
  if (m.id) shown.set(m.id, message);
  append(message);
  return message;
}

const ticks = {
  sending: ["Sending", "M9 3a5 5 0 1 0 .1 0M9 5.5V8l1.6 1.3"],
  sent: ["Sent", "M4 7.5l3.5 3.5L14 3.5"],
  delivered: ["Delivered", "M1 7.5l3.5 3.5L11 3.5", "M8.5 11L16 3.5"],
};

function tick(message, state, retry) {
  const t = message.querySelector(".tick");
  t.dataset.tick = state;
  if (state === "failed") {
    t.replaceChildren("Not sent", element("button", { type: "button", textContent: "Try again", onclick: retry }));
    return;
  }
  const [label, ...paths] = ticks[state];
  t.replaceChildren(icon("0 0 18 14", ...paths), element("span", { className: "unseen", textContent: label }));
  t.title = label;
}

// say sends a message; its acknowledgement is the first tick.
function say(draft) {
  const message = show({ from: me, text: draft.text });
  toEnd();
  socket.timeout(ackTimeout).emit("say", draft, (err, m) => {
    if (err || m.error) {
      if (m?.error) notice(`Your message was not sent: ${m.error.message}.`);
      return tick(message, "failed", () => {
        message.remove();
        say(draft);
        $("text").focus();
      });
    }
    if (shown.has(m.id)) message.remove(); // it came with the room's past, too
    else shown.set(m.id, message);
    tick(shown.get(m.id), delivered.has(m.id) ? "delivered" : "sent");
  });
}

$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (!text) return;
  say({ room, text });
  $("text").value = "";
  grow();
  typing(false);
  $("text").focus();
});

$("text").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $("composer").requestSubmit();
});

// grow makes the field as high as its text.
function grow() {
  $("text").style.height = "auto";
  $("text").style.height = `${$("text").scrollHeight + 2}px`;
}

// Typing notices: volatile, they are worth nothing later.

let saidTyping = 0;
let quiet;

function typing(on) {
  clearTimeout(quiet);
  if (on) quiet = setTimeout(() => typing(false), 3000);
  if (on ? Date.now() - saidTyping < 2000 : !saidTyping) return;
  saidTyping = on ? Date.now() : 0;
  socket.volatile.emit("typing", room, on);
}

$("text").addEventListener("input", () => {
  grow();
  typing($("text").value !== "");
});

function stopped(name) {
  clearTimeout(typists.get(name));
  if (typists.delete(name)) showTypists();
}

function showTypists() {
  const who = [...typists.keys()];
  $("typing").textContent = who.length === 0 ? "" : who.length === 1 ? `${who[0]} is typing…` : who.length < 4 ? `${who.slice(0, -1).join(", ")} and ${who.at(-1)} are typing…` : "Several people are typing…";
}

// Notices.

const mostNotices = 3; // and one of each text

function notice(text) {
  for (const old of [...$("notices").children]) if (old.dataset.text === text) old.remove();
  const n = element("div", { className: "notice" }, cup(), element("span", { textContent: text }));
  const close = element("button", { type: "button", textContent: "Close", onclick: () => n.remove() });
  n.append(close);
  n.dataset.text = text;
  $("notices").append(n);
  while ($("notices").children.length > mostNotices) $("notices").firstElementChild.remove();
  setTimeout(() => n.contains(document.activeElement) || n.remove(), 8000);
}

// Signing in and out.

function signIn() {
  sessionStorage.setItem("name", me);
  $("sign-in").hidden = true;
  $("app").hidden = false;
  $("me").textContent = me;
  paint($("me-avatar"), me);
  $("room-title").textContent = room;
  status("connecting", "Connecting…");
  connect();
  $("text").focus();
}

function signOut(error = "") {
  socket.disconnect();
  socket = undefined;
  everConnected = false;
  me = "";
  names = undefined;
  sessionStorage.removeItem("name");
  log.replaceChildren();
  $("notices").replaceChildren();
  $("offline").hidden = true;
  $("app").hidden = true;
  $("sign-in").hidden = false;
  $("sign-in-error").textContent = error;
  $("name").focus();
}

$("sign-in-form").addEventListener("submit", (event) => {
  event.preventDefault();
  me = $("name").value.trim();
  $("sign-in-error").textContent = me ? "" : "Please tell us your name.";
  if (me) signIn();
});
$("sign-out").addEventListener("click", () => signOut());

if (me) signIn();
