"""deploy/compose.cluster.yaml and ClickHouse's files beside it: servers, replicas and Keeper find each other."""

import urllib.parse
import xml.etree.ElementTree as ElementTree

import pytest

from deployed import DEPLOY, default_ports, yaml_of

PROJECT = yaml_of(DEPLOY / "compose.cluster.yaml")
SERVICES = PROJECT["services"]
CLUSTER = ElementTree.parse(DEPLOY / "clickhouse" / "cluster.xml").getroot()
KEEPER = ElementTree.parse(DEPLOY / "clickhouse" / "keeper.xml").getroot()
SERVERS = [name for name in SERVICES if name.startswith("telemetryflow")]
REPLICAS = [name for name in SERVICES if name.startswith("clickhouse")]


def settings(server):
    return SERVICES[server]["environment"]


def test_there_are_two_of_each():
    assert (len(SERVERS), len(REPLICAS)) == (2, 2)


@pytest.mark.parametrize("server", SERVERS)
def test_servers_ask_every_replica_by_its_http_port(server):
    urls = [urllib.parse.urlsplit(url) for url in settings(server)["TELEMETRYFLOW__STORE__URLS"].split(",")]
    assert sorted(url.hostname for url in urls) == sorted(REPLICAS)
    assert {(url.scheme, url.port) for url in urls} == {("http", 8123)}


@pytest.mark.parametrize("server", SERVERS)
def test_servers_log_in_as_the_account_that_is_made(server):
    for replica in REPLICAS:
        account = SERVICES[replica]["environment"]
        assert settings(server)["TELEMETRYFLOW__STORE__USER"] == account["CLICKHOUSE_USER"]
        assert settings(server)["TELEMETRYFLOW__STORE__PASSWORD"] == account["CLICKHOUSE_PASSWORD"]
        assert account["CLICKHOUSE_PASSWORD"].startswith("${CLICKHOUSE_PASSWORD:?"), "no password is written here"


@pytest.mark.parametrize("server", SERVERS)
def test_the_cluster_of_the_servers_is_made_of_the_replicas(server):
    (cluster,) = CLUSTER.find("remote_servers")
    assert cluster.tag == settings(server)["TELEMETRYFLOW__STORE__CLUSTER"]
    assert sorted(host.text for host in cluster.iter("host")) == sorted(REPLICAS)
    assert all(shard.findtext("internal_replication") == "true" for shard in cluster.iter("shard"))


def test_each_replica_has_a_name_of_its_own_and_the_macros_that_tables_need():
    macros = CLUSTER.find("macros")
    assert macros.findtext("shard")
    variable = macros.find("replica").get("from_env")
    assert [SERVICES[replica]["environment"][variable] for replica in REPLICAS] == REPLICAS


def test_the_replicas_find_the_keeper():
    node = CLUSTER.find("zookeeper/node")
    server = KEEPER.find("keeper_server")
    assert node.findtext("host") == server.findtext("raft_configuration/server/hostname")
    assert node.findtext("host") in SERVICES
    assert node.findtext("port") == server.findtext("tcp_port")


def test_the_tables_are_made_by_one_server_before_the_other_starts():
    first, second = SERVERS
    assert set(SERVICES[first]["depends_on"]) == {*REPLICAS, "postgres", "redis"}
    assert SERVICES[second]["depends_on"] == {first: {"condition": "service_healthy"}}


@pytest.mark.parametrize("server", SERVERS)
def test_servers_share_one_state_database_one_redis_and_one_secret(server):
    own, account = settings(server), SERVICES["postgres"]["environment"]
    state = urllib.parse.urlsplit(own["TELEMETRYFLOW__STATE__URL"])
    assert (state.hostname, state.username) == ("postgres", account["POSTGRES_USER"])
    assert state.path == "/" + account["POSTGRES_DB"]
    assert own["TELEMETRYFLOW__STATE__PASSWORD"] == account["POSTGRES_PASSWORD"]
    assert urllib.parse.urlsplit(own["TELEMETRYFLOW__REDIS__URL"]).hostname == "redis"
    assert own["TELEMETRYFLOW__REDIS__PASSWORD"] in SERVICES["redis"]["command"]
    for secret in ("STATE__PASSWORD", "REDIS__PASSWORD", "NODES__SECRET"):
        assert ":?" in own[f"TELEMETRYFLOW__{secret}"], "no secret is written here"


def test_each_server_is_reached_at_the_address_that_it_names():
    for server in SERVERS:
        address = urllib.parse.urlsplit(settings(server)["TELEMETRYFLOW__NODES__ADDRESS"])
        assert (address.scheme, address.hostname, address.port) == ("http", server, default_ports()["api"])
        assert SERVICES[server]["networks"]["default"]["aliases"] == ["telemetryflow"], "both are sent to"


def test_what_one_server_has_stored_is_visible_to_the_other():
    for server in SERVERS:
        assert int(settings(server)["TELEMETRYFLOW__STORE__QUORUM"]) == len(REPLICAS)
        assert settings(server)["TELEMETRYFLOW__ROLLUPS__MODE"] == "off"
