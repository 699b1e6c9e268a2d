import { decodePacket, encodePackets, type EnginePacket } from "./codec.js";
import { Transport, transportError } from "./transport.js";

export class WebSocketTransport extends Transport {
  name = "websocket";
  ws: any;

  _open(): void {
    const { forceBase64, timestampRequests, protocols, extraHeaders } = this._opts;
    const fail = (err: any) => this._fail("transport error", transportError("websocket error", err, err));
    const query: any = timestampRequests ? this._stamp() : {};
    if (forceBase64) query.b64 = 1;
    try {
      // Browsers ignore the third argument; WebSocket classes made for other runtimes take headers in it.
      const ws = (this.ws = new (WebSocket as any)(this._url("ws", query), protocols || [], { headers: extraHeaders }));
      ws.binaryType = "arraybuffer";
      ws.onopen = () => {
        if (!this._closed) this._onReady();
      };
      ws.onmessage = (event: any) => {
        if (!this._closed) this._onPacket(decodePacket(event.data));
      };
      ws.onerror = fail;
      ws.onclose = (context: any) =>
        this._fail("transport close", { description: "websocket connection closed", context });
    } catch (err) {
      fail(err); // no WebSocket here, or an address that it refuses
    }
  }

  _write(packets: EnginePacket[]): void {
    this.writable = false;
    encodePackets(
      packets,
      !this._opts.forceBase64,
      (frames) => {
        try {
          for (const frame of frames) this.ws.send(frame);
        } catch (_) {
          // closing already: onclose follows
        }
        // Not in the same task, so that a burst counts as "not ready" for volatile packets.
        queueMicrotask(() => {
          if (this._closed) return;
          this.writable = true;
          this._onDrain();
        });
      },
      (err) => this._fail("transport error", transportError("websocket error", err, err))
    );
  }

  _close(): void {
    this._closed = true;
    this.writable = false;
    if (this.ws) this.ws.close();
  }
}
