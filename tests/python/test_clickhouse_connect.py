"""clickhouse-connect, ClickHouse's official Python client, against the SQL listener."""

import datetime
import hashlib

import clickhouse_connect
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from server import free_ports

SECRETS = {"reader": "read-secret", "writer": "write-secret"}


def users():
    def section(name, access):
        digest = hashlib.sha256(SECRETS[name].encode()).hexdigest()
        return f'[sql_users.{name}]\nhash = "sha256:{digest}"\naccess = "{access}"\n'

    return section("reader", "read") + section("writer", "write")


@pytest.fixture
def connect(start_server):
    (port,) = free_ports(1)
    start_server(f'[store.sql]\nlisten = "127.0.0.1:{port}"\n{users()}')
    clients = []

    def client(name, **options):
        made = clickhouse_connect.get_client(
            host="127.0.0.1", port=port, username=name, password=SECRETS[name], **options
        )
        clients.append(made)
        return made

    yield client
    for made in clients:
        made.close()


@pytest.mark.parametrize("compression", [False, "lz4", "zstd", "gzip"])
def test_rows_go_in_and_come_out(connect, compression):
    """
    Scenario: rows of several types are inserted in ClickHouse's Native format, and read by another user.
    Guarantees: they come back exactly, in every compression that the client knows.
    """
    writer = connect("writer", compress=compression)
    writer.command("CREATE TABLE measurements (n UInt64, at DateTime('UTC'), text String, tags Map(String, String)) "
                   "ENGINE = MergeTree ORDER BY n")
    start = datetime.datetime(2026, 11, 22, tzinfo=datetime.timezone.utc)
    rows = [[n, start + datetime.timedelta(seconds=n), f"text {n} ü'\\", {"n": str(n)}] for n in range(5_000)]
    writer.insert("measurements", rows, column_names=["n", "at", "text", "tags"])
    reader = connect("reader", compress=compression)
    answer = reader.query("SELECT n, at, text, tags FROM measurements ORDER BY n")
    assert [list(row) for row in answer.result_rows] == [[n, at.replace(tzinfo=answer.result_rows[0][1].tzinfo), text, tags]
                                                       for n, at, text, tags in rows]
    bound = reader.query("SELECT text FROM measurements WHERE n < {most:UInt64} AND text != {text:String} ORDER BY n",
                         parameters={"most": 3, "text": rows[1][2]})
    assert bound.result_rows == [(rows[0][2],), (rows[2][2],)]


def test_what_is_not_allowed_is_said(connect):
    """
    Scenario: a user who may read tries to write, and to read a file; another one asks for a table that there is not.
    Guarantees: the client raises ClickHouse's own exceptions.
    """
    reader = connect("reader")
    for statement, name in [
        ("INSERT INTO otel_logs (Body) VALUES ('x')", "READONLY"),
        ("SELECT file('/etc/hostname')", "FUNCTION_NOT_ALLOWED"),
        ("SELECT * FROM nowhere", "UNKNOWN_TABLE"),
    ]:
        with pytest.raises(DatabaseError, match=name):
            reader.query(statement)
    assert reader.command("SELECT 1") == 1
