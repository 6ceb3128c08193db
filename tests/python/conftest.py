"""What the tests of this folder share: running servers."""

import pytest

from server import Server
from slack import Slack


@pytest.fixture
def start_server(tmp_path):
    """Starts servers; each of them has to stop cleanly at the end."""
    servers = []

    def start(extra=""):
        folder = tmp_path / f"server-{len(servers)}"
        folder.mkdir()
        server = Server(folder, extra)
        servers.append(server)
        server.start()
        return server

    yield start
    codes = [server.stop() for server in servers if server.process is not None]
    assert codes == [0] * len(codes), f"exit codes {codes}\n" + "\n".join(server.said() for server in servers)


@pytest.fixture
def slack():
    webhook = Slack()
    yield webhook
    webhook.close()
