"""People who look at dashboards: each has six connections, as a browser, and asks for all panels of a dashboard at each refresh."""

import asyncio
import time

from queries import client
from queries.answers import Answer, answer

CONNECTIONS = 6


class Viewers:
    """`answers` is what they were told; `skipped` counts refreshes that were due while the last one was not there."""

    def __init__(self, port, boards):
        self.port, self.boards = port, boards
        self.answers, self.skipped = [], 0
        self.began = 0.0

    async def watch(self, seconds):
        self.began = time.perf_counter()
        viewers = [self.viewer(board, phase, seconds) for board in self.boards for phase in board.phases]
        await asyncio.gather(*viewers)

    async def viewer(self, board, phase, seconds):
        connections = [await client.connect(self.port) for _ in range(CONNECTIONS)]
        try:
            due = phase
            while due < seconds:
                late = self.now() - due
                if late < 0:
                    await asyncio.sleep(-late)
                await self.refresh(board.panels, connections)
                due += board.refresh_s
                while due < min(self.now(), seconds):
                    self.skipped += 1
                    due += board.refresh_s
        finally:
            client.close_all(connections)

    def now(self):
        return time.perf_counter() - self.began

    async def refresh(self, panels, connections):
        """All panels, each over the next connection that is free."""
        waiting = list(reversed(panels))

        async def work(number):
            while waiting:
                # The server lets go of connections that nobody used for a while.
                if connections[number].is_closed:
                    connections[number] = await client.connect(self.port)
                await self.ask(waiting.pop(), connections[number])

        await asyncio.gather(*map(work, range(len(connections))))

    async def ask(self, panel, connection):
        at = self.now()
        try:
            status, took, body = await connection.get(panel.path)
        except (OSError, asyncio.TimeoutError):
            connection.close()
            self.answers.append(Answer(panel.name, at, 0, 0.0, 0))
            return
        self.answers.append(answer(panel.name, at, status, took, body))


def watch(port, boards, seconds):
    viewers = Viewers(port, boards)
    asyncio.run(viewers.watch(seconds))
    return viewers


def look_once(port, panels):
    """One refresh of each panel, one after the other: what a cache without anything in it has to do."""

    async def look():
        viewers = Viewers(port, [])
        viewers.began = time.perf_counter()
        connections = [await client.connect(port)]
        try:
            await viewers.refresh(panels, connections)
        finally:
            client.close_all(connections)
        return viewers.answers

    return asyncio.run(look())
