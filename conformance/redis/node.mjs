// A Node server with an official adapter in a process of its own: its first line is its
// port. The arguments are the socket of Redis and the name of the mode.
import { Node, modes } from "./lab.mjs";

const [redis, mode] = process.argv.slice(2);
const node = await Node.start(redis, modes[mode], { connectionStateRecovery: {} });
console.log(node.http.address().port);
