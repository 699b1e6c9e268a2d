// docs:ask
// ask emits, waits for the acknowledgement, and throws what the server refuses.
async function ask(socket, event, ...args) {
  const reply = await socket.timeout(30_000).emitWithAck(event, ...args);
  if (reply?.error) throw new Error(reply.error.message);
  return reply;
}

// docs:upload
// upload sends a File or a Blob in parts of 64 KB. The server's answer to a part is
// what it has, so progress is what has arrived and not what was sent.
export async function upload(socket, name, file, progress = () => {}) {
  await ask(socket, "upload", name, file.size);
  for (let at = 0; at < file.size; ) {
    at = await ask(socket, "part", await file.slice(at, at + 64 * 1024).arrayBuffer());
    progress(at / file.size);
  }
}

// docs:download
// download collects the parts of a file. The acknowledgement comes behind the last.
export async function download(socket, name, progress = () => {}) {
  const size = await ask(socket, "size", name);
  const parts = [];
  let got = 0;
  const take = (of, data) => {
    if (of !== name) return;
    parts.push(data);
    progress((got += data.byteLength) / size);
  };
  socket.on("part", take);
  try {
    await ask(socket, "download", name);
  } finally {
    socket.off("part", take);
  }
  return new Blob(parts);
}
