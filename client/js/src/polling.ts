import { decodePacket, encodePackets, joinPayload, splitPayload, type EnginePacket } from "./codec.js";
import { startTimer, stopTimer } from "./timers.js";
import { Transport, transportError } from "./transport.js";

export class Polling extends Transport {
  name = "polling";
  _polling = false;
  _posting = false;
  _whenPaused?: () => void;
  _aborts = new Set<AbortController>();

  _open(): void {
    this._poll();
  }

  async _poll(): Promise<void> {
    this._polling = true;
    do {
      const payload = await this._request();
      if (payload === undefined) return;
      if (this._closed) return this._closeLate(payload);
      for (const frame of splitPayload(payload)) {
        const packet = decodePacket(frame);
        if (packet.type === "close") {
          this._sid = undefined;
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

  _write(packets: EnginePacket[]): void {
    const fail = (err: any) => this._fail("transport error", transportError("xhr post error", 0, err));
    this.writable = false;
    this._posting = true;
    encodePackets(
      packets,
      false,
      async (frames) => {
        if ((await this._request(joinPayload(frames))) === undefined || this._closed) return;
        this._posting = false;
        this.writable = true;
        this._onDrain();
        this._checkPaused();
      },
      fail
    );
  }

  /** Calls back when no request is under way, and starts none before _resume. */
  _pause(done: () => void): void {
    this._whenPaused = done;
    this._checkPaused();
  }

  _resume(): void {
    this._whenPaused = undefined;
    if (!this._polling && !this._closed) this._poll();
  }

  _checkPaused(): void {
    if (this._whenPaused && !this._polling && !this._posting) this._whenPaused();
  }

  _close(graceful: boolean): void {
    const abort = () => this._aborts.forEach((control) => control.abort());
    this._closed = true;
    this.writable = false;
    if (!graceful) abort();
    // The server answers the pending poll when it gets the close packet; only then is it let go.
    if (this._sid) this._request("1", true).then(abort);
  }

  /** Closed while the handshake was on its way: the session that it made must not stay behind. */
  _closeLate(payload: string): void {
    try {
      this._sid = JSON.parse(splitPayload(payload)[0].slice(1)).sid;
      this._request("1", true);
    } catch (_) {
      // not a handshake: nothing to close
    }
  }

  /** One HTTP request: a poll, or a POST when there is a body. Undefined when it failed. */
  async _request(body?: string, keepalive?: boolean): Promise<string | undefined> {
    const { timestampRequests, extraHeaders, withCredentials, requestTimeout } = this._opts;
    const control = new AbortController();
    const timer = requestTimeout && startTimer(this._opts, () => control.abort(), requestTimeout);
    this._aborts.add(control);
    let status = 0;
    let context: any;
    try {
      const response: any = (context = await fetch(this._url("http", timestampRequests === false ? {} : this._stamp()), {
        method: body === undefined ? "GET" : "POST",
        headers: body === undefined ? extraHeaders : { "Content-type": "text/plain;charset=UTF-8", ...extraHeaders },
        body,
        credentials: withCredentials ? "include" : "same-origin",
        signal: control.signal,
        keepalive,
      }));
      const text = (response.responseText = await response.text());
      status = response.status;
      if (status === 200) return text;
    } catch (err) {
      context = err;
    } finally {
      stopTimer(this._opts, timer);
      this._aborts.delete(control);
    }
    this._fail("transport error", transportError(`xhr ${body === undefined ? "poll" : "post"} error`, status, context));
    return undefined;
  }
}
