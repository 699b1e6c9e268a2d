// The client's side of server/plain.go: a packet is a JSON object.
import Emitter from "component-emitter";

export class Encoder {
  encode(packet) {
    const { type, data, nsp, id } = packet;
    return [JSON.stringify({ type, data, nsp, id })];
  }
}

export class Decoder extends Emitter {
  add(chunk) {
    if (typeof chunk !== "string") throw new Error("not text");
    this.emit("decoded", JSON.parse(chunk));
  }
  destroy() {}
}
