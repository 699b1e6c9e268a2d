// Types of the browser client: the public API of socket.io-client 4.x, generic over the application's events.

/** A map of event names to listener signatures: { message: (text: string, ack: (ok: boolean) => void) => void }. */
export interface EventsMap {
  [event: string]: any;
}

/** Without a map: any event, any arguments. */
export interface DefaultEventsMap {
  [event: string]: (...args: any[]) => void;
}

type Names<Map> = keyof Map & (string | symbol);
type Args<Map extends EventsMap, Name extends keyof Map> = Parameters<Map[Name]>;
type Last<List extends any[]> = List extends [...any[], infer L] ? L : any;
type AllButLast<List extends any[]> = List extends [...infer Head, any] ? Head : any[];
type FirstArg<Fn> = Fn extends (arg: infer A, ...rest: any[]) => any ? A : any;
/** The acknowledgement's arguments with an error in front, as timeout() adds. */
type WithError<List extends any[]> = {
  [K in keyof List]: List[K] extends (...args: infer A) => infer R ? (err: Error, ...args: A) => R : List[K];
};
type WithErrors<Map> = {
  [E in keyof Map]: Map[E] extends (...args: infer A) => infer R ? (...args: WithError<A>) => R : Map[E];
};

/** How a transport or the server explains the end of a connection. */
export type DisconnectDescription = Error | { description: string; context?: unknown };

export interface ExtendedError extends Error {
  /** What the server's refusal has in its data. */
  data?: any;
  /** What a transport knows of the failure. */
  description?: any;
  context?: any;
}

export interface SocketReservedEvents {
  connect: () => void;
  connect_error: (err: ExtendedError) => void;
  disconnect: (reason: Socket.DisconnectReason, description?: DisconnectDescription) => void;
}

export interface ManagerReservedEvents {
  open: () => void;
  error: (err: Error) => void;
  ping: () => void;
  packet: (packet: any) => void;
  close: (reason: string, description?: DisconnectDescription) => void;
  reconnect_failed: () => void;
  reconnect_attempt: (attempt: number) => void;
  reconnect_error: (err: Error) => void;
  reconnect: (attempt: number) => void;
}

declare class Emitter<Listen extends EventsMap, Emit extends EventsMap, Reserved extends EventsMap = {}> {
  on<E extends Names<Reserved & Listen>>(event: E, listener: Handler<Reserved, Listen, E>): this;
  once<E extends Names<Reserved & Listen>>(event: E, listener: Handler<Reserved, Listen, E>): this;
  off<E extends Names<Reserved & Listen>>(event?: E, listener?: Handler<Reserved, Listen, E>): this;
  addEventListener: this["on"];
  removeListener: this["off"];
  removeEventListener: this["off"];
  removeAllListeners: this["off"];
  emit<E extends Names<Emit>>(event: E, ...args: Args<Emit, E>): this;
  listeners<E extends Names<Reserved & Listen>>(event: E): Handler<Reserved, Listen, E>[];
  hasListeners<E extends Names<Reserved & Listen>>(event: E): boolean;
}

type Handler<Reserved, Listen, E> = E extends keyof Reserved
  ? Reserved[E]
  : E extends keyof Listen
    ? Listen[E]
    : never;

export interface SocketOptions {
  /** Sent with each connection to a namespace: an object, or a function that is asked each time. */
  auth?: { [key: string]: any } | ((send: (data: object) => void) => void);
  /** How often an event is sent again until the server acknowledges it. Default: never. */
  retries?: number;
  /** Milliseconds after which an acknowledgement fails. Default: never. */
  ackTimeout?: number;
}

export interface EngineOptions {
  host?: string;
  hostname?: string;
  secure?: boolean;
  port?: string | number;
  query?: { [key: string]: any };
  /** In order of preference. Default: polling, websocket. */
  transports?: ("polling" | "websocket" | (string & {}))[];
  /** Whether to go from polling to WebSocket. Default: true. */
  upgrade?: boolean;
  /** Whether to start with WebSocket when it worked before in this page. Default: false. */
  rememberUpgrade?: boolean;
  /** Whether to try the other transports when the first fails. Default: false. */
  tryAllTransports?: boolean;
  /** Send binary as base64 text. Default: false. */
  forceBase64?: boolean;
  /** Send cookies to other origins. Default: false. */
  withCredentials?: boolean;
  /** Headers of the polling requests. Browsers do not let pages set headers of a WebSocket. */
  extraHeaders?: { [header: string]: string };
  /** Options for one transport only. */
  transportOptions?: object;
  /** Milliseconds for one polling request; 0 (default): no limit. */
  requestTimeout?: number;
  /** The query parameter that defeats caches. Default: "t". */
  timestampParam?: string;
  /** Default: with polling only. */
  timestampRequests?: boolean;
  /** Subprotocols of the WebSocket. */
  protocols?: string | string[];
  /** Default: "/socket.io". */
  path?: string;
  /** Default: true. */
  addTrailingSlash?: boolean;
  /** Close without a sound when the page is left. Default: false. */
  closeOnBeforeunload?: boolean;
  /** Use the timers of the time when the script was loaded. Default: false. */
  useNativeTimers?: boolean;

  // Options of the official client for Node: taken, and without an effect in browsers.
  agent?: string | boolean;
  autoUnref?: boolean;
  ca?: string | string[];
  cert?: string;
  ciphers?: string;
  key?: string;
  passphrase?: string;
  perMessageDeflate?: { threshold: number };
  pfx?: string;
  rejectUnauthorized?: boolean;
}

/** All that a manager knows; io() and Manager take some of it, a Partial. */
export interface ManagerOptions extends EngineOptions {
  /** Default: false. */
  forceNew: boolean;
  /** Default: true. */
  multiplex: boolean;
  /** Default: "/socket.io". */
  path: string;
  /** Default: true. */
  autoConnect: boolean;
  /** Default: true. */
  reconnection: boolean;
  /** Default: Infinity. */
  reconnectionAttempts: number;
  /** Milliseconds. Default: 1000. */
  reconnectionDelay: number;
  /** Milliseconds. Default: 5000. */
  reconnectionDelayMax: number;
  /** 0 to 1. Default: 0.5. */
  randomizationFactor: number;
  /** Milliseconds for an attempt to connect. Default: 20000. For no limit see Manager.timeout. */
  timeout: number;
  /** Another encoding of packets, which the server has to use, too: { Encoder, Decoder }. */
  parser: any;
}

/** The connection under a manager. */
export interface Engine {
  /** While it is open. */
  readonly id: string;
  readonly readyState: "opening" | "open" | "closing" | "closed";
  readonly transport: { readonly name: string; readonly writable: boolean };
  readonly writeBuffer: ReadonlyArray<{ type: string; data?: any; options?: any }>;
  readonly upgrading: boolean;
  readonly hostname: string;
  readonly secure: boolean;
  readonly port: string;
  readonly opts: EngineOptions;
  /**
   * open, handshake(data), packet(packet), packetCreate(packet), data(data), message(data), ping, pong, heartbeat,
   * flush, drain, upgrading(transport), upgrade(transport), upgradeError(err), error(err), close(reason, details).
   */
  on(event: string, listener: (...args: any[]) => void): this;
  once(event: string, listener: (...args: any[]) => void): this;
  off(event?: string, listener?: (...args: any[]) => void): this;
  removeListener: this["off"];
  removeAllListeners: this["off"];
  write(data: string | ArrayBuffer | ArrayBufferView | Blob, options?: { compress?: boolean }, fn?: () => void): this;
  send(data: string | ArrayBuffer | ArrayBufferView | Blob, options?: { compress?: boolean }, fn?: () => void): this;
  close(): this;
}

export declare class Manager<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
> extends Emitter<{}, {}, ManagerReservedEvents> {
  constructor(opts: Partial<ManagerOptions>);
  constructor(uri?: string, opts?: Partial<ManagerOptions>);
  constructor(uri?: string | Partial<ManagerOptions>, opts?: Partial<ManagerOptions>);
  readonly engine: Engine;
  opts: Partial<ManagerOptions>;
  _readyState: "opening" | "open" | "closed";
  reconnection(value: boolean): this;
  reconnection(): boolean;
  reconnection(value?: boolean): this | boolean;
  reconnectionAttempts(value: number): this;
  reconnectionAttempts(): number;
  reconnectionAttempts(value?: number): this | number;
  reconnectionDelay(value: number): this;
  reconnectionDelay(): number;
  reconnectionDelay(value?: number): this | number;
  reconnectionDelayMax(value: number): this;
  reconnectionDelayMax(): number;
  reconnectionDelayMax(value?: number): this | number;
  randomizationFactor(value: number): this;
  randomizationFactor(): number;
  randomizationFactor(value?: number): this | number;
  /** Milliseconds for an attempt to connect; false: no limit. */
  timeout(value: number | boolean): this;
  timeout(): number | boolean;
  timeout(value?: number | boolean): this | number | boolean;
  open(fn?: (err?: Error) => void): this;
  connect(fn?: (err?: Error) => void): this;
  socket(nsp: string, opts?: Partial<SocketOptions>): Socket<ListenEvents, EmitEvents>;
  _close(): void;
}

/** Answers are the events as their acknowledgements are without timeout(), which emitWithAck takes apart. */
export declare class Socket<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
  Answers extends EventsMap = EmitEvents,
> extends Emitter<ListenEvents, EmitEvents, SocketReservedEvents> {
  constructor(io: Manager<any, any>, nsp: string, opts?: Partial<SocketOptions>);
  readonly io: Manager<ListenEvents, Answers>;
  /** Given by the server while connected. */
  id: string | undefined;
  connected: boolean;
  readonly disconnected: boolean;
  /** True while it is connected, or will become so by itself. */
  readonly active: boolean;
  /** True when the last connect resumed the session before it. */
  recovered: boolean;
  auth: { [key: string]: any } | ((send: (data: object) => void) => void);
  receiveBuffer: any[];
  sendBuffer: any[];
  connect(): this;
  open(): this;
  disconnect(): this;
  close(): this;
  send(...args: any[]): this;
  emitWithAck<E extends Names<Answers>>(
    event: E,
    ...args: AllButLast<Args<Answers, E>>
  ): Promise<FirstArg<Last<Args<Answers, E>>>>;
  /** For the next event: its acknowledgement gets an error first, also when it does not come in time. */
  timeout(ms: number): Socket<ListenEvents, WithErrors<EmitEvents>, Answers>;
  compress(compress: boolean): this;
  readonly volatile: this;
  onAny(listener: (event: string, ...args: any[]) => void): this;
  prependAny(listener: (event: string, ...args: any[]) => void): this;
  offAny(listener?: (event: string, ...args: any[]) => void): this;
  listenersAny(): ((...args: any[]) => void)[];
  onAnyOutgoing(listener: (event: string, ...args: any[]) => void): this;
  prependAnyOutgoing(listener: (event: string, ...args: any[]) => void): this;
  offAnyOutgoing(listener?: (event: string, ...args: any[]) => void): this;
  listenersAnyOutgoing(): ((...args: any[]) => void)[];
}

export declare namespace Socket {
  type DisconnectReason =
    | "io server disconnect"
    | "io client disconnect"
    | "ping timeout"
    | "transport close"
    | "transport error"
    | "parse error";
}

export type DisconnectReason = Socket.DisconnectReason;

export interface Lookup {
  <Listen extends EventsMap = DefaultEventsMap, Emit extends EventsMap = Listen>(
    opts?: Partial<ManagerOptions & SocketOptions>
  ): Socket<Listen, Emit>;
  <Listen extends EventsMap = DefaultEventsMap, Emit extends EventsMap = Listen>(
    uri?: string,
    opts?: Partial<ManagerOptions & SocketOptions>
  ): Socket<Listen, Emit>;
  /** Last, so that ReturnType<typeof io> is a Socket. */
  (uri?: string, opts?: Partial<ManagerOptions & SocketOptions>): Socket;
  Manager: typeof Manager;
  Socket: typeof Socket;
  io: Lookup;
  connect: Lookup;
  protocol: number;
}

export declare const io: Lookup;
export declare const connect: Lookup;
export declare const protocol: number;
export default io;
