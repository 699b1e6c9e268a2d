// docs:socket
import { io, type Socket } from "socket.io-client";

export interface FromServer {
  said: (from: string, text: string) => void;
}
export interface ToServer {
  say: (text: string, done: (reply: { error?: { code: string; message: string } } | undefined) => void) => void;
}

/** One socket for the page, outside of all components. It connects when a component asks. */
export const socket: Socket<FromServer, ToServer> = io("/limits", {
  autoConnect: false,
  auth: (send) => send({ name: sessionStorage.getItem("name") ?? "somebody" }), // asked at each connect
});
