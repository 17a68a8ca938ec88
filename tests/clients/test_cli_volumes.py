"""
Volumes under the client.
"""

from __future__ import annotations

import pytest

from tests.clients.normal import normal
from tests.clients.sides import Side, both_ways

pytestmark = pytest.mark.engine


def _prune(side: Side, *options: str) -> None:
    """
    Prune, and record what is told of it: engines tell it in no order.
    """
    done = side.start("volume", "prune", "-f", *options).finish()
    side.see(f"pruned {options}", [done.status, sorted(map(normal, done.text.splitlines()))])


@both_ways
def test_a_volume_and_its_containers(side: Side) -> None:
    """
    Made, listed by each filter, used, and removed.
    """
    side.docker("volume", "create", "--label", "a=b", "--label", "c", "app-data")
    side.docker("volume", "create", "--driver", "local", "other")
    side.docker("volume", "create", "app-data")
    shown = "{{.Name}} {{.Driver}} {{.Scope}} {{.Mountpoint}}"
    side.docker("volume", "ls", "--format", shown)
    side.docker("run", "--rm", "-v", "app-data:/d", "busybox", "sh", "-c", "echo kept >/d/f")
    side.docker("run", "-d", "--name", "user", "-v", "app-data:/d:ro", "busybox", "cat", "/d/f")
    mount = "type=volume,src=app-data,dst=/d,readonly"
    side.docker("run", "--rm", "--mount", mount, "busybox", "cat", "/d/f")
    for each in ("dangling=true", "dangling=false", "driver=local", "driver=x", "label=a=b"):
        side.docker("volume", "ls", "-q", "--filter", each)
    for each in ("label=c", "label=missing", "name=app", "name=er"):
        side.docker("volume", "ls", "-q", "--filter", each)
    side.docker("volume", "ls", "-q", "--filter", "nothing=x", ok=False)
    side.docker("volume", "inspect", "-f", f"{shown} {{{{json .Options}}}}", "app-data", "other")
    side.docker("inspect", "-f", shown, "app-data")
    side.docker("inspect", "--type", "volume", "-f", "{{.Labels.a}}", "app-data")
    side.docker("ps", "-a", "--filter", "volume=app-data", "--format", "{{.Names}} {{.Mounts}}")
    side.docker("volume", "rm", "app-data", ok=False)
    side.docker("rm", "user")
    side.docker("volume", "rm", "app-data")
    side.docker("volume", "ls", "-q")


@both_ways
def test_what_can_not_be(side: Side) -> None:
    """
    The client's words for what is missing, or none.
    """
    for command in ("inspect", "rm"):
        side.docker("volume", command, "missing", ok=False)
    side.docker("volume", "rm", "-f", "missing")
    side.docker("volume", "create", "a/b", ok=False)
    side.docker("volume", "create", "x", ok=False)
    side.docker("volume", "create", "-o", "foo=bar", "wrong", ok=False)
    side.docker("volume", "create", "-o", "type=tmpfs", "wrong", ok=False)
    side.docker("volume", "ls", "-q")


@both_ways
def test_volumes_without_a_name_and_prune(side: Side) -> None:
    """
    C{rm -v} and prunes take those along that have none, and what else the version says.
    """
    made = side.docker("volume", "create").out.decode().strip()
    side.see("its name", len(made))
    side.docker("create", "--name", "box", "-v", "/anonymous", "-v", "named:/n", "busybox", "true")
    volumes = side.docker("volume", "ls", "-q").out.decode().split()
    side.see("volumes", len(volumes))
    side.docker("rm", "-v", "box")
    side.docker("volume", "ls", "-q")
    side.docker("create", "--name", "box", "-v", "/anonymous", "-v", "kept:/n", "busybox", "true")
    _prune(side)
    side.docker("rm", "box")
    _prune(side)
    side.docker("volume", "ls", "-q")
    side.docker("volume", "create", "--label", "a=b", "labelled")
    if side.engine.version >= (1, 42):
        for filters in ("label=c", "label!=a", "label=a=b"):
            _prune(side, "--filter", filters)
            _prune(side, "-a", "--filter", filters)
        _prune(side, "-a")
    side.docker("volume", "ls", "-q")
    side.docker("volume", "prune", "-f", "--filter", "nothing=x", ok=False)


@both_ways
def test_file_systems_in_memory(side: Side) -> None:
    """
    As a volume of its own, in a mount, and without a name.
    """
    options = ("-o", "type=tmpfs", "-o", "device=tmpfs", "-o", "o=size=1m,uid=7,mode=0750")
    side.docker("volume", "create", *options, "memory")
    side.docker("volume", "inspect", "-f", "{{json .Options}}", "memory")
    told = "stat -c '%u %a' /m; grep -o ' /m .*' /proc/self/mounts"
    look = ("busybox", "sh", "-c", told)
    side.docker("run", "--rm", "-v", "memory:/m", *look)
    mount = "volume-driver=local,volume-opt=type=tmpfs,volume-opt=device=tmpfs"
    whole = f'type=volume,dst=/m,{mount},"volume-opt=o=size=2m,mode=0700"'
    side.docker("run", "--rm", "--mount", whole, *look)
    side.docker("run", "--rm", "--mount", f"{whole},src=inline", *look)
    side.docker("volume", "inspect", "-f", "{{json .Options}}", "inline")
    # Without a time, it is no volume that prunes take: it has options.
    side.docker("volume", "prune", "-f")
    side.docker("volume", "ls", "-q")
