// Socket.IO v5 packets. See https://github.com/socketio/socket.io-protocol.
import { Emitter } from "./emitter.js";
import { isBinary } from "./codec.js";

/** The revision of the Socket.IO protocol. */
export const protocol = 5;

export const CONNECT = 0;
export const DISCONNECT = 1;
export const EVENT = 2;
export const ACK = 3;
export const CONNECT_ERROR = 4;
const BINARY_EVENT = 5;
const BINARY_ACK = 6;

const MAX_ATTACHMENTS = 10;

export interface Packet {
  type: number;
  nsp: string;
  data?: any;
  id?: number;
  attachments?: number;
  options?: any;
}

/** Event names that have a meaning of their own and never travel. */
export const RESERVED = ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

export class Encoder {
  /** The packet as frames: one text, then its attachments. */
  encode(packet: Packet): any[] {
    const attachments: any[] = [];
    let { type, data } = packet;
    const json =
      data === undefined
        ? ""
        : JSON.stringify(data, function (key, value) {
            // `this[key]` is the value before its own toJSON: a Node Buffer has one.
            const original = isBinary(value) ? value : this[key];
            return isBinary(original) && isMessage(type)
              ? { _placeholder: true, num: attachments.push(original) - 1 }
              : value;
          });
    let head = "";
    if (attachments.length) {
      type = type === EVENT ? BINARY_EVENT : BINARY_ACK;
      head = attachments.length + "-";
    }
    if (packet.nsp !== "/") head += packet.nsp + ",";
    if (packet.id !== undefined) head += packet.id;
    return [type + head + json, ...attachments];
  }
}

const isMessage = (type: number) => type === EVENT || type === ACK;

export class Decoder extends Emitter {
  _pending?: Packet;
  _attachments: any[] = [];

  /** Takes one frame; emits "decoded" per complete packet and throws on anything malformed. */
  add(frame: any): void {
    const pending = this._pending;
    if (typeof frame === "string") {
      if (pending) throw new Error("got text while waiting for an attachment");
      const packet = decode(frame);
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
  destroy(): void {
    this._pending = undefined;
    this._attachments = [];
  }
}

// 1 type, or 2 type and 3 attachments; 4 namespace; 5 acknowledgement id; 6 JSON
const PACKET = /^(?:([0-4])|([56])(\d+)-)(?:(\/[^,]*)(?:,|$))?(\d*)([^]*)$/;

function decode(text: string): Packet {
  const match = PACKET.exec(text);
  if (!match) throw new Error("unknown packet type or illegal attachments");
  const type = +(match[1] || match[2]);
  const packet: Packet = { type: type > CONNECT_ERROR ? type - 3 : type, nsp: match[4] || "/" };
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

function isValid({ type, data }: Packet): boolean {
  const isObject = typeof data === "object" && data !== null && !Array.isArray(data);
  switch (type) {
    case CONNECT:
      return data === undefined || isObject;
    case DISCONNECT:
      return data === undefined;
    case CONNECT_ERROR:
      return typeof data === "string" || isObject;
    case ACK:
      return data === undefined || Array.isArray(data);
    default:
      return (
        data === undefined ||
        (Array.isArray(data) &&
          (typeof data[0] === "number" || (typeof data[0] === "string" && !RESERVED.includes(data[0]))))
      );
  }
}

/** Puts the attachments where their placeholders are. */
function insert(data: any, attachments: any[]): any {
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
