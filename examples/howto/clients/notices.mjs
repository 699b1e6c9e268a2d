// docs:notices
// watchNotices shows notices, and takes away what was read on another device.
export function watchNotices(socket, show, hide) {
  socket.on("notice", (notice, arrived) => {
    show(notice);
    arrived(); // this device has it
  });
  socket.on("read", hide);
  return (id) => socket.emit("read", id); // call it when the user has read a notice
}
