// docs:vue
import type { Socket } from "socket.io-client";
import { onMounted, onUnmounted, readonly, ref } from "vue";

/** Keeps the socket connected while the component is mounted, and says whether it is. */
export function useConnection(socket: Socket) {
  const connected = ref(socket.connected);
  const changed = () => (connected.value = socket.connected);
  onMounted(() => socket.on("connect", changed).on("disconnect", changed).connect());
  onUnmounted(() => socket.disconnect().off("connect", changed).off("disconnect", changed));
  return readonly(connected);
}

type Listener = (...args: any[]) => void;

/** Listens while the component is mounted. */
export function useSocketEvent<Events extends Record<keyof Events, Listener>, Name extends keyof Events & string>(
  socket: Socket<Events, any>,
  event: Name,
  listener: Events[Name],
) {
  const plain = socket as unknown as Socket;
  const [name, call] = [event as string, listener as Listener];
  onMounted(() => plain.on(name, call));
  onUnmounted(() => plain.off(name, call));
}
