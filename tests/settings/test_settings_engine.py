"""
What settings allow, force and give is what real engines have: by their own inspect.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import StartGuard
from tests.engines.api import Api
from tests.engines.guard import Guard
from tests.engines.machine import Engine

pytestmark = pytest.mark.engine

SETTINGS = """
[containers]
capabilities = ["NET_ADMIN"]
devices = ["/dev/null:r"]
sysctls = ["kernel.domainname"]
log_drivers = { json-file = ["foo"] }
security_options = ["seccomp=unconfined"]
ipc_modes = ["host"]
annotations = ["com.example.*"]

[containers.ports]
ranges = ["18000-18999"]
loopback_only = true

[containers.force]
labels = { team = "a" }
environment = { PROXY = "http://proxy:1" }
user = "1234"
runtime = "runc"
security_options = ["no-new-privileges"]

[containers.defaults]
environment = { CI = "true" }
memory = "64m"
labels = { team = "c", tier = "d" }
network = "none"
log = { driver = "json-file", options = { max-size = "1m" } }

[containers.ceilings]
memory = "128m"
cpus = 1.0
pids = 50
ulimits = { nofile = 512 }
"""

MIB = 2**20


@pytest.fixture
def guarded(engine: Engine, guard: StartGuard, tmp_path: Path) -> Guard:
    file = tmp_path / "dss.toml"
    file.write_text(SETTINGS)
    return guard(engine, owner="set", options=["--config", str(file)])


def shown(engine: Engine, through: Api, body: dict[str, Any]) -> Any:
    """
    What the engine itself shows of a container that was made through dss.
    """
    made = through.post("/containers/create", {"Image": "busybox", **body})["Id"]
    return engine.api.get(f"/containers/{made}/json")


def test_what_is_allowed_exists(engine: Engine, guarded: Guard) -> None:
    found = shown(
        engine,
        guarded.api,
        {
            "HostConfig": {
                "CapAdd": ["NET_ADMIN"],
                "Sysctls": {"kernel.domainname": "x"},
                "SecurityOpt": ["seccomp=unconfined"],
                "IpcMode": "host",
                "LogConfig": {"Type": "json-file", "Config": {"labels": "a"}},
                "Devices": [
                    {
                        "PathOnHost": "/dev/null",
                        "PathInContainer": "/dev/void",
                        "CgroupPermissions": "r",
                    }
                ],
            }
        },
    )["HostConfig"]
    assert [each.removeprefix("CAP_") for each in found["CapAdd"]] == ["NET_ADMIN"]
    assert found["Sysctls"] == {"kernel.domainname": "x"}
    # The engine itself adds label=disable for the IPC mode.
    assert found["SecurityOpt"][:2] == ["seccomp=unconfined", "no-new-privileges"]
    assert found["IpcMode"] == "host"
    assert found["LogConfig"] == {"Type": "json-file", "Config": {"labels": "a"}}
    assert [each["PathOnHost"] for each in found["Devices"]] == ["/dev/null"]


def test_what_is_not_allowed_does_not(engine: Engine, guarded: Guard) -> None:
    """
    The twin: each is one step beside what is allowed.
    """
    before = engine.api.get("/containers/json", all=1)
    for host in (
        {"CapAdd": ["SYS_ADMIN"]},
        {"Sysctls": {"kernel.hostname": "x"}},
        {"SecurityOpt": ["apparmor=unconfined"]},
        {"PidMode": "host"},
        {"LogConfig": {"Type": "json-file", "Config": {"bar": "a"}}},
        {"Devices": [{"PathOnHost": "/dev/null", "CgroupPermissions": "rw"}]},
        {"PortBindings": {"80/tcp": [{"HostPort": "19000"}]}},
        {"PortBindings": {"80/tcp": [{"HostIp": "10.0.0.1"}]}},
        {"Memory": 128 * MIB + 1},
        {"NanoCpus": 1_000_000_001},
        {"PidsLimit": 51},
        {"Ulimits": [{"Name": "NOFILE", "Soft": 1, "Hard": 513}]},
    ):
        reply = guarded.api.call(
            "POST", "/containers/create", None, {"Image": "busybox", "HostConfig": host}
        )
        assert reply.status == 403, (host, reply.message)
        assert ("settings file" in reply.message) is ("PidMode" not in host)
    assert engine.api.get("/containers/json", all=1) == before


def test_what_is_forced_and_given(engine: Engine, guarded: Guard) -> None:
    found = shown(
        engine,
        guarded.api,
        {
            "User": "0",
            "Env": ["PROXY=none", "A=b"],
            "Labels": {"team": "b"},
            "ExposedPorts": {"80/tcp": {}},
            "HostConfig": {
                "PortBindings": {"80/tcp": [{"HostPort": "18080"}]},
                "Runtime": "another",
                "SecurityOpt": ["no-new-privileges=false"],
            },
        },
    )
    assert found["Config"]["User"] == "1234"
    assert {"PROXY=http://proxy:1", "A=b", "CI=true"} <= set(found["Config"]["Env"])
    assert "PROXY=none" not in found["Config"]["Env"]
    assert found["Config"]["Labels"]["team"] == "a"
    assert found["Config"]["Labels"]["tier"] == "d"
    assert (found["HostConfig"]["NetworkMode"], found["HostConfig"]["Runtime"]) == ("none", "runc")
    host = found["HostConfig"]
    assert host["PortBindings"] == {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "18080"}]}
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host["Memory"] == 64 * MIB
    assert host["NanoCpus"] == 1_000_000_000
    assert host["PidsLimit"] == 50
    assert host["Ulimits"] == [{"Name": "nofile", "Soft": 512, "Hard": 512}]
    assert host["LogConfig"] == {"Type": "json-file", "Config": {"max-size": "1m"}}


def test_inside_the_container(engine: Engine, guarded: Guard) -> None:
    """
    The user, the environment and the ulimit are what its process has; and an exec's, too.
    """
    command = ["sh", "-c", "id -u; echo $PROXY; ulimit -n; exec sleep 1000"]
    made = guarded.api.post(
        "/containers/create",
        {"Image": "busybox", "Cmd": command, "Tty": True, "HostConfig": {"Init": True}},
    )["Id"]
    guarded.api.post(f"/containers/{made}/start")
    instance = guarded.api.post(
        f"/containers/{made}/exec",
        {
            "Cmd": ["sh", "-c", "id -u; echo $PROXY"],
            "User": "0",
            "Env": ["PROXY=none"],
            "AttachStdout": True,
            "Tty": True,
        },
    )["Id"]
    shown = guarded.api.get(f"/exec/{instance}/json")["ProcessConfig"]
    assert shown["user"] == "1234"
    guarded.api.post(f"/containers/{made}/kill")
    guarded.api.post(f"/containers/{made}/wait")
    logs = guarded.api.call("GET", f"/containers/{made}/logs", {"stdout": 1})
    assert logs.body.split() == [b"1234", b"http://proxy:1", b"512"]


def test_update(engine: Engine, guarded: Guard) -> None:
    """
    Up to the ceiling, and not above it.
    """
    made = guarded.api.post("/containers/create", {"Image": "busybox"})["Id"]
    path = f"/containers/{made}/update"
    for body in (
        {"Memory": 129 * MIB, "MemorySwap": 200 * MIB},
        {"MemorySwap": -1},
        {"NanoCpus": 1_500_000_000},
        {"PidsLimit": -1},
        {"PidsLimit": 0},
    ):
        reply = guarded.api.call("POST", path, None, body)
        assert reply.status == 403, (body, reply.message)
        assert "ceiling" in reply.message
    guarded.api.post(path, {"Memory": 100 * MIB, "MemorySwap": 200 * MIB, "PidsLimit": 40})
    host = engine.api.get(f"/containers/{made}/json")["HostConfig"]
    assert (host["Memory"], host["MemorySwap"]) == (100 * MIB, 200 * MIB)
    assert host["PidsLimit"] == 40
    assert host["NanoCpus"] == 1_000_000_000


def test_two_updates_at_once(engine: Engine, guarded: Guard) -> None:
    """
    Each of them is fine by what is there before both, and of halves the engine makes more. One
    that comes after the other is judged by what that left.
    """
    before = {"CpuPeriod": 100_000, "CpuQuota": 20_000}
    made = guarded.api.post("/containers/create", {"Image": "busybox", "HostConfig": before})["Id"]
    halves = ({"CpuQuota": 90_000}, {"CpuPeriod": 20_000})

    def update(api: Api, body: dict[str, int]) -> int:
        return api.call("POST", f"/containers/{made}/update", body=body).status

    def cpus() -> float:
        host = engine.api.get(f"/containers/{made}/json")["HostConfig"]
        return float(host["CpuQuota"] / host["CpuPeriod"])

    for half in halves:
        update(engine.api, half)
    assert cpus() == 4.5
    with ThreadPoolExecutor(2) as at_once:
        for _ in range(10):
            update(engine.api, before)
            for each in [at_once.submit(update, guarded.api, half) for half in halves]:
                assert each.result() in (200, 403)
            assert cpus() in (0.9, 1)
