// docs:private
// conversation shows what two users say to each other, on each of their devices.
export function conversation(socket, me, other, show) {
  const seen = new Set();
  const add = (mail) => {
    const key = mail.from + mail.sent + mail.text;
    if (seen.has(key) || ![mail.from, mail.to].includes(other)) return;
    seen.add(key);
    show(mail);
  };
  socket.on("mail", add);
  const load = async () => (await socket.timeout(5000).emitWithAck("history", other))?.forEach?.(add);
  socket.on("connect", load); // what came while this device was away
  if (socket.connected) load();
  return async (text) => {
    const mail = await socket.timeout(5000).emitWithAck("say", other, text);
    if (mail.error) throw new Error(mail.error.message);
    add(mail);
  };
}
