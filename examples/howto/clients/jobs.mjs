// docs:jobs
// follow resolves when a job is done, and rejects when it has failed. It watches again
// after a reconnect, and gets the state of that moment as the answer.
export function follow(socket, id, show = () => {}) {
  return new Promise((resolve, reject) => {
    const end = (f, value) => (socket.off("progress", take), socket.off("connect", watch), f(value));
    const take = (p) => {
      if (p.id !== id) return;
      show(p.done);
      if (p.error) end(reject, new Error(p.error));
      else if (p.done === 100) end(resolve, p);
    };
    const watch = () =>
      socket.emit("watch", id, (p) => (p.error?.code ? end(reject, new Error(p.error.message)) : take(p)));
    socket.on("progress", take);
    socket.on("connect", watch);
    if (socket.connected) watch();
  });
}
