"""
Networks under the client.
"""

from __future__ import annotations

import pytest

from tests.clients.sides import Side, both_ways

pytestmark = pytest.mark.engine

_LOOK_UP = ("nslookup", "-type=a")
_SLEEP = ("busybox", "sleep", "60")


@both_ways
def test_a_network_and_its_containers(side: Side) -> None:
    """
    Made, listed, joined, left and removed; names and aliases are found in it.
    """
    side.docker("network", "create", "--subnet", "10.77.0.0/16", "--label", "a=b", "app")
    side.docker("network", "ls", "--format", "{{.Name}} {{.Driver}} {{.Scope}}")
    side.docker("network", "ls", "--filter", "label=a=b", "-q")
    side.docker("run", "-d", "--network", "app", "--network-alias", "db", "--name", "one", *_SLEEP)
    side.docker(
        "run", "--rm", "--network", "app", "busybox", "nslookup", "-type=a", "db", "127.0.0.11"
    )
    side.docker(
        "run", "--rm", "--network", "app", "busybox", "nslookup", "-type=a", "one", "127.0.0.11"
    )
    side.docker("run", "-d", "--network", "app", "--ip", "10.77.0.9", "--name", "two", *_SLEEP)
    side.docker("inspect", "-f", "{{.HostConfig.NetworkMode}}", "one")
    side.docker("inspect", "-f", "{{json .NetworkSettings.Networks.app.IPAddress}}", "two")
    side.docker("ps", "--filter", "network=app", "--format", "{{.Names}} {{.Networks}}")
    side.docker("network", "create", "second")
    side.docker("network", "connect", "--alias", "other", "second", "one")
    side.docker("network", "disconnect", "app", "two")
    members = "{{range .Containers}}{{.Name}}{{end}} {{json .IPAM.Config}}"
    side.docker("network", "inspect", "-f", members, "app", "second")
    side.docker("network", "rm", "app", ok=False)
    side.docker("rm", "-f", "one", "two")
    side.docker("network", "rm", "app")
    side.docker("network", "prune", "-f")
    side.docker("network", "ls", "--format", "{{.Name}}")


@both_ways
def test_what_can_not_be(side: Side) -> None:
    """
    The client's words where something is missing, taken or the engine's own.
    """
    side.docker("network", "create", "app")
    side.docker("network", "create", "app", ok=False)
    side.docker("network", "inspect", "missing", ok=False)
    side.docker("network", "rm", "missing", ok=False)
    side.docker("network", "connect", "missing", "missing", ok=False)
    side.docker("network", "connect", "app", "missing", ok=False)
    side.docker("run", "--network", "app", "--ip", "10.1.2.3", "busybox", ok=False)
    side.docker("inspect", "missing", ok=False)
