"use strict";

// Ending the connections of a server, after its name was typed.

let drained = ""; // the name of the server

function drainCell(n) {
  if ("readOnly" in settings) return make("td", {});
  if (n.draining) return make("td", {}, "draining");
  return make("td", {}, make("button", { type: "button", "aria-label": `Drain ${n.id}`, onclick: () => openDrain(n.id) }, "Drain…"));
}

function openDrain(id) {
  drained = id;
  $("drain-form").reset();
  $("drain-title").textContent = `Drain ${id}`;
  $("drain-done").textContent = "";
  $("drain").showModal();
}

onSubmit("drain-form", async (data) => {
  if (data.get("name").trim() !== drained) {
    $("drain-done").textContent = "That is not the name of the server.";
    return;
  }
  const { error } = await socket.timeout(10_000).emitWithAck("drain", { node: drained, seconds: Number(data.get("seconds")) }).catch((err) => ({ error: String(err.message ?? err) }));
  if (error) {
    $("drain-done").textContent = `Not done: ${typeof error === "string" ? error : error.message}`;
    return;
  }
  $("drain").close();
  await overview();
});
