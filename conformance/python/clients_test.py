"""python-socketio against the server of CONTRACT.md, at $SERVER.

Every case runs with the client that blocks and with the one of asyncio, over
polling, over WebSocket and across the upgrade.
"""

import asyncio
import concurrent.futures
import os
import queue
import signal
import threading
import unittest
import urllib.parse
import urllib.request
import uuid

import socketio
from engineio.payload import Payload

SERVER = os.environ["SERVER"]
PATIENCE = 15  # seconds
MODES = {"polling": ["polling"], "websocket": ["websocket"], "upgrade": None}
# Over polling the client gives up when an answer holds more packets than this,
# by default 16: a server that emits faster than the client polls ends it.
Payload.max_decode_packets = 10_000
NESTED = {"name": "ü€😀", "deep": [b"\x00\x01\xff", {"b": b"\n4\x1e" * 1000}], "n": 1.5, "none": None, "yes": True}


class Blocking:
    """One socketio.Client; what it hears waits in queues."""

    def __init__(self, **options):
        self.heard = {}
        self.client = self.make(reconnection_delay=0.1, reconnection_delay_max=0.5, **options)

    def make(self, **options):
        return socketio.Client(**options)

    def run(self, result):
        return result

    def on(self, event, namespace="/", answer=None):
        """Keeps the arguments of each such event; answer is what it acknowledges."""
        waiting = self.heard[namespace, event] = queue.Queue()

        def handler(*args):
            waiting.put(args)
            return answer(*args) if answer else None

        self.client.on(event, handler, namespace=namespace)

    def next(self, event, namespace="/"):
        return self.heard[namespace, event].get(timeout=PATIENCE)

    def connect(self, mode, namespaces=("/",), auth=None):
        self.run(self.client.connect(SERVER, transports=MODES[mode], namespaces=list(namespaces), auth=auth, wait_timeout=PATIENCE))

    def emit(self, event, data=None, namespace="/", callback=None):
        self.run(self.client.emit(event, data, namespace=namespace, callback=callback))

    def call(self, event, data=None, namespace="/"):
        return self.run(self.client.call(event, data, namespace=namespace, timeout=PATIENCE))

    def disconnect(self):
        self.run(self.client.disconnect())

    @property
    def transport(self):
        return self.client.transport() if callable(self.client.transport) else self.client.transport

    def sid(self, namespace="/"):
        return self.client.get_sid(namespace)


class Asyncio(Blocking):
    """One socketio.AsyncClient, driven from the test's thread."""

    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()

    def make(self, **options):
        async def on_the_loop():
            return socketio.AsyncClient(**options)

        return self.run(on_the_loop())

    def run(self, result):
        if not asyncio.iscoroutine(result):
            return result
        return asyncio.run_coroutine_threadsafe(result, self.loop).result(PATIENCE)

    def on(self, event, namespace="/", answer=None):
        waiting = self.heard[namespace, event] = queue.Queue()

        async def handler(*args):
            waiting.put(args)
            return answer(*args) if answer else None

        self.client.on(event, handler, namespace=namespace)


def control(method, path, **query):
    url = f"{SERVER}/control/{path}?{urllib.parse.urlencode(query)}"
    with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=PATIENCE) as response:
        return response.read().decode()


class Cases:
    """The cases; kind and mode are set by the classes below."""

    def client(self, *events, namespace="/", **options):
        client = self.kind(**options)
        self.addCleanup(client.disconnect)
        for event in ("disconnect", "connect_error", *events):
            client.on(event, namespace)
        return client

    def connected(self, *events, namespace="/", auth=None, **options):
        client = self.client("connect", *events, namespace=namespace, **options)
        client.connect(self.mode, [namespace], auth)
        client.next("connect", namespace)
        return client

    def test_transport(self):
        client = self.connected()
        self.assertEqual(client.transport, "polling" if self.mode == "polling" else "websocket")
        who = client.call("whoami")
        self.assertEqual((who["id"], who["namespace"]), (client.sid(), "/"))

    def test_events(self):
        client = self.connected("echo", "message")
        for args in ((), (1,), ("a", {"b": [None, True, "ü€😀\x1e\u2028"]}, 2.5), (NESTED, b"", "text")):
            client.emit("echo", args)
            self.assertEqual(client.next("echo"), args)
        big = "€" * 100_000
        client.emit("echo", (big, b"\xfe" * 150_000))
        self.assertEqual(client.next("echo"), (big, b"\xfe" * 150_000))
        client.run(client.client.send({"a": 1}))
        self.assertEqual(client.next("message"), ({"a": 1},))

    def test_acknowledgements(self):
        client = self.connected()
        self.assertEqual(client.call("echo-ack", ("a", NESTED)), ("a", NESTED))
        self.assertEqual(client.call("echo-ack", NESTED), NESTED)
        client.on("question", answer=lambda question: {"was": question})
        self.assertEqual(client.call("ask", (NESTED, 10_000)), {"answer": {"was": NESTED}})
        client.next("question")
        # Acknowledgements overtake one another: each finds its own callback.
        fast = concurrent.futures.Future()
        slow = concurrent.futures.Future()
        client.emit("slow", 300, callback=lambda *args: slow.set_result((args, fast.done())))
        client.emit("echo-ack", 1, callback=lambda *args: fast.set_result(args))
        self.assertEqual(fast.result(PATIENCE), (1,))
        self.assertEqual(slow.result(PATIENCE), (("done",), True))

    def test_nested_binary(self):
        client = self.connected("blob")
        self.assertEqual(client.call("binary", (NESTED, b"abc")), {"buffers": 3, "bytes": 3 + 3000 + 3})
        for size in (1, 100_000):
            client.emit("blob", size)
            parts = [b"\x01" * size, {"deep": b"\x02" * size}]
            self.assertEqual(client.next("blob"), ({"name": "blob", "parts": parts}, b"\x03" * size))

    def test_order(self):
        client = self.client("tick", "connect", namespace="/stream")
        client.connect(self.mode, ["/stream"])
        for i in range(200):
            client.emit("tock", i, namespace="/stream")
        result = client.call("stop", namespace="/stream")
        self.assertTrue(result["ordered"])
        self.assertEqual(result["count"], 200)
        got = [client.next("tick", "/stream")[0] for _ in range(result["ticks"])]
        # The handlers of the blocking client run each in a thread of its own.
        self.assertEqual(got if self.kind is Asyncio else sorted(got), list(range(result["ticks"])))

    def test_namespaces(self):
        client = self.client("echo")
        for namespace in ("/chat", "/dynamic-1", "/admin"):
            client.on("echo", namespace)
        client.connect(self.mode, ["/", "/chat", "/dynamic-1", "/admin"], auth={"token": "secret"})
        ids = set()
        for namespace in ("/", "/chat", "/dynamic-1", "/admin"):
            client.emit("echo", (namespace, b"1"), namespace=namespace)
            self.assertEqual(client.next("echo", namespace), (namespace, b"1"))
            who = client.call("whoami", namespace=namespace)
            self.assertEqual(who, {"id": client.sid(namespace), "namespace": namespace, "auth": {"token": "secret"}})
            ids.add(who["id"])
        self.assertEqual(len(ids), 4)

    def test_rooms(self):
        room, other = str(uuid.uuid4()), str(uuid.uuid4())
        one = self.connected("said", namespace="/chat", auth={"room": room})
        two = self.connected("said", namespace="/chat")
        self.assertTrue(two.call("join", room, namespace="/chat"))
        self.assertTrue(two.call("join", other, namespace="/chat"))
        self.assertEqual(two.call("rooms", namespace="/chat"), sorted([room, other]))
        say = lambda text, **audience: one.call("say", ({"from": "namespace", "to": [], "except": [], **audience}, text), namespace="/chat")
        say("both", to=[room])
        say("one", to=[room], **{"except": [other]})
        say("two", to=[room], **{"from": "socket"})
        self.assertTrue(two.call("leave", room, namespace="/chat"))
        say("one again", to=[room])
        say("both again", to=[room, other])
        self.assertEqual(sorted(one.next("said", "/chat")[0] for _ in range(4)), ["both", "both again", "one", "one again"])
        self.assertEqual(sorted(two.next("said", "/chat")[0] for _ in range(3)), ["both", "both again", "two"])
        one.on("question", "/chat", answer=lambda question: question + 1)
        two.on("question", "/chat", answer=lambda question: question + 1)
        self.assertEqual(one.call("ask-room", (other, 1, 10_000), namespace="/chat"), {"answers": [2], "missing": False})

    def test_refusals(self):
        refusal = {"message": "not authorized", "data": {"code": "E_AUTH", "need": ["token"]}}
        for namespace, auth, wanted in (
            ("/admin", {"token": "wrong"}, refusal),
            ("/admin", None, refusal),
            ("/closed", None, {"message": "closed"}),
            ("/nothing", None, {"message": "Invalid namespace"}),
        ):
            client = self.client(namespace=namespace)
            with self.assertRaises(socketio.exceptions.ConnectionError):
                client.connect(self.mode, [namespace], auth)
            got = client.next("connect_error", namespace)
            self.assertEqual({k: v for k, v in got[0].items() if v is not None}, wanted)
            client.disconnect()
            # The same client may try again.
        client.on("connect", "/admin")
        client.connect(self.mode, ["/admin"], {"token": "secret"})
        client.next("connect", "/admin")

    def test_kicks(self):
        for whole, reason in ((False, "server namespace disconnect"), (True, "server namespace disconnect")):
            client = self.connected(namespace="/chat", reconnection=False)
            sid = client.sid("/chat")
            client.emit("kick", whole, namespace="/chat")
            client.next("disconnect", "/chat")
            self.assertEqual(control("GET", "reason", id=sid), reason)

    def test_leaving(self):
        client = self.connected()
        sid = client.sid()
        client.disconnect()
        client.next("disconnect")
        # Over WebSocket the client closes before its farewell has left.
        late = [] if self.mode == "polling" else ["transport close"]
        self.assertIn(control("GET", "reason", id=sid), ["client namespace disconnect", *late])

    def test_heartbeats(self):
        client = self.connected()  # pings come every second
        self.assertEqual(client.call("slow", 2500), "done")


class Restart(unittest.TestCase):
    """The server ends and comes back, and the clients reconnect by themselves."""

    def restart(self, end, modes):
        clients = []
        for kind in (Blocking, Asyncio):
            for mode in modes:
                client = kind()
                self.addCleanup(client.disconnect)
                for event in ("connect", "disconnect", "echo"):
                    client.on(event)
                client.connect(mode)
                client.next("connect")
                clients.append((client, client.sid()))
        end()
        for client, _ in clients:
            client.next("disconnect")
        for client, sid in clients:
            client.next("connect")
            client.emit("echo", ("back", b"\x01"))
            self.assertEqual(client.next("echo"), ("back", b"\x01"))
            self.assertNotEqual(client.sid(), sid)

    def test_shutdown(self):
        # Over polling the client takes the server's close packet for its own
        # farewell, and stays away.
        self.restart(lambda: control("POST", "shutdown"), ("websocket", "upgrade"))

    def test_crash(self):
        with open(os.environ["PIDFILE"], encoding="utf-8") as pidfile:
            pid = int(pidfile.read())
        self.restart(lambda: os.kill(pid, signal.SIGKILL), MODES)


for _kind in (Blocking, Asyncio):
    for _mode in MODES:
        _name = f"{_kind.__name__}_{_mode}"
        globals()[_name] = type(_name, (Cases, unittest.TestCase), {"kind": _kind, "mode": _mode})

if __name__ == "__main__":
    unittest.main()
