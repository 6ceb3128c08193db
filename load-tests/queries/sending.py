"""Sends a fleet's points: a day of them at once, then the present ones at the pace of a fleet. In processes of their own."""

import contextlib
import http.client
import itertools
import multiprocessing
import threading
import time

from bench.failed import Failed
from queries import fleet
from queries.templates import Template, values

PROCESSES = 2
# Connections of each.
SENDERS = 4
# The last hour is as dense as what follows; before it a point of each series each minute is enough to draw a day.
DENSE_S = 3_600
PAST_STEP_S = 60
RETRY_PAUSE_S = 0.1
ANSWERED_WITHIN_S = 60
REFUSED_MAX_S = 120


class Sender:
    """A connection that posts bodies until they are taken."""

    def __init__(self, port):
        self.port, self.connection = port, None

    def post(self, body):
        deadline = time.monotonic() + REFUSED_MAX_S
        while True:
            status = self.attempt(body)
            if status == 200:
                return
            if status not in (None, 429, 503) or time.monotonic() > deadline:
                raise Failed(f"points were answered {status}")
            time.sleep(RETRY_PAUSE_S)

    def attempt(self, body):
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWERED_WITHIN_S)
        try:
            self.connection.request("POST", "/v1/metrics", body, {"Content-Type": "application/x-protobuf"})
            answer = self.connection.getresponse()
            answer.read()
            return answer.status
        except (OSError, http.client.HTTPException):
            self.connection.close()
            self.connection = None
            return None


def past_of_fleet(services, now_s, hours):
    """When each service has sent in so many hours up to now: seconds since the epoch and the service, in order."""
    numbers = range(services)
    return sorted((at, number) for number in numbers for at in past_times(now_s, hours, fleet.interval_s(number)))


def past_times(now_s, hours, interval):
    dense_from = now_s - min(DENSE_S, hours * 3_600)
    sparse = range(int(now_s - hours * 3_600), int(dense_from), PAST_STEP_S)
    return itertools.chain(sparse, range(int(dense_from), int(now_s), interval))


def between_of_fleet(services, from_s, to_s):
    """What was due in between, as dense as ever."""
    numbers = range(services)
    return sorted((at, number) for number in numbers for at in range(int(from_s), int(to_s), fleet.interval_s(number)))


def send_past(port, request, due, start_s):
    """Sends `request(number)` as of each time of `due`, as fast as it is taken. Times go on for all numbers alike, as they did."""
    with multiprocessing.get_context("fork").Pool(PROCESSES) as pool:
        parts = [(port, request, due_of(due, part), start_s) for part in range(PROCESSES)]
        pool.starmap(send_part, parts)


def due_of(due, part):
    return [(at, number) for at, number in due if number % PROCESSES == part]


def send_part(port, request, due, start_s):
    made = templates_of(request, {number for _, number in due})
    turns, lock, broken = iter(due), threading.Lock(), []

    def work():
        sender = Sender(port)
        while not broken:
            with lock:
                turn = next(turns, None)
            if turn is None:
                return
            at, number = turn
            try:
                sender.post(made[number].body(values(at, start_s)))
            except Failed as failure:
                broken.append(failure)

    threads = [threading.Thread(target=work) for _ in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if broken:
        raise broken[0]


def templates_of(request, numbers):
    return {number: Template(request(number).SerializeToString()) for number in numbers}


class Live:
    """What has been sent of late, by a process of its own: bodies, and how late the latest of them was, in seconds."""

    def __init__(self, context):
        self.stopping = context.Event()
        self.bodies, self.late_s = context.Value("q", 0), context.Value("d", 0.0)


@contextlib.contextmanager
def live(port, services, from_s, start_s):
    """Each service sends every interval from `from_s` on, until the end of the context."""
    context = multiprocessing.get_context("fork")
    state = Live(context)
    process = context.Process(target=send_live, args=(port, services, from_s, start_s, state), daemon=True)
    process.start()
    try:
        yield state
        if process.exitcode is not None:
            raise Failed(f"the live points ended with {process.exitcode}")
    finally:
        state.stopping.set()
        process.join(ANSWERED_WITHIN_S)
        if process.is_alive():
            process.kill()


def send_live(port, services, from_s, start_s, state):
    made = templates_of(fleet.request, range(services))
    sender = Sender(port)
    for due, number in live_times(services, from_s):
        if state.stopping.wait(max(0.0, due - time.time())):
            return
        sender.post(made[number].body(values(due, start_s)))
        state.bodies.value += 1
        state.late_s.value = max(state.late_s.value, time.time() - due)


def live_times(services, from_s):
    """When which service sends: never all at once, and without an end."""
    next_due = {number: from_s + fleet.interval_s(number) * (number + 1) / services for number in range(services)}
    while True:
        number = min(next_due, key=next_due.get)
        yield next_due[number], number
        next_due[number] += fleet.interval_s(number)
