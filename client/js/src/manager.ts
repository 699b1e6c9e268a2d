import { call, Emitter } from "./emitter.js";
import { Engine } from "./engine.js";
import { CONNECT, Decoder, DISCONNECT, Encoder, EVENT, type Packet } from "./parser.js";
import { Socket } from "./socket.js";
import { startTimer, stopTimer } from "./timers.js";

/** Exponential backoff with jitter. */
class Backoff {
  attempts = 0;

  constructor(readonly _opts: any) {}

  duration(): number {
    const { reconnectionDelay, reconnectionDelayMax, randomizationFactor } = this._opts;
    const jitter = 1 + randomizationFactor * (Math.random() * 2 - 1);
    return Math.min(reconnectionDelayMax, Math.floor(reconnectionDelay * 2 ** this.attempts++ * jitter));
  }

  reset(): void {
    this.attempts = 0;
  }
}

/** A connection to one server, shared by the namespaces' sockets, and the rules for reconnecting it. */
export class Manager extends Emitter {
  engine!: Engine;
  nsps: Record<string, Socket> = Object.create(null);
  backoff: Backoff;
  encoder: any;
  decoder: any;
  opts: any;
  uri: string | undefined;

  _readyState: "closed" | "opening" | "open" = "closed";
  _reconnecting = false;
  _stopped = false;
  _settings: any;
  _timer: any;

  constructor(uri?: any, opts?: any) {
    super();
    if (uri && typeof uri === "object") {
      opts = uri;
      uri = undefined;
    }
    this.uri = uri;
    this.opts = opts = opts || {};
    opts.path = opts.path || "/socket.io";
    // Zero means the default for the first three, as in the official client.
    const { randomizationFactor, timeout } = opts;
    this._settings = {
      reconnection: opts.reconnection !== false,
      reconnectionAttempts: opts.reconnectionAttempts || Infinity,
      reconnectionDelay: opts.reconnectionDelay || 1000,
      reconnectionDelayMax: opts.reconnectionDelayMax || 5000,
      randomizationFactor: randomizationFactor == null ? 0.5 : randomizationFactor,
      timeout: timeout == null ? 20000 : timeout,
    };
    this.backoff = new Backoff(this._settings);
    const parser = opts.parser || { Encoder, Decoder };
    this.encoder = new parser.Encoder();
    this.decoder = new parser.Decoder();
    this.decoder.on("decoded", (packet: Packet) => this._onDecoded(packet));
    if (this._autoConnect) this.open();
  }

  get _autoConnect(): boolean {
    return this.opts.autoConnect !== false;
  }

  /** Connects, unless connected or connecting; fn gets the error of this attempt, if any. */
  open(fn?: (err?: Error) => void): this {
    if (this._readyState !== "closed") return this;
    const resume = this._reconnecting; // opened by hand while an attempt was scheduled
    this._readyState = "opening";
    this._reconnecting = this._stopped = false;
    stopTimer(this.opts, this._timer);
    const engine = (this.engine = new Engine(this.uri, this.opts));
    const fail = (err: any) => {
      this._release();
      this._readyState = "closed";
      this._onError(err);
      if (fn) call(fn, this, [err]);
      if (!fn || resume) this._reconnect();
    };
    engine._hook = (event, [err]) => {
      if (event === "error") fail(err);
      if (event !== "open") return;
      this._onOpen(engine);
      if (fn) call(fn, this, []);
    };
    const { timeout } = this._settings;
    if (timeout !== false) {
      this._timer = startTimer(
        this.opts,
        () => {
          fail(new Error("timeout"));
          engine._end("timeout");
        },
        timeout
      );
    }
    return this;
  }

  connect(fn?: (err?: Error) => void): this {
    return this.open(fn);
  }

  /** The socket of a namespace: always the same one. */
  socket(nsp: string, opts?: any): Socket {
    let socket = this.nsps[nsp];
    if (!socket) socket = this.nsps[nsp] = new Socket(this, nsp, opts);
    if (this._autoConnect && !socket.active) socket.connect();
    return socket;
  }

  _onOpen(engine: Engine): void {
    stopTimer(this.opts, this._timer);
    this._readyState = "open";
    engine._hook = (event, [value, details]) => {
      switch (event) {
        case "data":
          try {
            this.decoder.add(value);
          } catch (err) {
            this._onClose("parse error", err);
          }
          break;
        case "ping":
          this.emit("ping");
          break;
        case "error":
          this._onError(value);
          break;
        case "close":
          this._takeBack(engine);
          this._onClose(value, details);
      }
    };
    this._each((socket) => socket._onOpen());
    this.emit("open");
  }

  _onError(err: any): void {
    this._each((socket) => socket._onError(err));
    this.emit("error", err);
  }

  _onDecoded(packet: Packet): void {
    this.emit("packet", packet);
    const socket = this.nsps[packet.nsp];
    if (!socket) return;
    if (socket.active) socket.onpacket(packet);
    else if (packet.type === CONNECT) socket._packet({ type: DISCONNECT }); // it was left before this answer
  }

  _each(fn: (socket: Socket) => void): void {
    for (const nsp of Object.keys(this.nsps)) {
      const socket = this.nsps[nsp];
      if (socket.active) call(fn, this, [socket]);
    }
  }

  /** Writes one packet of a socket. */
  _packet(packet: Packet): void {
    const [head, ...attachments] = this.encoder.encode(packet);
    this.engine._send("message", head, packet.options, packet);
    for (const data of attachments) this.engine._send("message", data, packet.options);
  }

  /** Events that the engine still held when it closed go back to the front of their socket's buffer. */
  _takeBack(engine: Engine): void {
    for (const { _source: packet } of engine.writeBuffer.slice(engine._sent).reverse()) {
      if (packet && packet.type === EVENT && packet._keep) this.nsps[packet.nsp].sendBuffer.unshift(packet);
    }
  }

  /** Lets go of the engine's events and of the timer. */
  _release(): void {
    stopTimer(this.opts, this._timer);
    this.engine._hook = undefined;
    this.decoder.destroy();
  }

  /** A socket became inactive: the last one closes the connection. */
  _destroy(): void {
    let active = false;
    this._each(() => (active = true));
    if (!active) this._close();
  }

  _close(): void {
    this._stopped = true;
    this._reconnecting = false;
    this._onClose("forced close");
  }

  _onClose(reason: string, details?: any): void {
    if (this.engine) {
      this._release();
      this.engine.close();
    }
    this.backoff.reset();
    this._readyState = "closed";
    this._each((socket) => socket._onClose(reason, details));
    this.emit("close", reason, details);
    this._reconnect();
  }

  /** Schedules the next attempt, if there is to be one. */
  _reconnect(): void {
    const { backoff, _settings } = this;
    if (!_settings.reconnection || this._reconnecting || this._stopped || this._readyState !== "closed") return;
    if (backoff.attempts >= _settings.reconnectionAttempts) {
      backoff.reset();
      this.emit("reconnect_failed");
      return;
    }
    const delay = backoff.duration();
    this._reconnecting = true;
    this._timer = startTimer(
      this.opts,
      () => {
        if (this._stopped) return;
        this.emit("reconnect_attempt", backoff.attempts);
        if (this._stopped) return; // by a listener
        this._reconnecting = false;
        this.open((err) => {
          if (err) {
            this._reconnect();
            this.emit("reconnect_error", err);
          } else {
            const { attempts } = backoff;
            backoff.reset();
            this.emit("reconnect", attempts);
          }
        });
      },
      delay
    );
  }
}

// reconnection(), reconnection(value) and so on: without a value they read, with one they set and chain.
for (const name of [
  "reconnection",
  "reconnectionAttempts",
  "reconnectionDelay",
  "reconnectionDelayMax",
  "randomizationFactor",
  "timeout",
]) {
  (Manager.prototype as any)[name] = function (this: Manager, value?: any) {
    if (value === undefined) return this._settings[name];
    this._settings[name] = value;
    if (name === "reconnection" && !value) this._stopped = true;
    return this;
  };
}
