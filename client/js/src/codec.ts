// Engine.IO v4 packets and polling payloads.
// See https://github.com/socketio/engine.io-protocol.

export interface EnginePacket {
  type: string;
  data?: any;
  options?: any;
  /** The Socket.IO packet whose first frame this is, to give it back when it was never sent. */
  _source?: any;
}

const TYPES = ["open", "close", "ping", "pong", "message", "upgrade", "noop"];
const SEPARATOR = "\x1e";

/** True for what travels as an attachment. Works across realms (iframes), unlike instanceof. */
export function isBinary(value: any): boolean {
  return (
    typeof value === "object" &&
    value !== null &&
    (ArrayBuffer.isView(value) || /^\[object (ArrayBuffer|Blob|File)]$/.test(Object.prototype.toString.call(value)))
  );
}

/** Tells a Blob or File from the other binary values. */
const isBlob = (value: any): value is Blob => "size" in value;

function base64(data: ArrayBuffer | ArrayBufferView): string {
  const bytes = ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) {
    text += String.fromCharCode.apply(null, bytes.subarray(i, i + 8192) as any);
  }
  return "b" + btoa(text);
}

/**
 * Encodes packets and hands the frames over: at once, or later when a Blob has to be read first.
 * raw: binary frames are possible (WebSocket), so only text is prefixed.
 */
export function encodePackets(
  packets: EnginePacket[],
  raw: boolean,
  done: (frames: any[]) => void,
  fail: (err: any) => void
): void {
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

/** The packets' polling payload. */
export const joinPayload = (frames: string[]) => frames.join(SEPARATOR);

/** Bytes that a packet takes in a polling payload, without a separator. */
export function encodedLength({ data }: EnginePacket): number {
  return isBinary(data)
    ? 1 + Math.ceil((isBlob(data) ? data.size : data.byteLength) / 3) * 4
    : 1 + (data ? new TextEncoder().encode(data).length : 0);
}

export function decodePacket(frame: any): EnginePacket {
  if (typeof frame !== "string") return { type: "message", data: frame };
  const rest = frame.slice(1);
  if (frame[0] === "b") {
    try {
      return { type: "message", data: Uint8Array.from(atob(rest), (c) => c.charCodeAt(0)).buffer };
    } catch (_) {
      // falls through: not base64
    }
  }
  const type = TYPES[frame.charCodeAt(0) - 48];
  if (!type) return { type: "error", data: "parser error" };
  return rest ? { type, data: rest } : { type };
}

export const splitPayload = (payload: string) => payload.split(SEPARATOR);
