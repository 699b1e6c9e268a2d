// The twenty questions that Socket.IO users ask most, in their words: those that the
// project's own troubleshooting page answers, those that come again and again in its
// tracker (the number of one of those issues of socketio/socket.io), and the ones
// that its users ask each other. page: any of these is the right answer.
export const questions = [
  { ask: "cors blocked access-control-allow-origin", pages: ["cors", "troubleshooting"], because: "#4069, #3755: the first error of whoever has a page on another port" },
  { ask: "session id unknown 400", pages: ["troubleshooting", "cluster"], because: "#4433, #3002, #1982: several servers without sticky sessions" },
  { ask: "sticky sessions nginx", pages: ["cluster", "proxies"], because: "#4881: the maintainers' answer to most errors 400" },
  { ask: "ping timeout disconnect", pages: ["disconnection", "troubleshooting"], because: "#2769, #4040: background tabs and frozen phones" },
  { ask: "transport close", pages: ["disconnection", "troubleshooting"], because: "the other reason that users see" },
  { ask: "send to a specific client", pages: ["emitting", "broadcasting", "howto/private-messages", "rooms"], because: "the most viewed question of users to each other" },
  { ask: "emit to everyone except the sender", pages: ["emitting", "broadcasting", "rooms"], because: "emit, broadcast and to are mixed up" },
  { ask: "list of connected users online", pages: ["howto/online", "rooms", "broadcasting"], because: "asked since 0.7, and the answer changed with each version" },
  { ask: "jwt token authentication", pages: ["auth", "securing"], because: "where the token goes: auth, query or headers" },
  { ask: "react useEffect duplicate events", pages: ["howto/react"], because: "handlers registered twice, in the official list of gotchas" },
  { ask: "reconnect after disconnect", pages: ["disconnection", "client", "recovery", "troubleshooting"], because: "#2476: io server disconnect does not come back by itself" },
  { ask: "missed messages while offline", pages: ["recovery", "delivery", "client"], because: "#3507: what was sent while the phone slept" },
  { ask: "acknowledgement callback timeout", pages: ["acknowledgements"], because: "callbacks that never come" },
  { ask: "websocket upgrade stuck polling proxy", pages: ["proxies", "troubleshooting"], because: "stuck in long-polling, in the official list" },
  { ask: "redis adapter multiple servers", pages: ["cluster"], because: "the step from one process to two" },
  { ask: "emit from rest api route", pages: ["howto/notifications", "server", "emitting", "emitter"], because: "an event from outside of a handler" },
  { ask: "upload file binary progress", pages: ["howto/uploads", "limits", "emitting"], because: "maxHttpBufferSize ends the connection without a word" },
  { ask: "namespace middleware connect_error", pages: ["middleware", "namespaces", "troubleshooting"], because: "how a middleware says no, and who hears that" },
  { ask: "client version 2 compatibility EIO3", pages: ["eio3", "clients", "troubleshooting"], because: "error 400, code 5: unsupported protocol version" },
  { ask: "kubernetes graceful shutdown", pages: ["deployment", "production"], because: "a deployment cuts off everybody at once" },
];
