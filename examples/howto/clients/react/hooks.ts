// docs:connection
import { useEffect, useLayoutEffect, useRef, useSyncExternalStore } from "react";
import type { Socket } from "socket.io-client";

/** Keeps the socket connected while the component is there. */
export function useConnection(socket: Socket) {
  useEffect(() => {
    socket.connect();
    return () => {
      socket.disconnect();
    };
  }, [socket]);
}

/** Whether the socket is connected now. */
export function useConnected(socket: Socket) {
  return useSyncExternalStore(
    (changed) => {
      socket.on("connect", changed).on("disconnect", changed);
      return () => socket.off("connect", changed).off("disconnect", changed);
    },
    () => socket.connected,
    () => false, // rendered on a server
  );
}

// docs:event
type Listener = (...args: any[]) => void;

/** Calls the newest listener for each event, and registers once. */
export function useSocketEvent<Events extends Record<keyof Events, Listener>, Name extends keyof Events & string>(
  socket: Socket<Events, any>,
  event: Name,
  listener: Events[Name],
) {
  const newest = useRef(listener);
  useLayoutEffect(() => {
    newest.current = listener;
  });
  useEffect(() => {
    const plain = socket as unknown as Socket;
    const name: string = event;
    const call: Listener = (...args) => newest.current(...args);
    plain.on(name, call);
    return () => {
      plain.off(name, call);
    };
  }, [socket, event]);
}
