"""
What settings give containers is what the steps of a build have: by what these print.
"""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.clients.programs import Program
from tests.conftest import StartGuard
from tests.engines.api import Api
from tests.engines.cleaning import Contents
from tests.engines.machine import Engine

pytestmark = pytest.mark.engine

SETTINGS = """
[containers]
builds_without = ["pids"]

[containers.force]
environment = { HTTP_PROXY = "http://proxy:1", SECRET = "x" }
cgroup_parent = "/dss-builds"

[containers.ceilings]
memory = "64m"
cpus = 0.5
pids = 50
shm_size = "1m"
ulimits = { nofile = 99 }

[networks]
private_bridge = true
"""

#: Each line has a name before it. The files are those of the second and the first version of
#: cgroups.
STEPS = """FROM busybox
RUN cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null \
    | sed 's/^/memory=/'; \
  cat /sys/fs/cgroup/cpu.max /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null \
    | sed 's/ .*//;s/^/cpu=/'; \
  sed 's/^/cgroup=/' /proc/self/cgroup; \
  echo proxy=$HTTP_PROXY,$SECRET,; \
  echo files=$(ulimit -n); \
  df /dev/shm | sed -n 's/^shm *\\([0-9]*\\).*/shm=\\1/p'; \
  ip -4 addr show eth0 | sed -n 's/.*inet \\([0-9.]*\\).*/address=\\1/p'
"""


def _build(api: Api, text: str, **query: Any) -> tuple[int, str]:
    """
    The status, and all that the engine told.
    """
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(text)
        tar.addfile(entry, io.BytesIO(text.encode()))
    reply = api.call("POST", "/build", {"nocache": 1, **query}, packed.getvalue())
    if reply.status != 200:
        return reply.status, reply.message
    lines = [json.loads(line) for line in reply.body.splitlines()]
    return 200, "".join(each.get("stream", each.get("error", "")) for each in lines)


def _values(told: str) -> dict[str, str]:
    pairs = (line.split("=", 1) for line in told.splitlines() if "=" in line[:8])
    return dict(pair for pair in pairs if len(pair) == 2)


def test_steps_get_what_containers_get(engine: Engine, guard: StartGuard, tmp_path: Path) -> None:
    """
    Whatever a client asks for them; more than a ceiling is denied, and made without dss.
    """
    file = tmp_path / "dss.toml"
    file.write_text(SETTINGS)
    guarded = guard(engine, owner="built", options=["--config", str(file)]).api
    bare = {"memory": 2**27, "cgroupparent": "/dss-others", "cpuquota": 60000}
    status, told = _build(engine.api, STEPS, **bare)
    assert status == 200
    assert _values(told)["memory"] == str(2**27), told
    before = Contents.of(engine.api)
    for name, value in (("memory", 2**27), ("cpuquota", 60000), ("networkmode", "host")):
        status, told = _build(guarded, STEPS, **{name: value})
        assert (status, name in told) == (403, True), told
    assert Contents.of(engine.api) == before
    for query in ({}, {"cgroupparent": "/dss-others", "networkmode": "bridge"}):
        status, told = _build(guarded, STEPS, buildargs='{"HTTP_PROXY":"mine"}', **query)
        assert status == 200, told
        values = _values(told)
        address = values.pop("address")
        assert values.pop("cgroup").split(":")[2].startswith("/dss-builds/"), told
        assert values == {
            "memory": str(2**26),
            "cpu": "50000",
            "proxy": "http://proxy:1,,",
            "files": "99",
            "shm": "1024",
        }
        (private,) = (
            each for each in engine.api.get("/networks") if each["Name"].startswith("dss-bridge-")
        )
        subnet = private["IPAM"]["Config"][0]["Subnet"]
        assert address.rsplit(".", 2)[0] == subnet.rsplit(".", 2)[0]


def test_what_steps_can_not_get(engine: Engine, guard: StartGuard, tmp_path: Path) -> None:
    """
    A build whose steps would be root is denied where containers get another user.
    """
    file = tmp_path / "dss.toml"
    text = "FROM busybox\nRUN id -u | sed s/^/user=/\n"
    forced = '[containers.force]\nuser = "1234"\n'
    file.write_text(forced)
    guarded = guard(engine, owner="built", options=["--config", str(file)]).api
    before = Contents.of(engine.api)
    status, told = _build(guarded, text)
    assert status == 403
    assert 'containers.builds_without = ["user"]' in told
    assert Contents.of(engine.api) == before
    file.write_text(f'containers.builds_without = ["user"]\n{forced}')
    allowed = guard(engine, owner="built", options=["--config", str(file)]).api
    status, told = _build(allowed, text)
    assert (status, _values(told)) == (200, {"user": "0"}), told


def test_who_wants_buildkit(engine: Engine, guard: StartGuard) -> None:
    """
    The client is told how to build without, and makes no container; then it builds, and the
    cache is pruned of nothing, as the engine says it.
    """
    guarded = guard(engine, owner="built")
    context = guarded.directory / "context"
    context.mkdir()
    (context / "Dockerfile").write_text("FROM busybox\nRUN echo done\n")

    def docker(kit: str, *argv: str) -> tuple[int, str]:
        environ = {"DOCKER_HOST": f"unix://{guarded.api.socket}", "DOCKER_BUILDKIT": kit}
        done = Program(*engine.command("docker", *argv, environ=environ)).finish()
        return done.status, done.text + done.error

    status, told = docker("1", "build", str(context))
    assert status != 0
    # The oldest client keeps what it is told to itself.
    assert "DOCKER_BUILDKIT=0" in told or engine.suite == "bookworm", told
    assert "container.privileged" not in told
    assert engine.api.get("/containers/json", all=1) == []
    status, told = docker("0", "build", "-t", "made:1", str(context))
    assert (status, "done" in told) == (0, True), told
    for kind in ("system", "builder"):
        status, told = docker("0", kind, "prune", "-f")
        assert (status, "0B" in told) == (0, True), told
    same = [each.call("POST", "/build/prune") for each in (engine.api, guarded.api)]
    assert same[0].body == same[1].body
