let token = "";
const socket = io({ autoConnect: false, auth: (send) => send({ token }) });
const $ = (id) => document.getElementById(id);
let room = $("room").value;

$("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const response = await fetch("/login", { method: "POST", body: new FormData($("login")) });
  if (!response.ok) return status(await response.text());
  token = await response.text();
  $("login").hidden = true;
  $("chat").hidden = false;
  socket.connect();
});

socket.on("connect", () => {
  status(socket.recovered ? "Connected again, nothing is missing" : "Connected");
  if (!socket.recovered) socket.emit("join", room); // a new socket, in no room
});
socket.on("connect_error", (error) => {
  status(error.message);
  if (socket.active) return; // the client tries again by itself
  $("login").hidden = false; // the server has refused the token
  $("chat").hidden = true;
});
socket.on("disconnect", () => status("Connection lost, trying again…"));
socket.on("joined", (where, who) => where === room && line(`${who} came in`));
socket.on("said", (m) => m.room === room && line(`${m.from}: ${m.text}`));
socket.on("whispered", (from, text) => line(`${from} whispers: ${text}`));

$("room").addEventListener("change", () => {
  socket.emit("leave", room);
  room = $("room").value;
  $("lines").replaceChildren();
  socket.emit("join", room);
});

$("say").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = $("text").value;
  const own = line(`you: ${text} …`);
  $("text").value = "";
  try {
    const reply = await socket.timeout(5000).emitWithAck("say", { room, text });
    own.textContent = reply.error ? `not sent: ${reply.error.message}` : `you: ${text} ✓`;
  } catch {
    own.textContent = `you: ${text} (nobody has answered)`;
  }
});

function status(text) {
  $("status").textContent = text;
}

function line(text) {
  const item = document.createElement("li");
  item.textContent = text;
  $("lines").append(item);
  return item;
}
