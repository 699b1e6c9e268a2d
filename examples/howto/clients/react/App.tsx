// docs:app
import { useState, type FormEvent } from "react";
import { useConnected, useConnection, useSocketEvent } from "./hooks";
import { socket } from "./socket";

export function App() {
  const [lines, setLines] = useState<string[]>([]);
  const [text, setText] = useState("");
  const [hint, setHint] = useState("");
  const connected = useConnected(socket);
  useConnection(socket);
  useSocketEvent(socket, "said", (from, text) => setLines((all) => [...all, `${from}: ${text}`]));

  async function say(e: FormEvent) {
    e.preventDefault();
    try {
      const reply = await socket.timeout(5000).emitWithAck("say", text);
      setHint(reply?.error?.message ?? "");
      if (!reply?.error) setText("");
    } catch {
      setHint("not sent: no answer from the server");
    }
  }

  return (
    <main>
      <p role="status">{connected ? "connected" : "offline"}</p>
      <ul>{lines.map((line, i) => <li key={i}>{line}</li>)}</ul>
      <form onSubmit={say}>
        <input aria-label="Message" value={text} onChange={(e) => setText(e.target.value)} />
        <button>Say</button> <output>{hint}</output>
      </form>
    </main>
  );
}
