// Engine.IO v4: one session over one transport at a time. See https://github.com/socketio/engine.io-protocol.
import { encodedLength, type EnginePacket } from "./codec.js";
import { Emitter, type EventName } from "./emitter.js";
import { Polling } from "./polling.js";
import { startTimer, stopTimer } from "./timers.js";
import type { Target, Transport } from "./transport.js";
import { decodeQuery, parseAddress } from "./url.js";
import { WebSocketTransport } from "./websocket.js";

const TRANSPORTS: Record<string, new (target: Target) => Transport> = {
  polling: Polling,
  websocket: WebSocketTransport,
};

// Option rememberUpgrade: whether the last connection of this page got as far as a WebSocket.
let webSocketWorked = false;

type State = "opening" | "open" | "closing" | "closed";

export class Engine extends Emitter {
  id: string | null = null;
  readyState: State = "opening";
  transport!: Transport;
  /** Packets not yet sent; the first _sent of them are being sent. */
  writeBuffer: EnginePacket[] = [];
  upgrading = false;
  opts: any;
  hostname: string;
  secure: boolean;
  port: string;

  /** The owner's ear: called before the listeners. */
  _hook?: (event: EventName, args: any[]) => void;
  _sent = 0;
  _target: Target;
  _names: string[];
  _probing?: Transport;
  _pingInterval = 0;
  _pingTimeout = 0;
  _maxPayload?: number;
  _pingTimer: any;
  /** When the next ping is overdue, by the wall clock: timers sleep with the machine. */
  _pingTimeoutTime = Infinity;

  constructor(uri: string | undefined, opts: any) {
    super();
    // An address decides alone; without one the options do, and the page for what they leave out.
    const hostname = opts.hostname || opts.host;
    const address = parseAddress(uri || (hostname && "//" + hostname));
    this.opts = { ...opts };
    if (uri && address.query) this.opts.query = address.query;
    if (typeof this.opts.query === "string") this.opts.query = decodeQuery(this.opts.query);
    this.secure = uri || opts.secure == null ? address.secure : opts.secure;
    this.hostname = address.host;
    this.port = address.port;
    if (!uri && (opts.port || hostname)) this.port = "" + (opts.port || (this.secure ? 443 : 80));
    this._target = { secure: this.secure, host: this.hostname, port: this.port, opts: this.opts };
    this._names = (opts.transports || Object.keys(TRANSPORTS)).filter((name: string) => name in TRANSPORTS);
    this._listen("addEventListener");
    this._open();
  }

  emit(event: EventName, ...args: any[]): any {
    if (this._hook) this._hook(event, args);
    return super.emit(event, ...args);
  }

  /** Sends one message: text or binary. */
  write(data: any, options?: any, fn?: () => void): this {
    this._send("message", data, options);
    if (fn) this.once("flush", fn);
    return this;
  }

  send(data: any, options?: any, fn?: () => void): this {
    return this.write(data, options, fn);
  }

  /** Closes once everything written so far has been handed to the transport. */
  close(): this {
    if (this.readyState === "opening" || this.readyState === "open") {
      this.readyState = "closing";
      this._closeIfDone();
    }
    return this;
  }

  _open(): void {
    this.readyState = "opening";
    let name = this._names[0];
    if (this.opts.rememberUpgrade && webSocketWorked && this._names.includes("websocket")) name = "websocket";
    if (!name) {
      startTimer(this.opts, () => this._error(new Error("No transports available")), 0);
      return;
    }
    this._use(this._create(name));
    const { transport } = this;
    // Not before the caller could listen: opening may fail at once.
    queueMicrotask(() => {
      if (!transport._closed) transport._open();
    });
  }

  _create(name: string): Transport {
    const opts = { ...this.opts, ...(this.opts.transportOptions || {})[name] };
    const transport = new TRANSPORTS[name]({ ...this._target, opts });
    transport._sid = this.id || undefined;
    return transport;
  }

  _use(transport: Transport): void {
    this.transport = transport;
    transport._onPacket = (packet) => this._receive(packet);
    transport._onDrain = () => this._drained();
    transport._onFail = (reason, details) =>
      reason === "transport error" ? this._error(details) : this._end(reason, details);
  }

  _receive(packet: EnginePacket): void {
    if (this.readyState === "closed") return;
    this.emit("packet", packet);
    this.emit("heartbeat");
    switch (packet.type) {
      case "open":
        this._handshake(packet.data);
        break;
      case "ping":
        this._send("pong");
        this.emit("ping");
        this.emit("pong");
        this._expectPing();
        break;
      case "error":
        this._error(Object.assign(new Error("server error"), { code: packet.data }));
        break;
      case "message":
        this.emit("data", packet.data);
        this.emit("message", packet.data);
    }
  }

  _handshake(json: any): void {
    let data: any;
    try {
      data = JSON.parse(json);
    } catch (_) {
      // reported below
    }
    if (!data || !data.sid || this.id || !(data.pingInterval + data.pingTimeout > 0)) return this._error(new Error("invalid handshake"));
    const { transport } = this;
    this.id = transport._sid = data.sid;
    this._pingInterval = data.pingInterval;
    this._pingTimeout = data.pingTimeout;
    this._maxPayload = data.maxPayload;
    this.emit("handshake", data);
    transport.writable = true;
    this._expectPing();
    if (this.readyState !== "opening") return;
    this.readyState = "open";
    webSocketWorked = transport.name === "websocket";
    this.emit("open");
    this._flush();
    const canUpgrade = Array.isArray(data.upgrades) && data.upgrades.includes("websocket");
    if (canUpgrade && this.opts.upgrade !== false && transport.name === "polling" && this._names.includes("websocket")) {
      this._probe("websocket");
    }
  }

  /** Heartbeat: the server pings, and silence means that it is gone. */
  _expectPing(): void {
    const delay = this._pingInterval + this._pingTimeout;
    stopTimer(this.opts, this._pingTimer);
    if (this.readyState === "closed") return;
    this._pingTimeoutTime = Date.now() + delay;
    this._pingTimer = startTimer(this.opts, () => this._end("ping timeout"), delay);
  }

  /** True when the heartbeat is overdue though its timer has not fired (sleep, throttling); closes if so. */
  _hasPingExpired(): boolean {
    const expired = Date.now() > this._pingTimeoutTime;
    if (expired) queueMicrotask(() => this._end("ping timeout"));
    return expired;
  }

  // Upgrade: open the WebSocket beside polling, prove it with a ping, pause polling until nothing is in flight,
  // and only then say so to the server. Packets written meanwhile wait in writeBuffer.
  _probe(name: string): void {
    const probe = (this._probing = this._create(name));
    const fail = (err: any) => {
      if (probe !== this._probing) return;
      this._probing = undefined;
      probe._close(false);
      this.emit("upgradeError", Object.assign(new Error("probe error"), { transport: name, description: err }));
      if (!this.upgrading) return;
      this.upgrading = false;
      (this.transport as Polling)._resume();
      this._flush();
      this._closeIfDone();
    };
    probe._onReady = () => probe._write([{ type: "ping", data: "probe" }]);
    probe._onFail = (_, details) => fail(details);
    probe._onPacket = ({ type, data }) => {
      if (type !== "pong" || data !== "probe" || this.readyState !== "open") return fail(type);
      this.upgrading = true;
      this.emit("upgrading", probe);
      (this.transport as Polling)._pause(() => {
        if (probe !== this._probing) return;
        this._probing = undefined;
        webSocketWorked = true;
        this._use(probe);
        probe._write([{ type: "upgrade" }]);
        this.emit("upgrade", probe);
        this.upgrading = false;
        this._flush();
        this._closeIfDone();
      });
    };
    probe._open();
  }

  _send(type: string, data?: any, options?: any, source?: any): void {
    if (this.readyState === "closing" || this.readyState === "closed") return;
    const packet: EnginePacket = { type, data, options, _source: source };
    this.emit("packetCreate", packet);
    this.writeBuffer.push(packet);
    this._flush();
  }

  _flush(): void {
    if (this.readyState === "closed" || this.upgrading || !this.transport.writable || !this.writeBuffer.length) return;
    const packets = this.writeBuffer.slice(0, this._fitting());
    this._sent = packets.length;
    this.transport._write(packets);
    this.emit("flush");
  }

  /** How many packets the next payload may hold: the server refuses a POST over maxPayload. */
  _fitting(): number {
    const { writeBuffer } = this;
    if (!this._maxPayload || this.transport.name !== "polling") return writeBuffer.length;
    let size = -1;
    for (let i = 0; i < writeBuffer.length; i++) {
      size += 1 + encodedLength(writeBuffer[i]);
      if (i && size > this._maxPayload) return i;
    }
    return writeBuffer.length;
  }

  _drained(): void {
    this.writeBuffer.splice(0, this._sent);
    this._sent = 0;
    if (this.writeBuffer.length) {
      this._flush();
    } else {
      this.emit("drain");
      this._closeIfDone();
    }
  }

  _closeIfDone(): void {
    if (this.readyState === "closing" && !this.upgrading && !this.writeBuffer.length) this._end("forced close");
  }

  _error(err: any): void {
    webSocketWorked = false;
    if (this.readyState === "opening" && this.opts.tryAllTransports && this._names.length > 1) {
      this.transport._close(false);
      this._names = this._names.filter((name) => name !== this.transport.name); // not always the first, see rememberUpgrade
      return this._open();
    }
    this.emit("error", err);
    this._end("transport error", err);
  }

  /** The one way into the closed state. */
  _end(reason: string, details?: any): void {
    if (this.readyState === "closed") return;
    const { transport, _probing } = this;
    this.readyState = "closed";
    stopTimer(this.opts, this._pingTimer);
    this._listen("removeEventListener");
    this._probing = undefined;
    if (_probing) _probing._close(false);
    if (transport) transport._close(reason === "forced close");
    this.id = null;
    // The listeners of "close" still see what was not sent.
    this.emit("close", reason, details);
    this.writeBuffer = [];
    this._sent = 0;
  }

  /** Follows the page: the network went away, or (option closeOnBeforeunload) the page is leaving. */
  _listen(method: "addEventListener" | "removeEventListener"): void {
    if (typeof addEventListener !== "function") return;
    globalThis[method]("offline", this._onPage);
    if (this.opts.closeOnBeforeunload) globalThis[method]("beforeunload", this._onPage);
  }

  _onPage = (event: Event): void => {
    if (event.type === "offline") this._end("transport close", { description: "network connection lost" });
    else if (this.transport) this.transport._close(true);
  };
}
