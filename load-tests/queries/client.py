"""A small HTTP/1.1 client on asyncio: its times are taken when bytes go and come, not when somebody gets around to them."""

import asyncio
import time

ANSWERED_WITHIN_S = 60
LAST_CHUNK = b"0\r\n\r\n"


class Connection(asyncio.Protocol):
    """One request at a time, kept alive."""

    def __init__(self):
        self.transport = self.answered = None
        self.received = bytearray()
        self.begun = 0.0
        # Where the body begins, once that is known, and how long it is, unless it comes in chunks.
        self.body_from = self.length = None
        self.status = 0

    def connection_made(self, transport):
        self.transport = transport

    async def get(self, path):
        """Status, milliseconds until the last byte, and body."""
        self.received.clear()
        self.body_from, self.answered = None, asyncio.get_running_loop().create_future()
        request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
        self.begun = time.perf_counter()
        self.transport.write(request)
        return await asyncio.wait_for(self.answered, ANSWERED_WITHIN_S)

    def data_received(self, data):
        self.received += data
        if (self.body_from is None and not self.read_head()) or not self.is_whole():
            return
        took = (time.perf_counter() - self.begun) * 1e3
        body = bytes(self.received[self.body_from :])
        if not self.answered.done():
            self.answered.set_result((self.status, took, body if self.length is not None else without_chunks(body)))

    def read_head(self):
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return False
        lines = bytes(self.received[:end]).lower().split(b"\r\n")
        self.status, self.body_from = int(lines[0].split()[1]), end + 4
        lengths = [int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:")]
        self.length = lengths[0] if lengths else None
        return True

    def is_whole(self):
        """Chunks end with an empty one; JSON has no such line breaks."""
        if self.length is None:
            return self.received.endswith(LAST_CHUNK, self.body_from)
        return len(self.received) - self.body_from >= self.length

    @property
    def is_closed(self):
        return self.transport.is_closing()

    def close(self):
        self.transport.close()

    def connection_lost(self, reason):
        if self.answered is not None and not self.answered.done():
            self.answered.set_exception(reason or ConnectionError("the server closed the connection"))


async def connect(port):
    _, connection = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", port)
    return connection


def without_chunks(body):
    """The content of chunks, each of which says its length in hexadecimal first."""
    parts, at = [], 0
    while True:
        end = body.index(b"\r\n", at)
        length = int(body[at:end].split(b";")[0], 16)
        if length == 0:
            return b"".join(parts)
        parts.append(body[end + 2 : end + 2 + length])
        at = end + 2 + length + 2


def close_all(connections):
    for connection in connections:
        connection.close()
