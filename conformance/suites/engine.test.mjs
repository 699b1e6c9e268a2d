// The 25 cases of the official Engine.IO v4 suite.
import { close, handshake, heartbeat, message, upgrade } from "./engine-cases.mjs";
import { register } from "./register.mjs";

register("Engine.IO", "/engine.io/", 25, { handshake, message, heartbeat, close, upgrade: upgrade(true) });
