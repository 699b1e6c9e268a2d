"use strict";

// Recording a socket or a room to a file: the servers keep what happens, and the page fetches
// it each second.

let recording = null; // the one that runs, or whose file is there

onSubmit("record-form", async (data) => {
  if (recording && !recording.file) {
    $("record-done").textContent = "There is a recording already.";
    return;
  }
  forget();
  const id = [...crypto.getRandomValues(new Uint8Array(16))].map((n) => n.toString(16).padStart(2, "0")).join("");
  const is = await ask("record", { id, namespace: target.namespace, socket: target.socket, room: target.in, seconds: Number(data.get("seconds")) });
  if (!is) return;
  if (is.errors.length || (target.socket && !is.sockets)) {
    $("record-done").textContent = is.errors.join("; ") || "No server has that socket.";
    await ask("record", { id, stop: true });
    return;
  }
  $("record-done").textContent = "";
  recording = { id, header: is.header, what: target.socket ?? `room ${target.in}`, nodes: new Map(), lines: [], misses: 0 };
  $("target").close();
  $("recording").hidden = false;
  for (const [part, hidden] of [["stop", false], ["file", true], ["close", true]]) $(`recording-${part}`).hidden = hidden;
  await fetchRecording();
});

async function fetchRecording() {
  const r = recording;
  const from = Object.fromEntries([...r.nodes].map(([name, n]) => [name, n.next]));
  const parts = await ask("recorded", { id: r.id, from });
  for (const p of parts ?? []) {
    r.lines.push(...p.lines);
    r.nodes.set(p.node, p);
  }
  r.misses = parts?.length ? 0 : r.misses + 1; // the server has gone, or is busy
  const all = [...r.nodes.values()];
  const sum = (key) => all.reduce((n, p) => n + p[key], 0);
  const packets = r.lines.length - 2 * all.filter((p) => p.over).length;
  const missed = sum("missed") ? `; ${sum("missed")} sockets too many` : "";
  $("recording-text").textContent = `Recording ${r.what}: ${whole.format(Math.max(0, packets))} lines, ${bytes(sum("bytes"))}${missed}`;
  if ((all.length && all.every((p) => p.over)) || r.misses >= 5) finishRecording(r);
  else setTimeout(fetchRecording, 1000);
}

function finishRecording(r) {
  r.lines.sort((a, b) => a.at - b.at);
  r.file = URL.createObjectURL(new Blob([[r.header, ...r.lines.map((line) => line.text), ""].join("\n")], { type: "application/jsonl" }));
  $("recording-text").textContent += r.misses ? "; the end is missing, no server has answered" : "; done";
  $("recording-stop").hidden = true;
  $("recording-close").hidden = false;
  $("recording-file").hidden = false;
  $("recording-file").href = r.file;
  $("recording-file").download = `${r.what.replace(/[^\w-]+/g, "-").slice(0, 60)}.jsonl`;
}

function forget() {
  if (recording?.file) URL.revokeObjectURL(recording.file);
  recording = null;
  $("recording").hidden = true;
}

$("recording-stop").addEventListener("click", () => ask("record", { id: recording.id, stop: true }));
$("recording-close").addEventListener("click", forget);
