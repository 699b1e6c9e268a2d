// docs:say
// typingSender tells the room that somebody writes, every two seconds at most, and
// that they have stopped. Call the first function for each key, the second one when
// the text was sent or is empty again.
export function typingSender(socket, room) {
  let last = 0;
  return [
    () => {
      if (Date.now() - last < 2000) return;
      last = Date.now();
      socket.volatile.emit("typing", room, true);
    },
    () => {
      if (last) socket.emit("typing", room, false);
      last = 0;
    },
  ];
}

// docs:show
// watchTyping calls show with those who write. Who says nothing more for four seconds
// has stopped: they may have closed the page.
export function watchTyping(socket, room, show, patience = 4000) {
  const writers = new Map(); // name to timer
  const stop = (name) => (clearTimeout(writers.get(name)), writers.delete(name), show([...writers.keys()]));
  socket.on("typing", (where, name, on) => {
    if (where !== room) return;
    if (!on) return stop(name);
    clearTimeout(writers.get(name));
    writers.set(name, setTimeout(stop, patience, name));
    show([...writers.keys()]);
  });
}
