"""The logic of `load-tests/run-queries`: what dashboards ask, bodies of points, answers, figures. Nothing is measured here."""

import asyncio
import http.server
import itertools
import sys
import threading

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from server import ROOT

sys.path.insert(0, str(ROOT / "load-tests"))

from bench.failed import Failed  # noqa: E402
from bench.figures import Figure, Target  # noqa: E402
from queries import answers, client, dashboards, fleet, groups, judge  # noqa: E402
from queries import main, options, searches, sending, templates, viewers, wide  # noqa: E402
from queries.page import page  # noqa: E402

NOW_S = 1_795_000_000
START_S = NOW_S - 7_200


def parsed(body):
    message = ExportMetricsServiceRequest()
    message.ParseFromString(body)
    return message.resource_metrics[0].scope_metrics[0].metrics


def body(of, time_s=NOW_S):
    return templates.Template(of.SerializeToString()).body(templates.values(time_s, START_S))


def said(cache="hit", cached=60, asked=60, rows=0, elapsed=0.4, series=b'{"values":[1]}'):
    text = f'"cache":"{cache}","buckets":{{"cached":{cached},"asked":{asked}}},"rowsRead":{rows},"elapsedMs":{elapsed}'
    return b'{"series":[' + series + b"]," + text.encode() + b',"warnings":[]}'


def answer(panel="0.0", client_ms=2.0, at=1.0, status=200, **others):
    return answers.answer(panel, at, status, client_ms, said(**others))


def watched(given, **others):
    about = {
        "cold": [answer(cache="miss", client_ms=50.0)],
        "answers": given,
        "seconds": 10.0,
        "cpu_s": 3.0,
        "ingest_cores": 0.1,
        "peak_mb": 400.0,
        "skipped": 0,
        "points_per_second": 2_000.0,
        "beside": "load average 1.0",
    }
    return judge.Watched(**about | others)


def by_name(figures):
    return {figure.name: figure for figure in figures}


def test_the_same_seed_draws_the_same_dashboards_and_another_one_others():
    assert dashboards.dashboards(1) == dashboards.dashboards(1)
    assert dashboards.dashboards(1) != dashboards.dashboards(2)
    assert dashboards.dashboards(1, 3) == dashboards.dashboards(1)[:3]


def test_dashboards_mix_ranges_refreshes_viewers_aggregations_groups_and_intervals():
    boards = dashboards.dashboards(1)
    assert len(boards) == 20 and {len(board.panels) for board in boards} == {12}
    met = {(board.range, board.refresh_s) for board in boards}
    assert met == set(itertools.product(dashboards.RANGES, dashboards.REFRESHES_S))
    assert {len(board.phases) for board in boards} == {2, 3}
    assert all(0 <= phase <= board.refresh_s for board in boards for phase in board.phases)
    asked = [dict(panel.parameters) for panel in dashboards.all_panels(boards)]
    assert {"avg", "max", "rate", "p99"} <= {pairs["aggregation"] for pairs in asked}
    for name in ("groupBy", "filter", "serviceName", "maxDataPoints"):
        assert 0 < sum(name in pairs for pairs in asked) < len(asked)
    for pairs in asked:
        assert ("maxDataPoints" in pairs) == (pairs["interval"] == "auto")
    assert 40 < dashboards.requests_per_second(boards) < 60


def test_a_panel_asks_with_an_encoded_query_string():
    panel = dashboards.Panel(0, 1, (("metricName", "m"), ("filter", 'route="/a"')))
    assert panel.path == "/api/v2/metrics?metricName=m&filter=route%3D%22%2Fa%22"


def test_bodies_say_their_time_and_counters_never_go_down():
    first, later = (parsed(body(fleet.request(3), at)) for at in (NOW_S, NOW_S + 10))
    assert [metric.name for metric in first] == [*fleet.GAUGES, *fleet.COUNTERS, *fleet.HISTOGRAMS]
    numbers = [point for metric in first[:20] for point in metric.gauge.data_points]
    assert {point.time_unix_nano for point in numbers} == {NOW_S * 10**9}
    assert {point.start_time_unix_nano for point in numbers} == {START_S * 10**9}
    assert all(1 < point.as_double < 100 for point in numbers)
    for name in ("as_int", "as_double"):
        at = 20 if name == "as_int" else 21
        pairs = zip(first[at].sum.data_points, later[at].sum.data_points)
        assert all(0 < getattr(one, name) < getattr(next_one, name) for one, next_one in pairs)


def test_histograms_hold_in_their_buckets_what_their_count_says():
    for metric in parsed(body(fleet.request(0)))[32:]:
        for point in metric.histogram.data_points:
            assert point.count == sum(point.bucket_counts) > 0 and point.sum > 0
            assert len(point.bucket_counts) == len(point.explicit_bounds) + 1


def test_steps_never_go_back():
    counted = [templates.steps(second) for second in range(0, 90_000, 5)]
    assert counted == sorted(counted)


def test_a_body_has_a_point_for_each_series():
    metrics = parsed(body(wide.request(7)))
    points = [len(metric.gauge.data_points) + len(metric.sum.data_points) for metric in metrics]
    assert points == [wide.SERIES_EACH] * wide.EACH * len(wide.KINDS)
    assert wide.points(NOW_S) == 241 * 10_000 * 10


def test_the_past_is_dense_in_its_last_hour_and_in_order():
    due = sending.past_of_fleet(2, NOW_S, 24)
    assert due == sorted(due)
    ten = [at for at, number in due if number == 0]
    assert ten[0] == NOW_S - 86_400 and len(ten) == 23 * 60 + 360
    assert len([at for at, number in due if number == 1]) == 23 * 60 + 240
    parts = [sending.due_of(due, part) for part in range(sending.PROCESSES)]
    assert sorted(itertools.chain(*parts)) == due


def test_live_points_come_evenly():
    due = list(itertools.islice(sending.live_times(20, NOW_S), 500))
    assert [at for at, _ in due] == sorted(at for at, _ in due)
    assert min(at for at, _ in due) > NOW_S
    for number, interval in ((0, 10), (1, 15)):
        times = [at for at, which in due if which == number]
        assert {round(later - before, 6) for before, later in itertools.pairwise(times)} == {interval}


def test_an_answer_is_read_off_either_end():
    text = said(cache="miss", rows=7)
    first = b"{" + text[text.index(b'"cache"') : -1] + b',"series":[{"values":[' + b"1," * 9_000 + b"1]}]}"
    assert [answers.answer("0.0", 0.0, 200, 1.0, body).rows_read for body in (text, first)] == [7, 7]
    good = answer(cache="miss", cached=3, asked=60, rows=9, elapsed=1.25)
    assert (good.cache, good.cached, good.asked, good.rows_read, good.elapsed_ms) == ("miss", 3, 60, 9, 1.25)
    assert good.is_good and not good.is_hit and not good.is_empty
    assert answer(series=b"").is_empty
    assert not answer(status=429).is_good
    assert not answers.answer("0.0", 0.0, 200, 1.0, b"{}").is_good


@pytest.mark.parametrize(
    ("about", "why"),
    [
        ({"rows": 5, "cached": 59}, "points of some buckets"),
        ({"rows": 5, "cached": 0}, "points of all buckets"),
        ({"rows": 0, "cached": 60}, "no buckets: series, description or the pane's first points"),
        ({"rows": 0, "cached": 10}, "buckets without points"),
    ],
)
def test_a_miss_says_what_was_read(about, why):
    assert answers.why_missed(answer(cache="miss", asked=60, **about)) == why


def test_percentiles_are_of_the_nearest_rank():
    assert [judge.percentile(range(1, 101), part) for part in (50, 95, 99)] == [50, 95, 99]
    assert [judge.percentile([7, 3], part) for part in (1, 50, 99)] == [3, 3, 7]


def test_dashboards_are_judged_by_hits_and_their_slowest_hundredth():
    given = [answer(client_ms=1.0)] * 98 + [answer(client_ms=9.0), answer(client_ms=300.0, cache="miss", cached=30)]
    figures = by_name(judge.dashboards(watched(given)))
    share = figures["requests without a query to the store"]
    assert share.value == 99 and not share.is_missed
    p99 = figures["hit, at the client, p99"]
    assert p99.value == 9.0 and p99.is_missed
    assert figures["buckets without a query to the store"].value == pytest.approx(99.5)
    assert figures["miss, at the client, p99"].value == 300.0
    assert figures["first look at a panel, at the client, p50"].value == 50.0
    assert figures["server CPU, with ingestion"].value == pytest.approx(0.3)
    assert figures["server CPU per request, beyond ingestion"].value == pytest.approx(20.0)


def test_without_a_hit_its_latency_is_not_measured_and_without_a_miss_there_is_nothing_to_tell():
    all_missed = by_name(judge.dashboards(watched([answer(cache="miss")])))
    assert all_missed["hit, at the client, p99"].value is None
    all_hit = by_name(judge.dashboards(watched([answer()])))
    assert not any(name.startswith("miss") for name in all_hit)


def test_requests_that_failed_are_no_hits_and_are_told():
    seen = watched([answer()] * 3 + [answer(status=500)], skipped=2)
    assert by_name(judge.dashboards(seen))["requests without a query to the store"].value == 75
    bad, skipped = judge.failures(seen)
    assert "1 were 500" in bad and "2 refreshes" in skipped
    (empty,) = judge.failures(watched([answer(series=b"", panel="3.4")]))
    assert "3.4" in empty
    assert judge.dashboards(watched([answer(status=500)]))[0].value is None


def test_panels_that_missed_come_by_how_often():
    panels = [dashboards.Panel(0, at, (("metricName", f"m{at}"),)) for at in range(2)]
    given = [answer("0.0"), answer("0.0", cache="miss", at=7, rows=1), *[answer("0.1", cache="miss", cached=0, rows=1)] * 2]
    rows = judge.misses(given, panels)
    assert [row[:4] for row in rows] == [
        ["0.1", "metricName=m1", "2 of 2", "points of all buckets"],
        ["0.0", "metricName=m0", "1 of 2", "points of some buckets"],
    ]
    assert judge.by_reason(given).most_common(1) == [("points of all buckets", 2)]


def test_rounds_are_judged_by_their_median():
    figure = judge.timed("logs", "a text", [100, 600, 700], 500, "", "load average 9.0")
    assert figure.value == 600 and figure.is_missed and min(figure.values) == 100
    assert figure.note == "load average 9.0"
    assert judge.timed("logs", "a text", [], 500).value is None


def test_the_page_shows_figures_what_was_missed_and_why():
    figures = [Figure("logs", "a text", "ms", [600.0, 100.0], Target(500), note="busy", shown=600.0)]
    given = [answer(cache="miss", rows=1, cached=0)]
    misses = judge.misses(given, [dashboards.Panel(0, 0, (("metricName", "m"),))])
    lines = page(["2026-11-22"], figures, misses, judge.by_reason(given), ["missed: x"]).splitlines()
    assert "| logs | a text | ms | 600 | 100 | 600 | ≤ 500 | **missed** | busy |" in lines
    assert "* missed: logs: a text: 600 ms, target ≤ 500" in lines and "* missed: x" in lines
    assert "What they had to read: points of all buckets (1)." in lines
    assert "| 0.0 | metricName=m | 1 of 1 | points of all buckets | 1 | 2.00 |" in lines


def test_a_rare_text_is_a_long_number():
    assert searches.longest_number(["order 123456 took 77 us", "4 of 32"]) == "123456"
    with pytest.raises(Failed):
        searches.longest_number(["no number"])


def test_only_a_run_of_everything_writes_the_page_of_record():
    assert main.where(options.parse([])) == main.RESULTS
    for part in (["--quick"], ["--only", "logs"]):
        assert main.where(options.parse(part)) is None
    assert str(main.where(options.parse(["--quick", "--output", "page.md"]))) == "page.md"


def test_options_of_a_quick_run_yield_to_what_is_asked_for():
    asked = options.parse(["--quick", "--seconds", "5", "--only", "logs,metrics", "--cache", "1GiB"])
    assert (asked.seconds, asked.hours, asked.only) == (5, 2, ["metrics", "logs"])
    assert options.settings(asked) == '[query]\ncache_bytes = "1GiB"\n'
    assert options.settings(options.parse([])) == ""


def test_nothing_is_measured_on_a_disk_that_would_fill():
    asked = options.parse(["--million", "3600"])
    with pytest.raises(Failed, match="logs: needs 720.0 GB"):
        groups.check_disk("logs", asked)
    assert groups.disk_gb("dashboards", options.parse(["--quick"])) < groups.disk_gb("dashboards", asked) == 2.5


class Api(http.server.BaseHTTPRequestHandler):
    """Answers everything as the API does; of `/broken` it closes the connection."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path.endswith("broken"):
            self.close_connection = True
            return
        self.send_response(404 if "unknown" in self.path else 200)
        found = said(series=b'{"values":[' + b"1," * 50_000 + b"1]}")
        if "chunks" in self.path:
            self.send_header("Transfer-Encoding", "chunked")
            found = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (found[:7], found[7:])) + b"0\r\n\r\n"
        else:
            self.send_header("Content-Length", str(len(found)))
        self.end_headers()
        self.wfile.write(found)

    def log_message(self, *_):
        pass


@pytest.fixture
def api():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_the_client_reads_large_answers_and_keeps_its_connection(api):
    async def asked():
        connection = await client.connect(api)
        found = [await connection.get(path) for path in ("/a", "/chunks", "/unknown")]
        client.close_all([connection])
        return found

    (status, took, text), (_, _, from_chunks), (missing, _, _) = asyncio.run(asked())
    assert (status, missing) == (200, 404) and took > 0
    assert from_chunks == text
    assert len(text) > 100_000 and text.endswith(b',"warnings":[]}')


def test_viewers_ask_for_every_panel_at_each_refresh(api):
    panels = tuple(dashboards.Panel(0, number, (("metricName", str(number)),)) for number in range(9))
    board = dashboards.Dashboard(0, "1h", 1, panels, (0.0, 0.1))
    seen = viewers.watch(api, [board], 1)
    assert sorted(each.panel for each in seen.answers) == sorted([panel.name for panel in panels] * 2)
    assert all(each.is_hit for each in seen.answers) and seen.skipped == 0


def test_a_connection_that_is_gone_is_told_and_made_again(api):
    panels = [dashboards.Panel(0, number, (("metricName", name),)) for number, name in enumerate(("broken", "m"))]
    first, second = viewers.look_once(api, panels)
    assert (first.status, second.status) == (0, 200)
