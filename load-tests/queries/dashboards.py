"""The simulated dashboards: what their panels ask, how often, and when each viewer looks. All of it follows from the seed."""

import dataclasses
import random
import urllib.parse

from queries.fleet import COUNTERS, GAUGES, HISTOGRAMS, service_name

DASHBOARDS = 20
PANELS = 12
RANGES = {"15m": 900, "1h": 3_600, "6h": 21_600, "24h": 86_400}
REFRESHES_S = (5, 10, 30, 60)
VIEWERS = (2, 3)
# What people choose; a quarter leaves it to the server.
INTERVALS = {
    "15m": ("10s", "15s", "30s", "auto"),
    "1h": ("15s", "30s", "1m", "auto"),
    "6h": ("1m", "2m", "5m", "auto"),
    "24h": ("5m", "10m", "30m", "auto"),
}
MAX_DATA_POINTS = (100, 200, 300)
GAUGE_AGGREGATIONS = ("avg", "max", "min", "sum", "last")
COUNTER_AGGREGATIONS = ("rate", "rate", "increase", "sum")
HISTOGRAM_AGGREGATIONS = ("p99", "p99", "p95", "p50")
# Of four dashboards one shows all services, the others one service each.
WHOLE_FLEET_EACH = 4


@dataclasses.dataclass(frozen=True)
class Panel:
    """One request; `parameters` are the pairs of its query string."""

    dashboard: int
    number: int
    parameters: tuple

    @property
    def path(self):
        return "/api/v2/metrics?" + urllib.parse.urlencode(self.parameters)

    @property
    def name(self):
        return f"{self.dashboard}.{self.number}"


@dataclasses.dataclass(frozen=True)
class Dashboard:
    number: int
    range: str
    refresh_s: int
    panels: tuple
    # Seconds after the start at which each viewer looks for the first time.
    phases: tuple


def dashboards(seed, count=DASHBOARDS):
    """The first `count` of them; the same seed gives the same ones."""
    return [dashboard(number, random.Random(f"{seed}/{number}")) for number in range(count)]


def dashboard(number, chance):
    # Every range meets every refresh.
    ranges = list(RANGES)
    shown = ranges[number % len(ranges)]
    refresh = REFRESHES_S[(number + number // len(ranges)) % len(REFRESHES_S)]
    panels = tuple(panel(number, at, shown, chance) for at in range(PANELS))
    viewers = chance.choice(VIEWERS)
    phases = tuple(round(chance.uniform(0, refresh), 3) for _ in range(viewers))
    return Dashboard(number, shown, refresh, panels, phases)


def panel(dashboard_number, number, shown, chance):
    """Half of the panels show gauges, a third counters, the rest histograms, as on dashboards of services."""
    if number % 6 < 3:
        metric, aggregation = chance.choice(GAUGES), chance.choice(GAUGE_AGGREGATIONS)
    elif number % 6 < 5:
        metric, aggregation = chance.choice(COUNTERS), chance.choice(COUNTER_AGGREGATIONS)
    else:
        metric, aggregation = chance.choice(HISTOGRAMS), chance.choice(HISTOGRAM_AGGREGATIONS)
    pairs = [("metricName", metric), ("startTime", f"now-{shown}"), ("aggregation", aggregation)]
    interval = chance.choice(INTERVALS[shown])
    pairs.append(("interval", interval))
    if interval == "auto":
        pairs.append(("maxDataPoints", str(chance.choice(MAX_DATA_POINTS))))
    whole_fleet = dashboard_number % WHOLE_FLEET_EACH == 0
    if not whole_fleet:
        pairs.append(("serviceName", service_name(dashboard_number)))
    groups = (None, "service.name", "route") if whole_fleet else (None, "pod", "route", "pod,route")
    grouped = chance.choice(groups)
    if grouped:
        pairs.append(("groupBy", grouped))
    narrowed = chance.choice((None, None, None, 'route="/v1/items/2"', 'pod=~".*-[0-2]"', 'route!="/v1/items/0"'))
    if narrowed:
        pairs.append(("filter", narrowed))
    return Panel(dashboard_number, number, tuple(pairs))


def all_panels(boards):
    return [each for board in boards for each in board.panels]


def requests_per_second(boards):
    return sum(len(board.panels) * len(board.phases) / board.refresh_s for board in boards)
