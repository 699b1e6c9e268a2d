// docs:limits
// say sends a message, and sends it again when the server asks to wait.
export async function say(socket, text, wait = (ms) => new Promise((done) => setTimeout(done, ms))) {
  for (;;) {
    const reply = await socket.timeout(5000).emitWithAck("say", text);
    if (!reply?.error) return;
    if (reply.error.code !== "rate_limited") throw new Error(reply.error.message);
    await wait(reply.error.data?.retryAfter ?? 1000);
  }
}
