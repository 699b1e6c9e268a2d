// Looks at the frames of WebSockets on their way through a proxy.
import { startProxy } from "../client/proxy.mjs";

/** Counts the frames in one direction of one connection, behind the HTTP of its handshake. */
class Frames {
  constructor(count) {
    this.count = count;
    this.data = Buffer.alloc(0);
    this.http = true;
  }

  take(chunk) {
    this.data = Buffer.concat([this.data, chunk]);
    if (this.http) {
      const end = this.data.indexOf("\r\n\r\n");
      if (end < 0) return;
      const head = this.data.subarray(0, end).toString("latin1");
      if (!/upgrade: websocket/i.test(head)) return void (this.data = Buffer.alloc(0)); // polling
      this.count.extensions = /^sec-websocket-extensions: *(.*)$/im.exec(head)?.[1] ?? "";
      this.data = this.data.subarray(end + 4);
      this.http = false;
    }
    while (this.data.length >= 2) {
      let n = this.data[1] & 0x7f;
      let at = 2;
      if (n >= 126) {
        at = n === 126 ? 4 : 10;
        if (this.data.length < at) return;
        n = n === 126 ? this.data.readUInt16BE(2) : Number(this.data.readBigUInt64BE(2));
      }
      if (this.data[1] & 0x80) at += 4;
      if (this.data.length < at + n) return;
      this.count.frames++;
      this.count.bytes += at + n;
      if (this.data[0] & 0x40) this.count.deflated++;
      this.data = this.data.subarray(at + n);
    }
  }
}

/** Starts a proxy; up and down have what its WebSockets carried. */
export async function startWire(port) {
  const counts = () => ({ extensions: undefined, frames: 0, bytes: 0, deflated: 0 });
  const wire = { up: counts(), down: counts() };
  const readers = new Map();
  const reader = (pair) => {
    if (!readers.has(pair)) readers.set(pair, { up: new Frames(wire.up), down: new Frames(wire.down) });
    return readers.get(pair);
  };
  const proxy = await startProxy(port, {
    up: (chunk, pair) => reader(pair).up.take(chunk),
    down: (chunk, pair) => reader(pair).down.take(chunk),
  });
  return Object.assign(wire, { url: proxy.url, stop: proxy.stop });
}
