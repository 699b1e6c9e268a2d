// The wire by hand, for the protocol suites: requests, and a WebSocket whose
// messages are taken one at a time.
import { WebSocket } from "ws";

const patience = 20_000;

// Wire talks to one server, at one path.
export class Wire {
  constructor(server, path) {
    this.base = `${server.url}${path}`;
  }

  // request sends one HTTP request; query is EIO=4&transport=polling unless told.
  request(query = {}, options = {}) {
    return fetch(`${this.base}?${params(query, "polling")}`, { signal: AbortSignal.timeout(patience), ...options });
  }

  post(sid, body) {
    return this.request({ sid }, { method: "POST", body });
  }

  // poll answers with the text of one GET that must succeed.
  async poll(sid) {
    const response = await this.request({ sid });
    if (response.status !== 200) throw new Error(`a poll was answered with ${response.status}`);
    return response.text();
  }

  // openPolling opens a session and answers with its id.
  async openPolling() {
    const response = await this.request();
    return JSON.parse((await response.text()).slice(1)).sid;
  }

  webSocket(query = {}) {
    return new Peer(`${this.base.replace("http", "ws")}?${params(query, "websocket")}`);
  }

  // openWebSocket opens a session over WebSocket and takes the handshake.
  async openWebSocket() {
    const peer = this.webSocket();
    await peer.message();
    return peer;
  }

  // openUpgrade opens a session over polling and probes its upgrade.
  async openUpgrade() {
    const sid = await this.openPolling();
    const peer = this.webSocket({ sid });
    await peer.opened;
    peer.send("2probe");
    return { sid, peer, probe: await peer.message() };
  }
}

// params are a query's parameters; undefined takes a default one away.
function params(query, transport) {
  const all = { EIO: "4", transport, ...query };
  return new URLSearchParams(Object.entries(all).filter(([, value]) => value !== undefined));
}

// Peer is one WebSocket. Its messages wait until they are taken.
class Peer {
  #messages = [];
  #takers = [];

  constructor(url) {
    this.socket = new WebSocket(url, { allowSynchronousEvents: false });
    this.closed = new Promise((resolve) => this.socket.once("close", resolve));
    this.opened = this.#unlessClosed("open", new Promise((resolve) => this.socket.once("open", resolve)));
    this.opened.catch(() => {}); // awaited only by those who need it
    this.socket.on("error", (error) => (this.error = error)); // a close follows
    this.socket.on("message", (data, isBinary) => {
      const message = isBinary ? data : data.toString();
      if (this.#takers.length > 0) this.#takers.shift()(message);
      else this.#messages.push(message);
    });
  }

  send(data) {
    this.socket.send(data);
  }

  // message takes the next message: a string, or a Buffer for a binary one.
  message() {
    if (this.#messages.length > 0) return Promise.resolve(this.#messages.shift());
    return this.#unlessClosed("message", new Promise((resolve) => this.#takers.push(resolve)));
  }

  // packets takes the next messages that are no heartbeat.
  async packets(count) {
    const all = [];
    while (all.length < count) {
      const message = await this.message();
      if (message !== "2") all.push(message);
    }
    return all;
  }

  // close waits until the server has closed, and fails if an error came first.
  async close() {
    await within("close", this.closed);
    if (this.error) throw this.error;
  }

  // refused waits until the server has closed, or never let it open.
  refused() {
    return within("close", this.closed);
  }

  #unlessClosed(what, promise) {
    const closed = this.closed.then((code) => Promise.reject(new Error(`closed (${code}), and no ${what}`)));
    return within(what, Promise.race([promise, closed]));
  }

  terminate() {
    this.socket.terminate();
  }
}

function within(what, promise) {
  let timer;
  const late = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no ${what} within ${patience} ms`)), patience);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
