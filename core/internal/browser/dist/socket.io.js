/* gosio client 0.1.0, MIT license */
"use strict";
var io = (() => {
  var __defProp = Object.defineProperty;
  var __getOwnPropDesc = Object.getOwnPropertyDescriptor;
  var __getOwnPropNames = Object.getOwnPropertyNames;
  var __hasOwnProp = Object.prototype.hasOwnProperty;
  var __export = (target, all) => {
    for (var name in all)
      __defProp(target, name, { get: all[name], enumerable: true });
  };
  var __copyProps = (to, from, except, desc) => {
    if (from && typeof from === "object" || typeof from === "function") {
      for (let key of __getOwnPropNames(from))
        if (!__hasOwnProp.call(to, key) && key !== except)
          __defProp(to, key, { get: () => from[key], enumerable: !(desc = __getOwnPropDesc(from, key)) || desc.enumerable });
    }
    return to;
  };
  var __toCommonJS = (mod) => __copyProps(__defProp({}, "__esModule", { value: true }), mod);

  // src/global.ts
  var global_exports = {};
  __export(global_exports, {
    default: () => global_default
  });

  // src/emitter.ts
  function call(fn, self, args) {
    try {
      fn.apply(self, args);
    } catch (err) {
      queueMicrotask(() => {
        throw err;
      });
    }
  }
  var Emitter = class {
    constructor() {
      // A Map, not an object: event names such as "constructor" come from the network.
      this._events = /* @__PURE__ */ new Map();
    }
    on(event, fn) {
      const list = this._events.get(event);
      list ? list.push(fn) : this._events.set(event, [fn]);
      return this;
    }
    once(event, fn) {
      const wrapper = (...args) => {
        this.off(event, wrapper);
        fn.apply(this, args);
      };
      wrapper._inner = fn;
      return this.on(event, wrapper);
    }
    off(event, fn) {
      if (event === void 0) {
        this._events.clear();
      } else if (!fn) {
        this._events.delete(event);
      } else {
        const list = this.listeners(event);
        const at = list.findIndex((f) => f === fn || f._inner === fn);
        if (at >= 0) list.splice(at, 1);
        this._events.set(event, list);
        if (!list.length) this._events.delete(event);
      }
      return this;
    }
    emit(event, ...args) {
      this._fire(event, args);
      return this;
    }
    /** Calls the listeners; never overridden, so it also works for reserved events. */
    _fire(event, args) {
      for (const fn of this.listeners(event)) call(fn, this, args);
    }
    /** A copy of the listeners of one event. */
    listeners(event) {
      return (this._events.get(event) || []).slice();
    }
    hasListeners(event) {
      return this._events.has(event);
    }
  };
  var proto = Emitter.prototype;
  proto.addEventListener = proto.on;
  proto.removeListener = proto.removeEventListener = proto.removeAllListeners = proto.off;

  // src/codec.ts
  var TYPES = ["open", "close", "ping", "pong", "message", "upgrade", "noop"];
  var SEPARATOR = "";
  function isBinary(value) {
    return typeof value === "object" && value !== null && (ArrayBuffer.isView(value) || /^\[object (ArrayBuffer|Blob|File)]$/.test(Object.prototype.toString.call(value)));
  }
  var isBlob = (value) => "size" in value;
  function base64(data) {
    const bytes = ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data);
    let text = "";
    for (let i = 0; i < bytes.length; i += 8192) {
      text += String.fromCharCode.apply(null, bytes.subarray(i, i + 8192));
    }
    return "b" + btoa(text);
  }
  function encodePackets(packets, raw, done, fail) {
    let later = false;
    const frames = packets.map(({ type, data }) => {
      if (!isBinary(data)) return TYPES.indexOf(type) + (data || "");
      if (raw) return data;
      if (!isBlob(data)) return base64(data);
      later = true;
      return new Response(data).arrayBuffer().then(base64);
    });
    later ? Promise.all(frames).then(done, fail) : done(frames);
  }
  var joinPayload = (frames) => frames.join(SEPARATOR);
  function encodedLength({ data }) {
    return isBinary(data) ? 1 + Math.ceil((isBlob(data) ? data.size : data.byteLength) / 3) * 4 : 1 + (data ? new TextEncoder().encode(data).length : 0);
  }
  function decodePacket(frame) {
    if (typeof frame !== "string") return { type: "message", data: frame };
    const rest = frame.slice(1);
    if (frame[0] === "b") {
      try {
        return { type: "message", data: Uint8Array.from(atob(rest), (c) => c.charCodeAt(0)).buffer };
      } catch (_) {
      }
    }
    const type = TYPES[frame.charCodeAt(0) - 48];
    if (!type) return { type: "error", data: "parser error" };
    return rest ? { type, data: rest } : { type };
  }
  var splitPayload = (payload) => payload.split(SEPARATOR);

  // src/timers.ts
  var nativeSet = setTimeout;
  var nativeClear = clearTimeout;
  function startTimer(opts, fn, ms) {
    return (opts.useNativeTimers ? nativeSet : setTimeout)(fn, Math.min(ms, 2147483647));
  }
  function stopTimer(opts, timer) {
    (opts.useNativeTimers ? nativeClear : clearTimeout)(timer);
  }

  // src/url.ts
  var URI = /^(?:([a-z][\w+.-]*):\/\/)?(?:[^@/?#]*@)?(\[[^\]]*]|[^:/?#]*)(?::(\d+))?([^?#]*)(?:\?([^#]*))?/i;
  function parseAddress(uri, page = typeof location === "undefined" ? void 0 : location) {
    const base = page || { protocol: "http:", host: "localhost" };
    const scheme = base.protocol + "//";
    if (!uri) uri = scheme + base.host;
    else if (uri[0] === "/") uri = uri[1] === "/" ? base.protocol + uri : scheme + base.host + uri;
    else if (!/^(https?|wss?):\/\//i.test(uri)) uri = (page ? scheme : "https://") + uri;
    const [, protocol2, host, port, path, query] = URI.exec(uri);
    const secure = /^(http|ws)s$/i.test(protocol2);
    return { secure, host, port: port || (secure ? "443" : "80"), path: path || "/", query: query || "" };
  }
  var encodeQuery = (query) => new URLSearchParams(query).toString();
  function decodeQuery(text) {
    const query = {};
    for (const pair of text.split("&")) {
      const at = (pair + "=").indexOf("=");
      if (at) query[decode(pair.slice(0, at))] = decode(pair.slice(at + 1));
    }
    return query;
  }
  function decode(text) {
    try {
      return decodeURIComponent(text);
    } catch (_) {
      return text;
    }
  }

  // src/transport.ts
  var nothing = () => {
  };
  var Transport = class {
    constructor(_target) {
      this._target = _target;
      /** True while packets may be handed over. */
      this.writable = false;
      this._closed = false;
      this._onReady = nothing;
      this._onPacket = nothing;
      this._onDrain = nothing;
      this._onFail = nothing;
      this._opts = _target.opts;
    }
    /** Reports the end, once. */
    _fail(reason, details) {
      if (this._closed) return;
      this._closed = true;
      this.writable = false;
      this._onFail(reason, details);
    }
    _url(scheme, query) {
      const { secure, host, port, opts } = this._target;
      const path = opts.path.replace(/\/$/, "") + (opts.addTrailingSlash === false ? "" : "/");
      const all = { ...opts.query, ...query, EIO: 4, transport: this.name };
      if (this._sid) all.sid = this._sid;
      return scheme + (secure ? "s://" : "://") + host + (port === (secure ? "443" : "80") ? "" : ":" + port) + path + "?" + encodeQuery(all);
    }
    /** A query parameter that defeats caches. */
    _stamp() {
      return { [this._opts.timestampParam || "t"]: Math.random().toString(36).slice(2, 10) };
    }
  };
  function transportError(message, description, context) {
    return Object.assign(new Error(message), { type: "TransportError", description, context });
  }

  // src/polling.ts
  var Polling = class extends Transport {
    constructor() {
      super(...arguments);
      this.name = "polling";
      this._polling = false;
      this._posting = false;
      this._aborts = /* @__PURE__ */ new Set();
    }
    _open() {
      this._poll();
    }
    async _poll() {
      this._polling = true;
      do {
        const payload = await this._request();
        if (payload === void 0) return;
        if (this._closed) return this._closeLate(payload);
        for (const frame of splitPayload(payload)) {
          const packet = decodePacket(frame);
          if (packet.type === "close") {
            this._sid = void 0;
            this._fail("transport close", { description: "transport closed by the server" });
          } else {
            this._onPacket(packet);
          }
          if (this._closed) return;
        }
      } while (this._sid && !this._whenPaused);
      this._polling = false;
      this._checkPaused();
    }
    _write(packets) {
      const fail = (err) => this._fail("transport error", transportError("xhr post error", 0, err));
      this.writable = false;
      this._posting = true;
      encodePackets(
        packets,
        false,
        async (frames) => {
          if (await this._request(joinPayload(frames)) === void 0 || this._closed) return;
          this._posting = false;
          this.writable = true;
          this._onDrain();
          this._checkPaused();
        },
        fail
      );
    }
    /** Calls back when no request is under way, and starts none before _resume. */
    _pause(done) {
      this._whenPaused = done;
      this._checkPaused();
    }
    _resume() {
      this._whenPaused = void 0;
      if (!this._polling && !this._closed) this._poll();
    }
    _checkPaused() {
      if (this._whenPaused && !this._polling && !this._posting) this._whenPaused();
    }
    _close(graceful) {
      const abort = () => this._aborts.forEach((control) => control.abort());
      this._closed = true;
      this.writable = false;
      if (!graceful) abort();
      if (this._sid) this._request("1", true).then(abort);
    }
    /** Closed while the handshake was on its way: the session that it made must not stay behind. */
    _closeLate(payload) {
      try {
        this._sid = JSON.parse(splitPayload(payload)[0].slice(1)).sid;
        this._request("1", true);
      } catch (_) {
      }
    }
    /** One HTTP request: a poll, or a POST when there is a body. Undefined when it failed. */
    async _request(body, keepalive) {
      const { timestampRequests, extraHeaders, withCredentials, requestTimeout } = this._opts;
      const control = new AbortController();
      const timer = requestTimeout && startTimer(this._opts, () => control.abort(), requestTimeout);
      this._aborts.add(control);
      let status = 0;
      let context;
      try {
        const response = context = await fetch(this._url("http", timestampRequests === false ? {} : this._stamp()), {
          method: body === void 0 ? "GET" : "POST",
          headers: body === void 0 ? extraHeaders : { "Content-type": "text/plain;charset=UTF-8", ...extraHeaders },
          body,
          credentials: withCredentials ? "include" : "same-origin",
          signal: control.signal,
          keepalive
        });
        const text = response.responseText = await response.text();
        status = response.status;
        if (status === 200) return text;
      } catch (err) {
        context = err;
      } finally {
        stopTimer(this._opts, timer);
        this._aborts.delete(control);
      }
      this._fail("transport error", transportError(`xhr ${body === void 0 ? "poll" : "post"} error`, status, context));
      return void 0;
    }
  };

  // src/websocket.ts
  var WebSocketTransport = class extends Transport {
    constructor() {
      super(...arguments);
      this.name = "websocket";
    }
    _open() {
      const { forceBase64, timestampRequests, protocols, extraHeaders } = this._opts;
      const fail = (err) => this._fail("transport error", transportError("websocket error", err, err));
      const query = timestampRequests ? this._stamp() : {};
      if (forceBase64) query.b64 = 1;
      try {
        const ws = this.ws = new WebSocket(this._url("ws", query), protocols || [], { headers: extraHeaders });
        ws.binaryType = "arraybuffer";
        ws.onopen = () => {
          if (!this._closed) this._onReady();
        };
        ws.onmessage = (event) => {
          if (!this._closed) this._onPacket(decodePacket(event.data));
        };
        ws.onerror = fail;
        ws.onclose = (context) => this._fail("transport close", { description: "websocket connection closed", context });
      } catch (err) {
        fail(err);
      }
    }
    _write(packets) {
      this.writable = false;
      encodePackets(
        packets,
        !this._opts.forceBase64,
        (frames) => {
          try {
            for (const frame of frames) this.ws.send(frame);
          } catch (_) {
          }
          queueMicrotask(() => {
            if (this._closed) return;
            this.writable = true;
            this._onDrain();
          });
        },
        (err) => this._fail("transport error", transportError("websocket error", err, err))
      );
    }
    _close() {
      this._closed = true;
      this.writable = false;
      if (this.ws) this.ws.close();
    }
  };

  // src/engine.ts
  var TRANSPORTS = {
    polling: Polling,
    websocket: WebSocketTransport
  };
  var webSocketWorked = false;
  var Engine = class extends Emitter {
    constructor(uri, opts) {
      super();
      this.id = null;
      this.readyState = "opening";
      /** Packets not yet sent; the first _sent of them are being sent. */
      this.writeBuffer = [];
      this.upgrading = false;
      this._sent = 0;
      this._pingInterval = 0;
      this._pingTimeout = 0;
      /** When the next ping is overdue, by the wall clock: timers sleep with the machine. */
      this._pingTimeoutTime = Infinity;
      this._onPage = (event) => {
        if (event.type === "offline") this._end("transport close", { description: "network connection lost" });
        else if (this.transport) this.transport._close(true);
      };
      const hostname = opts.hostname || opts.host;
      const address = parseAddress(uri || hostname && "//" + hostname);
      this.opts = { ...opts };
      if (uri && address.query) this.opts.query = address.query;
      if (typeof this.opts.query === "string") this.opts.query = decodeQuery(this.opts.query);
      this.secure = uri || opts.secure == null ? address.secure : opts.secure;
      this.hostname = address.host;
      this.port = address.port;
      if (!uri && (opts.port || hostname)) this.port = "" + (opts.port || (this.secure ? 443 : 80));
      this._target = { secure: this.secure, host: this.hostname, port: this.port, opts: this.opts };
      this._names = (opts.transports || Object.keys(TRANSPORTS)).filter((name) => name in TRANSPORTS);
      this._listen("addEventListener");
      this._open();
    }
    emit(event, ...args) {
      if (this._hook) this._hook(event, args);
      return super.emit(event, ...args);
    }
    /** Sends one message: text or binary. */
    write(data, options, fn) {
      this._send("message", data, options);
      if (fn) this.once("flush", fn);
      return this;
    }
    send(data, options, fn) {
      return this.write(data, options, fn);
    }
    /** Closes once everything written so far has been handed to the transport. */
    close() {
      if (this.readyState === "opening" || this.readyState === "open") {
        this.readyState = "closing";
        this._closeIfDone();
      }
      return this;
    }
    _open() {
      this.readyState = "opening";
      let name = this._names[0];
      if (this.opts.rememberUpgrade && webSocketWorked && this._names.includes("websocket")) name = "websocket";
      if (!name) {
        startTimer(this.opts, () => this._error(new Error("No transports available")), 0);
        return;
      }
      this._use(this._create(name));
      const { transport } = this;
      queueMicrotask(() => {
        if (!transport._closed) transport._open();
      });
    }
    _create(name) {
      const opts = { ...this.opts, ...(this.opts.transportOptions || {})[name] };
      const transport = new TRANSPORTS[name]({ ...this._target, opts });
      transport._sid = this.id || void 0;
      return transport;
    }
    _use(transport) {
      this.transport = transport;
      transport._onPacket = (packet) => this._receive(packet);
      transport._onDrain = () => this._drained();
      transport._onFail = (reason, details) => reason === "transport error" ? this._error(details) : this._end(reason, details);
    }
    _receive(packet) {
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
    _handshake(json) {
      let data;
      try {
        data = JSON.parse(json);
      } catch (_) {
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
    _expectPing() {
      const delay = this._pingInterval + this._pingTimeout;
      stopTimer(this.opts, this._pingTimer);
      if (this.readyState === "closed") return;
      this._pingTimeoutTime = Date.now() + delay;
      this._pingTimer = startTimer(this.opts, () => this._end("ping timeout"), delay);
    }
    /** True when the heartbeat is overdue though its timer has not fired (sleep, throttling); closes if so. */
    _hasPingExpired() {
      const expired = Date.now() > this._pingTimeoutTime;
      if (expired) queueMicrotask(() => this._end("ping timeout"));
      return expired;
    }
    // Upgrade: open the WebSocket beside polling, prove it with a ping, pause polling until nothing is in flight,
    // and only then say so to the server. Packets written meanwhile wait in writeBuffer.
    _probe(name) {
      const probe = this._probing = this._create(name);
      const fail = (err) => {
        if (probe !== this._probing) return;
        this._probing = void 0;
        probe._close(false);
        this.emit("upgradeError", Object.assign(new Error("probe error"), { transport: name, description: err }));
        if (!this.upgrading) return;
        this.upgrading = false;
        this.transport._resume();
        this._flush();
        this._closeIfDone();
      };
      probe._onReady = () => probe._write([{ type: "ping", data: "probe" }]);
      probe._onFail = (_, details) => fail(details);
      probe._onPacket = ({ type, data }) => {
        if (type !== "pong" || data !== "probe" || this.readyState !== "open") return fail(type);
        this.upgrading = true;
        this.emit("upgrading", probe);
        this.transport._pause(() => {
          if (probe !== this._probing) return;
          this._probing = void 0;
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
    _send(type, data, options, source) {
      if (this.readyState === "closing" || this.readyState === "closed") return;
      const packet = { type, data, options, _source: source };
      this.emit("packetCreate", packet);
      this.writeBuffer.push(packet);
      this._flush();
    }
    _flush() {
      if (this.readyState === "closed" || this.upgrading || !this.transport.writable || !this.writeBuffer.length) return;
      const packets = this.writeBuffer.slice(0, this._fitting());
      this._sent = packets.length;
      this.transport._write(packets);
      this.emit("flush");
    }
    /** How many packets the next payload may hold: the server refuses a POST over maxPayload. */
    _fitting() {
      const { writeBuffer } = this;
      if (!this._maxPayload || this.transport.name !== "polling") return writeBuffer.length;
      let size = -1;
      for (let i = 0; i < writeBuffer.length; i++) {
        size += 1 + encodedLength(writeBuffer[i]);
        if (i && size > this._maxPayload) return i;
      }
      return writeBuffer.length;
    }
    _drained() {
      this.writeBuffer.splice(0, this._sent);
      this._sent = 0;
      if (this.writeBuffer.length) {
        this._flush();
      } else {
        this.emit("drain");
        this._closeIfDone();
      }
    }
    _closeIfDone() {
      if (this.readyState === "closing" && !this.upgrading && !this.writeBuffer.length) this._end("forced close");
    }
    _error(err) {
      webSocketWorked = false;
      if (this.readyState === "opening" && this.opts.tryAllTransports && this._names.length > 1) {
        this.transport._close(false);
        this._names = this._names.filter((name) => name !== this.transport.name);
        return this._open();
      }
      this.emit("error", err);
      this._end("transport error", err);
    }
    /** The one way into the closed state. */
    _end(reason, details) {
      if (this.readyState === "closed") return;
      const { transport, _probing } = this;
      this.readyState = "closed";
      stopTimer(this.opts, this._pingTimer);
      this._listen("removeEventListener");
      this._probing = void 0;
      if (_probing) _probing._close(false);
      if (transport) transport._close(reason === "forced close");
      this.id = null;
      this.emit("close", reason, details);
      this.writeBuffer = [];
      this._sent = 0;
    }
    /** Follows the page: the network went away, or (option closeOnBeforeunload) the page is leaving. */
    _listen(method) {
      if (typeof addEventListener !== "function") return;
      globalThis[method]("offline", this._onPage);
      if (this.opts.closeOnBeforeunload) globalThis[method]("beforeunload", this._onPage);
    }
  };

  // src/parser.ts
  var protocol = 5;
  var CONNECT = 0;
  var DISCONNECT = 1;
  var EVENT = 2;
  var ACK = 3;
  var CONNECT_ERROR = 4;
  var BINARY_EVENT = 5;
  var BINARY_ACK = 6;
  var MAX_ATTACHMENTS = 10;
  var RESERVED = ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];
  var Encoder = class {
    /** The packet as frames: one text, then its attachments. */
    encode(packet) {
      const attachments = [];
      let { type, data } = packet;
      const json = data === void 0 ? "" : JSON.stringify(data, function(key, value) {
        const original = isBinary(value) ? value : this[key];
        return isBinary(original) && isMessage(type) ? { _placeholder: true, num: attachments.push(original) - 1 } : value;
      });
      let head = "";
      if (attachments.length) {
        type = type === EVENT ? BINARY_EVENT : BINARY_ACK;
        head = attachments.length + "-";
      }
      if (packet.nsp !== "/") head += packet.nsp + ",";
      if (packet.id !== void 0) head += packet.id;
      return [type + head + json, ...attachments];
    }
  };
  var isMessage = (type) => type === EVENT || type === ACK;
  var Decoder = class extends Emitter {
    constructor() {
      super(...arguments);
      this._attachments = [];
    }
    /** Takes one frame; emits "decoded" per complete packet and throws on anything malformed. */
    add(frame) {
      const pending = this._pending;
      if (typeof frame === "string") {
        if (pending) throw new Error("got text while waiting for an attachment");
        const packet = decode2(frame);
        if (packet.attachments) this._pending = packet;
        else this.emit("decoded", packet);
      } else if (!pending) {
        throw new Error("got an attachment without a packet");
      } else if (this._attachments.push(frame) === pending.attachments) {
        const attachments = this._attachments;
        this.destroy();
        pending.data = insert(pending.data, attachments);
        this.emit("decoded", pending);
      }
    }
    /** Forgets a half-received packet. */
    destroy() {
      this._pending = void 0;
      this._attachments = [];
    }
  };
  var PACKET = /^(?:([0-4])|([56])(\d+)-)(?:(\/[^,]*)(?:,|$))?(\d*)([^]*)$/;
  function decode2(text) {
    const match = PACKET.exec(text);
    if (!match) throw new Error("unknown packet type or illegal attachments");
    const type = +(match[1] || match[2]);
    const packet = { type: type > CONNECT_ERROR ? type - 3 : type, nsp: match[4] || "/" };
    if (match[3]) {
      packet.attachments = +match[3];
      if (packet.attachments < 1) throw new Error("illegal attachments");
      if (packet.attachments > MAX_ATTACHMENTS) throw new Error("too many attachments");
    }
    if (match[5]) packet.id = +match[5];
    if (match[6]) packet.data = JSON.parse(match[6]);
    if (!isValid(packet)) throw new Error("invalid payload");
    return packet;
  }
  function isValid({ type, data }) {
    const isObject = typeof data === "object" && data !== null && !Array.isArray(data);
    switch (type) {
      case CONNECT:
        return data === void 0 || isObject;
      case DISCONNECT:
        return data === void 0;
      case CONNECT_ERROR:
        return typeof data === "string" || isObject;
      case ACK:
        return data === void 0 || Array.isArray(data);
      default:
        return data === void 0 || Array.isArray(data) && (typeof data[0] === "number" || typeof data[0] === "string" && !RESERVED.includes(data[0]));
    }
  }
  function insert(data, attachments) {
    if (typeof data !== "object" || !data) return data;
    if (data._placeholder === true) {
      if (!Number.isInteger(data.num) || data.num < 0 || data.num >= attachments.length) {
        throw new Error("illegal attachments");
      }
      return attachments[data.num];
    }
    for (const key of Object.keys(data)) data[key] = insert(data[key], attachments);
    return data;
  }

  // src/socket.ts
  var Socket = class extends Emitter {
    constructor(io2, nsp, opts) {
      super();
      this.io = io2;
      this.nsp = nsp;
      this.connected = false;
      /** True when the last connect resumed the session, with its rooms and missed events. */
      this.recovered = false;
      /** True while it is connected, or will become so by itself. */
      this.active = false;
      /** Events received before the CONNECT reply. */
      this.receiveBuffer = [];
      /** Events emitted while not connected. */
      this.sendBuffer = [];
      this.ids = 0;
      this.acks = {};
      this.flags = {};
      this._queue = [];
      this.anyIn = [];
      this.anyOut = [];
      this._opts = opts || {};
      this.auth = this._opts.auth;
    }
    get disconnected() {
      return !this.connected;
    }
    connect() {
      if (this.connected) return this;
      const wasActive = this.active;
      const { io: io2 } = this;
      this.active = true;
      if (!io2._reconnecting) io2.open();
      if (io2._readyState === "open" && !wasActive) this._onOpen();
      return this;
    }
    open() {
      return this.connect();
    }
    disconnect() {
      const { connected } = this;
      if (connected) this._packet({ type: DISCONNECT });
      this._deactivate();
      if (connected) this._onClose("io client disconnect");
      return this;
    }
    close() {
      return this.disconnect();
    }
    send(...args) {
      return this.emit("message", ...args);
    }
    emit(event, ...args) {
      if (RESERVED.includes(event)) throw new Error(`"${String(event)}" is a reserved event name`);
      const { flags, _opts, io: io2 } = this;
      this.flags = {};
      args.unshift(event);
      if (_opts.retries && !flags._queued && !flags.volatile) {
        this._enqueue(args, flags);
        return this;
      }
      const packet = { type: EVENT, data: args, options: { compress: flags.compress !== false } };
      const connected = this.connected && !io2.engine._hasPingExpired();
      const dropped = flags.volatile && !(connected && io2.engine.transport.writable);
      if (typeof args[args.length - 1] === "function") {
        const ack = args.pop();
        const timeout = flags.timeout === void 0 ? _opts.ackTimeout : flags.timeout;
        if (dropped && timeout === void 0) {
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
          delete this.acks[packet.id];
          throw err;
        }
      }
      return this;
    }
    emitWithAck(event, ...args) {
      return new Promise((resolve, reject) => {
        const ack = (err, value) => err ? reject(err) : resolve(value);
        ack._withError = true;
        this.emit(event, ...args, ack);
      });
    }
    /** Modifier: the acknowledgement of the next emit fails after ms milliseconds. */
    timeout(ms) {
      this.flags.timeout = ms;
      return this;
    }
    /** Modifier: accepted and passed on, without an effect in browsers. */
    compress(compress) {
      this.flags.compress = compress;
      return this;
    }
    /** Modifier: the next emit is dropped when it cannot leave now. */
    get volatile() {
      this.flags.volatile = true;
      return this;
    }
    /** Called for every packet of this namespace. */
    onpacket(packet) {
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
    _packet(packet) {
      packet.nsp = this.nsp;
      this.io._packet(packet);
    }
    _sendEvent(packet) {
      if (!packet._announced) {
        packet._announced = true;
        for (const fn of this.anyOut.slice()) call(fn, this, packet.data);
      }
      this._packet(packet);
    }
    _registerAck(packet, ack, timeout) {
      const { id } = packet;
      if (timeout === void 0) {
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
      const wrapper = (...args) => {
        stopTimer(this.io.opts, timer);
        ack.apply(this, args);
      };
      wrapper._withError = true;
      this.acks[id] = wrapper;
    }
    /** The connection is up: ask for the namespace. */
    _onOpen() {
      const { auth } = this;
      const { engine } = this.io;
      const send = (data) => {
        if (!this.active || this.connected || this.io.engine !== engine) return;
        const session = this._pid ? { pid: this._pid, offset: this._lastOffset } : void 0;
        this._packet({ type: CONNECT, data: session ? { ...session, ...data } : data });
      };
      if (typeof auth === "function") call(auth, this, [send]);
      else send(auth);
    }
    _onConnect(id, pid) {
      this.id = id;
      this.recovered = !!pid && this._pid === pid;
      if (!this.recovered) this._lastOffset = void 0;
      this._pid = pid;
      this.connected = true;
      const { receiveBuffer, sendBuffer } = this;
      this.receiveBuffer = [];
      this.sendBuffer = [];
      for (const packet of receiveBuffer) this._onEvent(packet);
      for (const packet of sendBuffer) call(this._sendEvent, this, [packet]);
      call(this._drainQueue, this, [true]);
      this._fire("connect", []);
    }
    _onEvent(packet) {
      const args = packet.data || [];
      if (packet.id !== void 0) args.push(this._ackFor(packet.id));
      for (const fn of this.anyIn.slice()) call(fn, this, args);
      this._fire(args[0], args.slice(1));
      const last = args[args.length - 1];
      if (this._pid && args.length > 1 && typeof last === "string") this._lastOffset = last;
    }
    /** What a handler calls to acknowledge an event: the first call counts, on the same connection only. */
    _ackFor(id) {
      const session = this.id;
      let sent = false;
      return (...args) => {
        if (sent || this.id !== session) return;
        sent = true;
        this._packet({ type: ACK, id, data: args });
      };
    }
    _onAck({ id, data }) {
      const ack = this.acks[id];
      if (typeof ack !== "function") return;
      delete this.acks[id];
      const args = data || [];
      call(ack, this, ack._withError ? [null, ...args] : args);
    }
    _onError(err) {
      if (!this.connected) this._fire("connect_error", [err]);
    }
    _onClose(reason, details) {
      this.connected = false;
      this.id = void 0;
      this._fire("disconnect", [reason, details]);
      this._failAcks();
    }
    /** No answer can come any more, except to what is still buffered. */
    _failAcks() {
      for (const id of Object.keys(this.acks)) {
        if (this.sendBuffer.some((packet) => String(packet.id) === id)) continue;
        const ack = this.acks[id];
        delete this.acks[id];
        if (ack._withError) call(ack, this, [new Error("socket has been disconnected")]);
      }
    }
    _deactivate() {
      this.active = false;
      this.io._destroy();
    }
    // Option retries: one packet at a time, sent again until the server acknowledges it.
    _enqueue(args, flags) {
      const done = typeof args[args.length - 1] === "function" ? args.pop() : void 0;
      const entry = { _tries: 0, _pending: false, _args: args, _flags: { ...flags, _queued: true } };
      const ack = (err, ...answer) => {
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
    _drainQueue(again) {
      const entry = this._queue[0];
      if (!this.connected || !entry || entry._pending && !again) return;
      entry._pending = true;
      entry._tries++;
      this.flags = entry._flags;
      try {
        this.emit.apply(this, entry._args);
      } catch (err) {
        entry._tries = Infinity;
        entry._args[entry._args.length - 1](err);
        throw err;
      }
    }
  };
  for (const [suffix, field] of [
    ["Any", "anyIn"],
    ["AnyOutgoing", "anyOut"]
  ]) {
    Object.assign(Socket.prototype, {
      ["on" + suffix](fn) {
        this[field].push(fn);
        return this;
      },
      ["prepend" + suffix](fn) {
        this[field].unshift(fn);
        return this;
      },
      ["off" + suffix](fn) {
        this[field] = fn ? this[field].filter((f) => f !== fn) : [];
        return this;
      },
      ["listeners" + suffix]() {
        return this[field];
      }
    });
  }

  // src/manager.ts
  var Backoff = class {
    constructor(_opts) {
      this._opts = _opts;
      this.attempts = 0;
    }
    duration() {
      const { reconnectionDelay, reconnectionDelayMax, randomizationFactor } = this._opts;
      const jitter = 1 + randomizationFactor * (Math.random() * 2 - 1);
      return Math.min(reconnectionDelayMax, Math.floor(reconnectionDelay * 2 ** this.attempts++ * jitter));
    }
    reset() {
      this.attempts = 0;
    }
  };
  var Manager = class extends Emitter {
    constructor(uri, opts) {
      super();
      this.nsps = /* @__PURE__ */ Object.create(null);
      this._readyState = "closed";
      this._reconnecting = false;
      this._stopped = false;
      if (uri && typeof uri === "object") {
        opts = uri;
        uri = void 0;
      }
      this.uri = uri;
      this.opts = opts = opts || {};
      opts.path = opts.path || "/socket.io";
      const { randomizationFactor, timeout } = opts;
      this._settings = {
        reconnection: opts.reconnection !== false,
        reconnectionAttempts: opts.reconnectionAttempts || Infinity,
        reconnectionDelay: opts.reconnectionDelay || 1e3,
        reconnectionDelayMax: opts.reconnectionDelayMax || 5e3,
        randomizationFactor: randomizationFactor == null ? 0.5 : randomizationFactor,
        timeout: timeout == null ? 2e4 : timeout
      };
      this.backoff = new Backoff(this._settings);
      const parser = opts.parser || { Encoder, Decoder };
      this.encoder = new parser.Encoder();
      this.decoder = new parser.Decoder();
      this.decoder.on("decoded", (packet) => this._onDecoded(packet));
      if (this._autoConnect) this.open();
    }
    get _autoConnect() {
      return this.opts.autoConnect !== false;
    }
    /** Connects, unless connected or connecting; fn gets the error of this attempt, if any. */
    open(fn) {
      if (this._readyState !== "closed") return this;
      const resume = this._reconnecting;
      this._readyState = "opening";
      this._reconnecting = this._stopped = false;
      stopTimer(this.opts, this._timer);
      const engine = this.engine = new Engine(this.uri, this.opts);
      const fail = (err) => {
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
    connect(fn) {
      return this.open(fn);
    }
    /** The socket of a namespace: always the same one. */
    socket(nsp, opts) {
      let socket = this.nsps[nsp];
      if (!socket) socket = this.nsps[nsp] = new Socket(this, nsp, opts);
      if (this._autoConnect && !socket.active) socket.connect();
      return socket;
    }
    _onOpen(engine) {
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
    _onError(err) {
      this._each((socket) => socket._onError(err));
      this.emit("error", err);
    }
    _onDecoded(packet) {
      this.emit("packet", packet);
      const socket = this.nsps[packet.nsp];
      if (!socket) return;
      if (socket.active) socket.onpacket(packet);
      else if (packet.type === CONNECT) socket._packet({ type: DISCONNECT });
    }
    _each(fn) {
      for (const nsp of Object.keys(this.nsps)) {
        const socket = this.nsps[nsp];
        if (socket.active) call(fn, this, [socket]);
      }
    }
    /** Writes one packet of a socket. */
    _packet(packet) {
      const [head, ...attachments] = this.encoder.encode(packet);
      this.engine._send("message", head, packet.options, packet);
      for (const data of attachments) this.engine._send("message", data, packet.options);
    }
    /** Events that the engine still held when it closed go back to the front of their socket's buffer. */
    _takeBack(engine) {
      for (const { _source: packet } of engine.writeBuffer.slice(engine._sent).reverse()) {
        if (packet && packet.type === EVENT && packet._keep) this.nsps[packet.nsp].sendBuffer.unshift(packet);
      }
    }
    /** Lets go of the engine's events and of the timer. */
    _release() {
      stopTimer(this.opts, this._timer);
      this.engine._hook = void 0;
      this.decoder.destroy();
    }
    /** A socket became inactive: the last one closes the connection. */
    _destroy() {
      let active = false;
      this._each(() => active = true);
      if (!active) this._close();
    }
    _close() {
      this._stopped = true;
      this._reconnecting = false;
      this._onClose("forced close");
    }
    _onClose(reason, details) {
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
    _reconnect() {
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
          if (this._stopped) return;
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
  };
  for (const name of [
    "reconnection",
    "reconnectionAttempts",
    "reconnectionDelay",
    "reconnectionDelayMax",
    "randomizationFactor",
    "timeout"
  ]) {
    Manager.prototype[name] = function(value) {
      if (value === void 0) return this._settings[name];
      this._settings[name] = value;
      if (name === "reconnection" && !value) this._stopped = true;
      return this;
    };
  }

  // src/index.ts
  var managers = {};
  function io(uri, opts) {
    if (uri && typeof uri === "object") {
      opts = uri;
      uri = void 0;
    }
    opts = opts || {};
    const { secure, host, port, path, query } = parseAddress(uri);
    const origin = (secure ? "https://" : "http://") + host + ":" + port;
    const id = origin + (opts.path || "/socket.io");
    const shared = managers[id];
    if (query && !opts.query) opts = { ...opts, query: decodeQuery(query) };
    const alone = opts.forceNew || opts["force new connection"] || opts.multiplex === false || shared && path in shared.nsps;
    const manager = alone ? new Manager(origin, opts) : shared || (managers[id] = new Manager(origin, opts));
    return manager.socket(path, opts);
  }
  Object.assign(io, { Manager, Socket, io, connect: io, protocol });

  // src/global.ts
  var global_default = io;
  return __toCommonJS(global_exports);
})();
io=io.default;(function(){if(typeof module=="object"&&module.exports)module.exports=io;else if(typeof define=="function"&&define.amd)define(function(){return io})})();
//# sourceMappingURL=socket.io.js.map
