# docs:python
"""Prints the notices of a user, and says that they have arrived.

    pip install "python-socketio[asyncio_client]"
    python notify.py http://localhost:3000 ada
"""

import asyncio
import sys

import socketio

url, name = sys.argv[1:3]
sio = socketio.AsyncClient()


@sio.on("notice", namespace="/notices")
async def notice(n):
    print(f"{n['id']}: {n['text']}", flush=True)
    # What a handler returns is the acknowledgement.
    return "printed"


@sio.on("connect_error", namespace="/notices")
async def refused(data):
    print("not let in:", data, file=sys.stderr, flush=True)


async def main():
    # A function in place of the dict is asked at each reconnect: for a fresh token.
    await sio.connect(url, namespaces=["/notices"], auth=lambda: {"name": name}, transports=["websocket"], retry=True)
    print("connected", flush=True)
    await sio.wait()


asyncio.run(main())
