"""What an answer of `/api/v2/metrics` says of itself, read off its ends: to parse large bodies would be measured, too."""

import dataclasses
import re

# It stands before or after the values, with a few short fields and texts of the server's own.
END_BYTES = 4_000
SAID = re.compile(
    rb'"cache":"(?P<cache>\w+)"(?:,"buckets":\{"cached":(?P<cached>\d+),"asked":(?P<asked>\d+)\})?'
    rb',"rowsRead":(?P<rows>\d+),"elapsedMs":(?P<elapsed>[0-9.eE+-]+)'
)
NOTHING = b'"series":[]'


@dataclasses.dataclass(frozen=True)
class Answer:
    """Of one request. Times in milliseconds, `at` in seconds after the start; `cache` is empty where there was no answer."""

    panel: str
    at: float
    status: int
    client_ms: float
    size: int
    cache: str = ""
    cached: int = 0
    asked: int = 0
    rows_read: int = 0
    elapsed_ms: float = 0.0
    is_empty: bool = False

    @property
    def is_hit(self):
        return self.cache == "hit"

    @property
    def is_good(self):
        return self.status == 200 and bool(self.cache)


def answer(panel, at, status, client_ms, body):
    ends = (body[:END_BYTES], body[-END_BYTES:]) if status == 200 else ()
    found = next(filter(None, map(SAID.search, ends)), None)
    if not found:
        return Answer(panel, at, status, client_ms, len(body))
    return Answer(
        panel,
        at,
        status,
        client_ms,
        len(body),
        found["cache"].decode(),
        int(found["cached"] or 0),
        int(found["asked"] or 0),
        int(found["rows"]),
        float(found["elapsed"]),
        NOTHING in body,
    )


def why_missed(answer):
    """Which of the server's reads it took, as far as the answer tells."""
    if answer.rows_read and answer.cached:
        return "points of some buckets"
    if answer.rows_read:
        return "points of all buckets"
    if answer.cached >= answer.asked > 0:
        return "no buckets: series, description or the pane's first points"
    return "buckets without points"
