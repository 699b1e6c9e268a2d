"use strict";

const $ = (id) => document.getElementById(id);
const socket = io({ autoConnect: false });
let leaving = false; // this window signs out

function show(id) {
  for (const main of document.querySelectorAll("main")) main.hidden = main.id !== id;
}

function status(state, text) {
  $("status").dataset.state = state;
  $("status-text").textContent = text;
}

function paint(theme) {
  document.documentElement.dataset.theme = theme;
  for (const b of document.querySelectorAll("[data-theme][type=button]")) b.setAttribute("aria-pressed", b.dataset.theme === theme);
}

// post sends a form, and returns what the server says is wrong.
async function post(path, fields = {}) {
  try {
    const response = await fetch(path, { method: "POST", body: new URLSearchParams(fields) });
    return response.ok ? "" : await response.text();
  } catch {
    return "The server cannot be reached.";
  }
}

// The session, as long as it lives.

socket.on("connect", () => {
  status("connected", "Connected");
  $("offline").hidden = true;
  show("app");
});

socket.on("state", ({ user, theme, clicks, windows }) => {
  $("user").textContent = user;
  $("clicks").textContent = clicks;
  $("windows").textContent = windows === 1 ? "1 window" : `${windows} windows`;
  paint(theme || "auto");
});

socket.on("disconnect", (reason) => {
  if (reason === "io client disconnect") return;
  status("lost", "Reconnecting…");
  $("since").textContent = new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  $("since").dateTime = new Date().toISOString();
  $("offline").hidden = false;
});

// The client waits longer and longer between its attempts: this one is at once.
function tryNow() {
  if (socket.active && !socket.connected) socket.disconnect().connect();
}
$("try-now").addEventListener("click", tryNow);
addEventListener("online", tryNow);

// Its end. A logout is told at once; whatever else ends a session is found out
// by the reconnection, which is refused.

socket.on("session:ended", () => signedOut(leaving ? "" : "You have signed out in another window."));

socket.on("connect_error", ({ data }) => {
  if (socket.active) return status("lost", "Reconnecting…"); // by itself
  if (data?.retryable) return setTimeout(() => socket.connect(), 2000); // its store is down
  signedOut("Your session has ended. Please sign in again.");
});

function signedOut(why) {
  socket.disconnect(); // and does not come back
  $("offline").hidden = true;
  leaving = false;
  $("why").textContent = why;
  $("note").textContent = "";
  $("password").value = "";
  show("sign-in");
  $("name").focus();
}

// What the user does.

$("sign-in-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  $("error").textContent = await post("/app/login", new FormData(event.target));
  if ($("error").textContent) return;
  $("why").textContent = "";
  socket.connect();
});

$("sign-out").addEventListener("click", async () => {
  leaving = true;
  $("note").textContent = await post("/app/logout");
  if ($("note").textContent) leaving = false;
});

$("renew").addEventListener("click", async () => {
  const { id } = socket;
  const wrong = await post("/app/renew");
  $("note").textContent = wrong || `The session has a new id; socket ${id} goes on.`;
});

$("click").addEventListener("click", () => {
  socket.timeout(5000).emit("click", (err, answer) => {
    $("note").textContent = err ? "No answer; please try again." : answer?.error?.message ?? "";
  });
});

for (const button of document.querySelectorAll("[data-theme][type=button]")) {
  button.addEventListener("click", async () => {
    paint(button.dataset.theme);
    $("note").textContent = await post("/app/theme", { theme: button.dataset.theme });
  });
}

// The page knows by an HTTP request whether there is a session to connect with.

(async () => {
  const { user, theme } = await (await fetch("/app/session")).json();
  paint(theme || "auto");
  if (user) return socket.connect();
  show("sign-in");
  $("name").focus();
})();
