import { Manager } from "./manager.js";
import { protocol } from "./parser.js";
import { Socket } from "./socket.js";
import { decodeQuery, parseAddress } from "./url.js";

const managers: Record<string, Manager> = {};

/**
 * The socket of a namespace. Connections are shared: only forceNew, multiplex: false,
 * or a namespace that the connection already has make a new one.
 */
function io(uri?: any, opts?: any): Socket {
  if (uri && typeof uri === "object") {
    opts = uri;
    uri = undefined;
  }
  opts = opts || {};
  const { secure, host, port, path, query } = parseAddress(uri);
  const origin = (secure ? "https://" : "http://") + host + ":" + port;
  const id = origin + (opts.path || "/socket.io");
  const shared = managers[id];
  if (query && !opts.query) opts = { ...opts, query: decodeQuery(query) }; // the caller's may be for another address, too
  const alone = opts.forceNew || opts["force new connection"] || opts.multiplex === false || (shared && path in shared.nsps);
  const manager = alone ? new Manager(origin, opts) : shared || (managers[id] = new Manager(origin, opts));
  return manager.socket(path, opts);
}

Object.assign(io, { Manager, Socket, io, connect: io, protocol });

export { io, io as connect, io as default, Manager, Socket, protocol };
