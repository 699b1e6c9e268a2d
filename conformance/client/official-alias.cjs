// Stands in for the package under test in official-suite.sh: our bundle, and what Node 20 lacks.
globalThis.WebSocket = require("ws").WebSocket;

// The two "reconnect timeout" cases connect to http://localhost (nothing listens there) with Node's timers and
// nextTick replaced, and count on the attempt hanging, as the official client's XMLHttpRequest for Node then does.
// fetch reports the refusal at once, so for this one address the hanging is done here.
const fetch = globalThis.fetch;
globalThis.fetch = (url, init) =>
  url.startsWith("http://localhost/")
    ? new Promise((_, reject) => init.signal.addEventListener("abort", () => reject(init.signal.reason)))
    : fetch(url, init);

module.exports = require("./ours.cjs");
