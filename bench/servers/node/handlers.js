// What every server of the benchmark does on the namespace "/".
export function serve(io) {
  io.on("connection", (socket) => {
    socket.on("echo", (data) => socket.emit("echo", data));
    socket.on("ack", (data, ack) => ack(data));
    socket.on("join", (room, ack) => {
      socket.join(room);
      ack("ok");
    });
    socket.on("bcast", (room, data) => io.to(room).emit("msg", data));
    socket.on("flood", (count, data) => {
      for (let i = 0; i < count; i++) socket.emit("msg", data);
    });
  });
}
