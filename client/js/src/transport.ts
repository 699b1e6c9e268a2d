import type { EnginePacket } from "./codec.js";
import { encodeQuery } from "./url.js";

/** What an engine needs to know of the address, and the user's options. */
export interface Target {
  secure: boolean;
  host: string;
  port: string;
  opts: any;
}

export type CloseReason = "transport error" | "transport close";

const nothing = () => {};

/** One way to move packets. The engine that owns it sets the callbacks. */
export abstract class Transport {
  abstract name: string;
  /** True while packets may be handed over. */
  writable = false;
  /** The session's id, once there is one. */
  _sid?: string;
  _closed = false;
  _opts: any;

  _onReady: () => void = nothing;
  _onPacket: (packet: EnginePacket) => void = nothing;
  _onDrain: () => void = nothing;
  _onFail: (reason: CloseReason, details: any) => void = nothing;

  constructor(readonly _target: Target) {
    this._opts = _target.opts;
  }

  abstract _open(): void;
  abstract _write(packets: EnginePacket[]): void;
  /** graceful: tell the peer before letting go. */
  abstract _close(graceful: boolean): void;

  /** Reports the end, once. */
  _fail(reason: CloseReason, details: any): void {
    if (this._closed) return;
    this._closed = true;
    this.writable = false;
    this._onFail(reason, details);
  }

  _url(scheme: string, query: Record<string, any>): string {
    const { secure, host, port, opts } = this._target;
    const path = opts.path.replace(/\/$/, "") + (opts.addTrailingSlash === false ? "" : "/");
    const all: any = { ...opts.query, ...query, EIO: 4, transport: this.name };
    if (this._sid) all.sid = this._sid;
    return (
      scheme +
      (secure ? "s://" : "://") +
      host +
      (port === (secure ? "443" : "80") ? "" : ":" + port) +
      path +
      "?" +
      encodeQuery(all)
    );
  }

  /** A query parameter that defeats caches. */
  _stamp(): Record<string, string> {
    return { [this._opts.timestampParam || "t"]: Math.random().toString(36).slice(2, 10) };
  }
}

/** An error of a transport, with the fields that the official client documents. */
export function transportError(message: string, description: any, context: any): Error {
  return Object.assign(new Error(message), { type: "TransportError", description, context });
}
