"use strict";

const $ = (id) => document.getElementById(id);
const log = $("log");
const ackTimeout = 10_000; // ms

let me; // {name, roles}, while signed in

// Tokens. A script has the short-lived one, and nothing that it could lose for
// long: what fetches the next is in a cookie that only the browser can read.

let token; // {value, life, until}: times in ms of performance.now(), whatever the clock says
let oldest; // the first token of this login, for the button that shows a stale one
let renewed = 0;

function keep(grant) {
  const life = grant.expires_in * 1000;
  token = { value: grant.token, life, until: performance.now() + life };
  oldest ??= grant.token;
  const part = grant.token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
  const claims = JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(part), (char) => char.charCodeAt(0))));
  return { name: claims.sub, roles: claims.roles };
}

let doubted = false; // the server has refused a token that had not expired
let fetching;

// freshToken returns a token that will not end at once, or nothing when the
// login is over. Namespaces that ask at the same time share a request.
async function freshToken() {
  if (token && token.until - performance.now() > 500) return token.value;
  fetching ??= refresh().finally(() => (fetching = undefined));
  return fetching;
}

async function refresh() {
  while (me) {
    const response = await fetch("/refresh", { method: "POST" }).catch(() => undefined);
    if (!me) return;
    if (response?.status === 401) return signOut("Your login is over. Please sign in again.");
    if (response?.ok) {
      const { name } = keep(await response.json());
      if (name !== me.name) return signOut(`In another window of this browser, ${name} has signed in.`);
      showToken(++renewed);
      return token.value;
    }
    await new Promise((resolve) => setTimeout(resolve, 1000)); // the network, or the server
  }
}

// Namespaces: three, on one connection.

const everyone = io({ autoConnect: false });
const chat = guarded("/chat");
const admin = guarded("/admin");

// guarded is a namespace that asks for a token. auth is a function, which the
// client calls for each connection: that is all it takes to outlive tokens.
function guarded(namespace) {
  let sent; // the token of the last attempt
  const socket = io(namespace, {
    auth: async (send) => {
      sent = await freshToken();
      if (sent) send({ token: sent });
    },
  });
  socket.on("disconnect", (reason) => {
    // When the token ends, so does this namespace, and not the connection: the
    // public one is on it. Then the client leaves it to us to join again.
    if (reason === "io server disconnect") socket.connect();
  });
  socket.on("connect_error", (err) => {
    if (socket.active) return; // the network: the client tries again by itself
    if (!me) return;
    const { code, retryable } = err.data ?? {};
    if (retryable) {
      status("connecting", "Waiting to be let in…");
      setTimeout(() => me && socket.connect(), 5000);
    } else if (code === "forbidden") {
      notice(namespace, refusal(err));
    } else if (sent !== token?.value) {
      socket.connect(); // there is another one by now, or will be
    } else if (code === "token_expired" || !doubted) {
      // It has ended, or the server knows it no longer: after a restart it may
      // have another key. The login, which is in the cookie, decides.
      doubted ||= code !== "token_expired";
      token = undefined;
      socket.connect();
    } else {
      signOut("The server does not know your login any more. Please sign in again.");
    }
  });
  socket.on("connect", () => (doubted = false));
  return socket;
}

// refusal makes a sentence of a refusal. Its code is for programs.
function refusal({ data = {} }) {
  switch (data.code) {
    case "forbidden":
      return data.required ? `This is only for people with the role ${data.required.join(" or ")}.` : "You are not allowed to enter.";
    case "token_missing":
      return "You have to sign in to enter.";
    case "token_expired":
      return "The old token was not let in: it has expired.";
    case "token_revoked":
      return "You have been signed out.";
    default:
      return "The server did not let you in. Please sign in again.";
  }
}

everyone.on("connect", () => {
  const { engine } = everyone.io;
  const connected = () => status("connected", `Connected · ${engine.transport.name}`);
  engine.on("upgrade", connected);
  connected();
  $("offline").hidden = true;
});
everyone.on("disconnect", () => {
  status("lost", "Connection lost");
  $("since").textContent = clock(new Date());
  $("since").dateTime = new Date().toISOString();
  $("offline").hidden = false;
  $("public").textContent = "No connection to the server";
});
everyone.io.on("reconnect_attempt", (n) => status("lost", `Reconnecting, attempt ${n}…`));
everyone.on("visitors", (n) => ($("public").textContent = `Open to everybody: ${n} ${n === 1 ? "window is" : "windows are"} here`));

// The client waits longer and longer between its attempts: this one is at once.
function tryNow() {
  if (everyone.connected) return;
  status("lost", "Reconnecting…");
  const waiting = [everyone, chat, admin].filter((socket) => socket.active);
  for (const socket of waiting) socket.disconnect();
  for (const socket of waiting) socket.connect();
}
$("try-now").addEventListener("click", tryNow);
addEventListener("online", tryNow);

everyone.on("announcement", ({ from, text }) => {
  $("announcement").textContent = `${from}: ${text}`;
  $("announcement").hidden = false;
});

chat.on("connect", () => outbox.forEach(send)); // also what was under way when the token ended
chat.on("welcome", (state) => {
  showPeople(state.here);
  state.recent.forEach(show);
});
chat.on("here", showPeople);
chat.on("said", show);

admin.on("connect", () => ($("admin").hidden = false));

const clock = (date) => date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

// Messages. A draft stays in the outbox until the server has it, under a key by
// which it knows those that come twice.

const outbox = new Map(); // key -> draft
const shown = new Map(); // message id -> its element

function say(text) {
  const key = [...crypto.getRandomValues(new Uint32Array(4))].join("-");
  const draft = { key, text, element: message({ from: me.name, text }) };
  outbox.set(key, draft);
  send(draft);
}

function send(draft) {
  const { key, text } = draft;
  if (!chat.connected) return; // it goes when the chat is joined
  chat.timeout(ackTimeout).emit("say", { key, text }, (err, m) => {
    if (!outbox.has(key)) return;
    if (err) return send(draft);
    if (m.error?.data?.code === "token_expired") return; // as above
    outbox.delete(key);
    if (m.error) {
      notice("say", `Your message was not sent: ${m.error.message}.`);
      draft.element.querySelector(".tick").replaceChildren("Not sent");
    } else if (shown.has(m.id)) {
      draft.element.remove(); // it was among what we had missed
    } else {
      sent(draft.element, m);
    }
  });
}

function sent(e, m) {
  shown.set(m.id, e);
  e.dataset.id = m.id;
  const tick = e.querySelector(".tick");
  if (tick) {
    tick.dataset.tick = "sent";
    tick.replaceChildren("Sent");
  }
  place(e);
}

function show(m) {
  if (!shown.has(m.id)) sent(message(m), m);
}

function message(m) {
  const mine = m.from === me.name;
  const e = element("div", { className: mine ? "message mine" : "message" });
  e.dataset.from = m.from;
  const at = m.at ? new Date(m.at) : new Date();
  const who = element("div", { className: "who" },
    element("b", { textContent: m.from }),
    element("time", { textContent: clock(at) }));
  if (mine) {
    const tick = element("span", { className: "tick", textContent: "Sending" });
    tick.dataset.tick = "sending";
    who.append(tick);
  }
  e.append(who, avatar(m.from), element("div", { className: "bubble", textContent: m.text }));
  place(e);
  return e;
}

// place puts a message where its id says; those without one are the newest.
function place(e) {
  const number = (e) => Number(e.dataset.id ?? Infinity);
  const next = [...log.children].find((other) => other !== e && number(other) > number(e));
  log.insertBefore(e, next ?? null);
  log.scrollTop = log.scrollHeight;
}

// Elements. Texts go in as text, never as HTML.

function element(tag, props = {}, ...children) {
  const e = Object.assign(document.createElement(tag), props);
  e.append(...children);
  return e;
}

function paint(e, name) {
  let hue = 0;
  for (const char of name) hue = (hue * 31 + char.codePointAt(0) * 137) % 360;
  e.style.setProperty("--hue", hue);
  e.textContent = [...name][0].toUpperCase();
  return e;
}

function avatar(name) {
  const e = paint(element("span", { className: "avatar" }), name);
  e.setAttribute("aria-hidden", "true");
  return e;
}

function status(state, text) {
  $("status").dataset.state = state;
  if ($("status-text").textContent !== text) $("status-text").textContent = text;
}

let here = "";

function showPeople(names) {
  if (here === names.join()) return;
  here = names.join();
  $("count").textContent = `(${names.length})`;
  $("here").replaceChildren(...names.map((name) => {
    const label = element("span", { className: "name" }, name);
    if (name === me.name) label.append(element("span", { className: "you", textContent: " (you)" }));
    return element("li", {}, avatar(name), label);
  }));
}

function showToken() {
  if (!me) return;
  const left = Math.max(0, token ? token.until - performance.now() : 0);
  $("token-left").textContent = `${Math.ceil(left / 1000)} s left`;
  $("token-renewed").textContent = `renewed ${renewed} ${renewed === 1 ? "time" : "times"}`;
  $("token-bar").value = token ? left / token.life : 0;
}
setInterval(showToken, 250);

const mostNotices = 3;

// notice shows one text per subject, the latest.
function notice(subject, ...content) {
  const n = element("div", { className: "notice" }, element("span", {}, ...content));
  n.dataset.subject = subject;
  n.append(element("button", { type: "button", textContent: "Close", onclick: () => n.remove() }));
  [...$("notices").children].find((old) => old.dataset.subject === subject)?.remove();
  $("notices").append(n);
  while ($("notices").children.length > mostNotices) $("notices").firstElementChild.remove();
}

// What the buttons show. Two of them open a connection of their own.

const aside = { forceNew: true, upgrade: false };

// Without a token: the code is what a front end decides by.
$("no-token").addEventListener("click", () => {
  const socket = io("/chat", aside);
  socket.on("connect_error", (err) => {
    if (socket.active) return;
    $("sign-in-error").textContent = refusal(err);
    socket.disconnect();
  });
});

// With auth as an object, a client that reconnects sends what it sent at first.
let stale;
$("stale").addEventListener("click", () => {
  stale?.disconnect();
  const socket = (stale = io("/chat", { ...aside, auth: { token: oldest }, reconnectionDelay: 200 }));
  socket.on("connect", () => notice("old token", "A second connection was let in with your first token. When that has expired, it tries the same one again."));
  socket.on("connect_error", (err) => {
    if (socket.active) return;
    notice("old token", refusal(err));
    socket.disconnect();
  });
});

$("rest").addEventListener("click", async () => {
  const response = await fetch("/me", { headers: { Authorization: `Bearer ${await freshToken()}` } }).catch(() => undefined);
  if (!response?.ok) return notice("rest", response ? "The server does not know who you are. Please sign in again." : "No answer: you are offline.");
  const { name, roles } = await response.json();
  notice("rest", `The server says that you are ${name} (${roles.join(", ")}).`);
});

$("open-admin").addEventListener("click", () => admin.connect());
$("admin").addEventListener("submit", (event) => {
  event.preventDefault();
  admin.timeout(ackTimeout).emit("announce", $("announce").value, (err, reply) => {
    if (err) notice("announce", "Nobody was told: there was no answer. Please try again.");
    else if (reply?.error) notice("announce", `Nobody was told: ${reply.error.message}.`);
    else $("announce").value = "";
  });
});

$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (text) say(text);
  $("text").value = "";
  $("text").focus();
});
$("text").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $("composer").requestSubmit();
});

// Signing in and out.

function signedIn(who) {
  me = who;
  localStorage.setItem("signed-in", "yes"); // a hint only: the cookie decides
  $("sign-in").hidden = true;
  $("app").hidden = false;
  $("password").value = "";
  $("me").textContent = me.name + (me.roles.includes("admin") ? ", admin" : "");
  paint($("me-avatar"), me.name);
  showToken();
  chat.connect();
  $("text").focus();
}

function signOut(why = "") {
  for (const socket of [chat, admin, stale]) socket?.disconnect();
  me = token = oldest = stale = undefined;
  doubted = false;
  renewed = 0;
  here = "";
  localStorage.removeItem("signed-in");
  outbox.clear();
  shown.clear();
  for (const id of ["log", "notices", "here"]) $(id).replaceChildren();
  $("app").hidden = $("admin").hidden = true;
  $("sign-in").hidden = false;
  $("sign-in-error").textContent = why;
  $("name").focus();
}

let leaving; // until its answer is here, which takes the cookie away

$("sign-in-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  await leaving;
  const body = JSON.stringify({ name: $("name").value, password: $("password").value });
  const response = await fetch("/login", { method: "POST", headers: { "Content-Type": "application/json" }, body }).catch(() => undefined);
  if (response?.ok) return signedIn(keep(await response.json()));
  $("sign-in-error").textContent = response?.status === 401 ? "Wrong name or password." : "That did not work. Please try again.";
});
$("sign-out").addEventListener("click", () => {
  leaving = fetch("/logout", { method: "POST" }).catch(() => {}); // signed out here in any case
  signOut();
});

// resume signs in whoever has loaded the page again.
async function resume() {
  const response = await fetch("/refresh", { method: "POST" }).catch(() => undefined);
  if (response?.ok) signedIn(keep(await response.json()));
  else localStorage.removeItem("signed-in");
}

everyone.connect();
if (localStorage.getItem("signed-in")) resume();
