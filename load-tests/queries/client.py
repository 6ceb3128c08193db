"""A small HTTP/1.1 client on asyncio: its times are taken when bytes go and come, not when somebody gets around to them."""

import asyncio
import time

ANSWERED_WITHIN_S = 60


class Connection(asyncio.Protocol):
    """One request at a time, kept alive."""

    def __init__(self):
        self.transport = self.answered = None
        self.received = bytearray()
        self.begun = 0.0
        # Where the body begins and ends, once that is known.
        self.body, self.status = None, 0

    def connection_made(self, transport):
        self.transport = transport

    async def get(self, path):
        """Status, milliseconds until the last byte, and body."""
        self.received.clear()
        self.body, self.answered = None, asyncio.get_running_loop().create_future()
        request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
        self.begun = time.perf_counter()
        self.transport.write(request)
        return await asyncio.wait_for(self.answered, ANSWERED_WITHIN_S)

    def data_received(self, data):
        self.received += data
        if self.body is None and not self.read_head():
            return
        start, end = self.body
        if len(self.received) >= end and not self.answered.done():
            took = (time.perf_counter() - self.begun) * 1e3
            self.answered.set_result((self.status, took, bytes(self.received[start:end])))

    def read_head(self):
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return False
        lines = bytes(self.received[:end]).lower().split(b"\r\n")
        self.status = int(lines[0].split()[1])
        (length,) = [int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:")] or [0]
        self.body = (end + 4, end + 4 + length)
        return True

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


def close_all(connections):
    for connection in connections:
        connection.close()
