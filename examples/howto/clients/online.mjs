// docs:online
// watchOnline keeps a set of who is there, and calls show when it changes.
export function watchOnline(socket, show) {
  const there = new Set();
  const change = (f) => (f(), show([...there].sort()));
  socket.on("online", (user) => change(() => there.add(user)));
  socket.on("offline", (user) => change(() => there.delete(user)));
  socket.on("connect", async () => { // again after each reconnect: events were missed
    const users = await socket.timeout(5000).emitWithAck("who");
    if (users.error) return;
    change(() => (there.clear(), users.forEach((user) => there.add(user))));
  });
}
