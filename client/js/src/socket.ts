import { call, Emitter, type Listener } from "./emitter.js";
import type { Manager } from "./manager.js";
import { ACK, CONNECT, CONNECT_ERROR, DISCONNECT, EVENT, RESERVED, type Packet } from "./parser.js";
import { startTimer, stopTimer } from "./timers.js";

type Ack = ((...args: any[]) => void) & { _withError?: boolean };

interface Queued {
  _tries: number;
  _pending: boolean;
  _args: any[];
  _flags: any;
}

/** One namespace of a connection. */
export class Socket extends Emitter {
  /** Given by the server while connected. */
  id: string | undefined;
  connected = false;
  /** True when the last connect resumed the session, with its rooms and missed events. */
  recovered = false;
  /** True while it is connected, or will become so by itself. */
  active = false;
  auth: any;
  /** Events received before the CONNECT reply. */
  receiveBuffer: Packet[] = [];
  /** Events emitted while not connected. */
  sendBuffer: any[] = [];
  ids = 0;
  acks: Record<string, Ack> = {};
  flags: any = {};

  _queue: Queued[] = [];
  _pid?: string;
  _lastOffset?: string;
  _opts: any;
  anyIn: Listener[] = [];
  anyOut: Listener[] = [];

  constructor(
    readonly io: Manager,
    readonly nsp: string,
    opts?: any
  ) {
    super();
    this._opts = opts || {};
    this.auth = this._opts.auth;
  }

  get disconnected(): boolean {
    return !this.connected;
  }

  connect(): this {
    if (this.connected) return this;
    const wasActive = this.active;
    const { io } = this;
    this.active = true;
    if (!io._reconnecting) io.open();
    if (io._readyState === "open" && !wasActive) this._onOpen();
    return this;
  }

  open(): this {
    return this.connect();
  }

  disconnect(): this {
    const { connected } = this;
    if (connected) this._packet({ type: DISCONNECT });
    this._deactivate();
    if (connected) this._onClose("io client disconnect");
    return this;
  }

  close(): this {
    return this.disconnect();
  }

  send(...args: any[]): this {
    return this.emit("message", ...args);
  }

  emit(event: string | symbol, ...args: any[]): this {
    if (RESERVED.includes(event as string)) throw new Error(`"${String(event)}" is a reserved event name`);
    const { flags, _opts, io } = this;
    this.flags = {};
    args.unshift(event);
    if (_opts.retries && !flags._queued && !flags.volatile) {
      this._enqueue(args, flags);
      return this;
    }
    const packet: any = { type: EVENT, data: args, options: { compress: flags.compress !== false } };
    const connected = this.connected && !io.engine._hasPingExpired();
    const dropped = flags.volatile && !(connected && io.engine.transport.writable);
    if (typeof args[args.length - 1] === "function") {
      const ack: Ack = args.pop();
      const timeout = flags.timeout === undefined ? _opts.ackTimeout : flags.timeout;
      if (dropped && timeout === undefined) {
        if (ack._withError) queueMicrotask(() => call(ack, this, [new Error("the volatile event was dropped")]));
        return this;
      }
      packet.id = this.ids++;
      this._registerAck(packet, ack, timeout);
    }
    packet._keep = !flags.volatile && !flags._queued;
    if (dropped) return this;
    if (!connected) this.sendBuffer.push(packet);
    else {
      try {
        this._sendEvent(packet);
      } catch (err) {
        delete this.acks[packet.id]; // nobody answers what does not encode
        throw err;
      }
    }
    return this;
  }

  emitWithAck(event: string, ...args: any[]): Promise<any> {
    return new Promise((resolve, reject) => {
      const ack: Ack = (err, value) => (err ? reject(err) : resolve(value));
      ack._withError = true;
      this.emit(event, ...args, ack);
    });
  }

  /** Modifier: the acknowledgement of the next emit fails after ms milliseconds. */
  timeout(ms: number): this {
    this.flags.timeout = ms;
    return this;
  }

  /** Modifier: accepted and passed on, without an effect in browsers. */
  compress(compress: boolean): this {
    this.flags.compress = compress;
    return this;
  }

  /** Modifier: the next emit is dropped when it cannot leave now. */
  get volatile(): this {
    this.flags.volatile = true;
    return this;
  }

  /** Called for every packet of this namespace. */
  onpacket(packet: Packet): void {
    const { data } = packet;
    switch (packet.type) {
      case CONNECT:
        if (data && data.sid) this._onConnect(data.sid, data.pid);
        else this._fire("connect_error", [new Error("the server speaks an older protocol: Socket.IO 2.x or earlier")]);
        break;
      case EVENT:
        if (this.connected) this._onEvent(packet);
        else this.receiveBuffer.push(packet);
        break;
      case ACK:
        this._onAck(packet);
        break;
      case DISCONNECT:
        this._deactivate();
        this._onClose("io server disconnect");
        break;
      case CONNECT_ERROR:
        this._deactivate();
        this._fire("connect_error", [Object.assign(new Error(data.message || data), { data: data.data })]);
    }
  }

  _packet(packet: any): void {
    packet.nsp = this.nsp;
    this.io._packet(packet);
  }

  _sendEvent(packet: any): void {
    if (!packet._announced) {
      packet._announced = true;
      for (const fn of this.anyOut.slice()) call(fn, this, packet.data);
    }
    this._packet(packet);
  }

  _registerAck(packet: any, ack: Ack, timeout?: number): void {
    const { id } = packet;
    if (timeout === undefined) {
      this.acks[id] = ack;
      return;
    }
    const timer = startTimer(
      this.io.opts,
      () => {
        delete this.acks[id];
        this.sendBuffer = this.sendBuffer.filter((buffered) => buffered !== packet);
        call(ack, this, [new Error("operation has timed out")]);
      },
      timeout
    );
    const wrapper: Ack = (...args) => {
      stopTimer(this.io.opts, timer);
      ack.apply(this, args);
    };
    wrapper._withError = true;
    this.acks[id] = wrapper;
  }

  /** The connection is up: ask for the namespace. */
  _onOpen(): void {
    const { auth } = this;
    const { engine } = this.io;
    const send = (data?: any) => {
      // An answer that comes late, after the connection it was asked for, is for nobody.
      if (!this.active || this.connected || this.io.engine !== engine) return;
      const session = this._pid ? { pid: this._pid, offset: this._lastOffset } : undefined;
      this._packet({ type: CONNECT, data: session ? { ...session, ...data } : data });
    };
    if (typeof auth === "function") call(auth, this, [send]);
    else send(auth);
  }

  _onConnect(id: string, pid?: string): void {
    this.id = id;
    this.recovered = !!pid && this._pid === pid;
    if (!this.recovered) this._lastOffset = undefined; // it belongs to the session that is gone
    this._pid = pid;
    this.connected = true;
    const { receiveBuffer, sendBuffer } = this;
    this.receiveBuffer = [];
    this.sendBuffer = [];
    for (const packet of receiveBuffer) this._onEvent(packet);
    for (const packet of sendBuffer) call(this._sendEvent, this, [packet]);
    call(this._drainQueue, this, [true]); // before the listeners: what they emit is not "again"
    this._fire("connect", []);
  }

  _onEvent(packet: Packet): void {
    const args = packet.data || [];
    if (packet.id !== undefined) args.push(this._ackFor(packet.id));
    for (const fn of this.anyIn.slice()) call(fn, this, args);
    this._fire(args[0], args.slice(1));
    // With state recovery the server appends an offset to each event.
    const last = args[args.length - 1];
    if (this._pid && args.length > 1 && typeof last === "string") this._lastOffset = last;
  }

  /** What a handler calls to acknowledge an event: the first call counts, on the same connection only. */
  _ackFor(id: number): Ack {
    const session = this.id;
    let sent = false;
    return (...args) => {
      if (sent || this.id !== session) return;
      sent = true;
      this._packet({ type: ACK, id, data: args });
    };
  }

  _onAck({ id, data }: Packet): void {
    const ack = this.acks[id as number];
    if (typeof ack !== "function") return;
    delete this.acks[id as number];
    const args = data || [];
    call(ack, this, ack._withError ? [null, ...args] : args);
  }

  _onError(err: any): void {
    if (!this.connected) this._fire("connect_error", [err]);
  }

  _onClose(reason: string, details?: any): void {
    this.connected = false;
    this.id = undefined;
    this._fire("disconnect", [reason, details]);
    this._failAcks();
  }

  /** No answer can come any more, except to what is still buffered. */
  _failAcks(): void {
    for (const id of Object.keys(this.acks)) {
      if (this.sendBuffer.some((packet) => String(packet.id) === id)) continue;
      const ack = this.acks[id];
      delete this.acks[id];
      if (ack._withError) call(ack, this, [new Error("socket has been disconnected")]);
    }
  }

  _deactivate(): void {
    this.active = false;
    this.io._destroy();
  }

  // Option retries: one packet at a time, sent again until the server acknowledges it.

  _enqueue(args: any[], flags: any): void {
    const done: Ack | undefined = typeof args[args.length - 1] === "function" ? args.pop() : undefined;
    const entry: Queued = { _tries: 0, _pending: false, _args: args, _flags: { ...flags, _queued: true } };
    const ack: Ack = (err, ...answer) => {
      if (entry !== this._queue[0]) return;
      entry._pending = false;
      if (!err || entry._tries > this._opts.retries) {
        this._queue.shift();
        if (done) call(done, this, err ? [err] : [null, ...answer]);
      }
      this._drainQueue();
    };
    ack._withError = true;
    args.push(ack);
    this._queue.push(entry);
    this._drainQueue();
  }

  _drainQueue(again?: boolean): void {
    const entry = this._queue[0];
    if (!this.connected || !entry || (entry._pending && !again)) return;
    entry._pending = true;
    entry._tries++;
    this.flags = entry._flags;
    try {
      this.emit.apply(this, entry._args as [string]);
    } catch (err) {
      entry._tries = Infinity; // it does not encode, and never will
      entry._args[entry._args.length - 1](err);
      throw err;
    }
  }
}

// The catch-all listeners, incoming and outgoing: onAny, prependAny, offAny, listenersAny, onAnyOutgoing and so on.
for (const [suffix, field] of [
  ["Any", "anyIn"],
  ["AnyOutgoing", "anyOut"],
] as const) {
  Object.assign(Socket.prototype, {
    ["on" + suffix](this: Socket, fn: Listener) {
      this[field].push(fn);
      return this;
    },
    ["prepend" + suffix](this: Socket, fn: Listener) {
      this[field].unshift(fn);
      return this;
    },
    ["off" + suffix](this: Socket, fn?: Listener) {
      this[field] = fn ? this[field].filter((f) => f !== fn) : [];
      return this;
    },
    ["listeners" + suffix](this: Socket) {
      return this[field];
    },
  });
}
