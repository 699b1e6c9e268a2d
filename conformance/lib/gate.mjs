// A TCP proxy that holds back WebSocket connections until it is told to let
// them through, or all that clients send. The client stays as it is; only its
// network is slow.
import { once } from "node:events";
import { connect, createServer } from "node:net";

export class Gate {
  static async open(port, t) {
    const gate = new Gate();
    gate.sockets = new Set();
    gate.released = new Promise((resolve) => (gate.release = resolve));
    gate.server = createServer((client) => gate.#pass(client, port));
    gate.server.listen(0, "127.0.0.1");
    await once(gate.server, "listening");
    t.after(() => gate.close());
    return gate;
  }

  // refuse makes release end the connections that it would let through.
  refuse() {
    this.refuses = true;
  }

  // stall holds back all that clients send, until resume.
  stall() {
    this.flowing = new Promise((resolve) => (this.resume = resolve));
  }

  get url() {
    return `http://127.0.0.1:${this.server.address().port}`;
  }

  async #pass(client, port) {
    this.#keep(client);
    const first = await new Promise((resolve) => client.once("data", resolve).once("close", resolve));
    if (!Buffer.isBuffer(first)) return;
    client.pause();
    if (first.includes("transport=websocket")) {
      await this.released;
      if (this.refuses) return client.destroy();
    }
    const server = connect(port, "127.0.0.1");
    this.#keep(server);
    const send = async (data) => {
      await this.flowing;
      server.write(data);
    };
    send(first);
    client.on("data", send).resume();
    server.pipe(client);
    client.on("close", () => server.destroy());
    server.on("close", () => client.destroy());
  }

  #keep(socket) {
    this.sockets.add(socket);
    socket.on("error", () => {}); // the other end sees it as a close
    socket.on("close", () => this.sockets.delete(socket));
  }

  close() {
    this.release();
    this.resume?.();
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }
}
