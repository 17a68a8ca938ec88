"""
Container creates that attack the host or another owner, each judged by its effect.

A L{Scene} has something to steal: a file of the host outside of every allowed directory, and
a victim with a container, a volume, a network and an image. Each L{Attack} is a create body
and a look, straight at the engine, whether it worked. At a bare engine each of them
works; through dss none may.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from tests.engines.api import Api
from tests.engines.machine import Engine

#: What must not be read.
SECRET = "the-victims-secret"

#: The attacker's owner.
ATTACKER = "attacker"

#: A volume that an attack makes on the side.
_ORPHAN = "orphan"

_VICTIM = {"com.dss.owner": "victim"}
_OWN = {"com.dss.owner": ATTACKER}


@define
class Scene:
    """
    What is there to be attacked. All of it is made straight at the engine.

    @ivar root: the one directory that the attacker may bind.
    @ivar outside: a directory of the host that nobody may bind, with a C{secret}.
    """

    engine: Engine
    root: Path = field(init=False)
    outside: Path = field(init=False)
    victim: str = field(init=False)
    network: str = field(init=False)

    def __attrs_post_init__(self) -> None:
        api = self.engine.api
        self.root = self.engine.directory / "allowed"
        self.outside = self.engine.directory / "allowed-evil"
        for directory in (self.root / "sub", self.outside):
            directory.mkdir(parents=True, exist_ok=True)
        (self.outside / "secret").write_text(SECRET)
        (self.root / "link").unlink(missing_ok=True)
        (self.root / "link").symlink_to(self.outside)
        self.network = api.post("/networks/create", {"Name": "victims-net", "Labels": _VICTIM})[
            "Id"
        ]
        api.post("/networks/create", {"Name": "own-net", "Labels": _OWN})
        api.post("/volumes/create", {"Name": "victims-data", "Labels": _VICTIM})
        api.post(
            "/volumes/create",
            {
                "Name": "prepared",
                "Labels": _OWN,
                "DriverOpts": {"type": "none", "o": "bind", "device": str(self.outside)},
            },
        )
        self.victim = api.post(
            "/containers/create",
            {
                "Image": "busybox",
                "Cmd": ["sh", "-c", f"echo {SECRET} >/data/secret; exec sleep 98765"],
                "Env": [f"TOKEN={SECRET}"],
                "Labels": _VICTIM,
                "HostConfig": {
                    "Init": True,
                    "IpcMode": "shareable",
                    "Binds": ["victims-data:/data", f"{self.outside}:/host"],
                },
            },
            name="victim",
        )["Id"]
        api.post(f"/containers/{self.victim}/start")
        api.post(
            "/commit",
            {},
            container=self.victim,
            repo="victims/image",
            tag="latest",
            changes="LABEL com.dss.owner=victim",
        )


@frozen
class Made:
    """
    A container that an attack made.

    @ivar attacked: the bare engine or a guard, whichever was attacked.
    """

    scene: Scene
    id: str
    attacked: Api

    @property
    def api(self) -> Api:
        """
        The bare engine.
        """
        return self.scene.engine.api

    @property
    def shown(self) -> Any:
        """
        The container as the engine shows it.
        """
        return self.api.get(f"/containers/{self.id}/json")

    @property
    def host(self) -> Any:
        """
        Its C{HostConfig}.
        """
        return self.shown["HostConfig"]

    @property
    def output(self) -> str:
        """
        What it wrote, once it has ended.
        """
        if not self.shown["State"]["StartedAt"].startswith("0001"):
            self.api.post(f"/containers/{self.id}/wait")
        logs = self.api.call("GET", f"/containers/{self.id}/logs", {"stdout": 1, "stderr": 1})
        return logs.body.decode(errors="replace")

    def volumes(self) -> list[Any]:
        """
        The volumes that it mounts.
        """
        return [
            self.api.get(f"/volumes/{mount['Name']}")
            for mount in self.shown["Mounts"]
            if mount["Type"] == "volume"
        ]


@frozen
class Attack:
    """
    A create that must not work.

    @ivar name: what a test shows.
    @ivar body: the create body.
    @ivar worked: whether the container did what it must not.
    @ivar starts: whether it is started.
    @ivar between: what the attacker does on the host between the create and the start.
    @ivar since: the first API version of an engine where it works.
    @ivar until: the last one.
    """

    name: str
    body: Callable[[Scene], bytes]
    worked: Callable[[Made], bool]
    starts: bool = True
    between: Callable[[Scene], None] | None = None
    since: tuple[int, int] = (1, 24)
    until: tuple[int, int] = (1, 999)

    def works_on(self, engine: Engine) -> bool:
        """
        Whether a bare engine of this version falls for it.
        """
        return self.since <= engine.version <= self.until


def attempt(attack: Attack, scene: Scene, api: Api) -> bool:
    """
    Try an attack.

    @param api: what is attacked: the bare engine or a guard.
    @return: whether it worked.
    """
    headers = {"Content-Type": "application/json"}
    reply = api.call("POST", "/containers/create", body=attack.body(scene), headers=headers)
    if not reply.ok:
        return False
    made = Made(scene, reply.json()["Id"], api)
    try:
        if attack.between is not None:
            attack.between(scene)
        if attack.starts:
            api.call("POST", f"/containers/{made.id}/start")
        return attack.worked(made)
    finally:
        scene.engine.api.delete(f"/containers/{made.id}", force=1, v=1)
        scene.engine.api.call("DELETE", f"/volumes/{_ORPHAN}")
        restored(scene)


_PROBE = "cat /x/secret /x/data/secret /data/secret /host/secret 2>/dev/null"


def _plain(host: Any = None, script: str = "true", **config: Any) -> bytes:
    return json.dumps(_body(host, script, **config)).encode()


def _body(host: Any = None, script: str = "true", **config: Any) -> dict[str, Any]:
    return {
        "Image": "busybox",
        "Cmd": ["sh", "-c", script],
        "Tty": True,
        **({} if host is None else {"HostConfig": host}),
        **config,
    }


def _raw(text: str) -> bytes:
    """
    A body whose ending is written by hand, for what no dict can hold.
    """
    return (json.dumps(_body())[:-1] + "," + text + "}").encode()


def _fixed(host: Any = None, script: str = "true", **config: Any) -> Callable[[Scene], bytes]:
    return lambda scene: _plain(host, script, **config)


def _literal(text: str) -> Callable[[Scene], bytes]:
    return lambda scene: _raw(text)


def _stolen(made: Made) -> bool:
    return SECRET in made.output


def _shows(name: str, value: Any) -> Callable[[Made], bool]:
    return lambda made: bool(made.host.get(name) == value)


def _says(text: str) -> Callable[[Made], bool]:
    return lambda made: text in made.output


_privileged = _shows("Privileged", True)


def _privileges(name: str, text: str) -> Attack:
    return Attack(name, _literal(text), _privileged, starts=False)


def _host_path(name: str, host: Callable[[Scene], Any], **more: Any) -> Attack:
    return Attack(name, lambda scene: _plain(host(scene), _PROBE), _stolen, **more)


def _swapped(scene: Scene) -> None:
    sub = scene.root / "sub"
    if not sub.is_symlink():
        os.rename(sub, scene.root / "sub.old")
        sub.symlink_to(scene.outside)


def restored(scene: Scene) -> None:
    """
    Put the directory back that an attack swapped for a link.
    """
    sub = scene.root / "sub"
    if sub.is_symlink():
        sub.unlink()
        os.rename(scene.root / "sub.old", sub)


def _later(host: Callable[[Scene], Any]) -> Callable[[Scene], bytes]:
    """
    A body that names a directory which is still harmless.
    """

    def body(scene: Scene) -> bytes:
        restored(scene)
        return _plain(host(scene), _PROBE)

    return body


def _restart_leaks(made: Made) -> bool:
    """
    Whether a restart mounts what the directory was swapped for since the start.
    """
    made.api.post(f"/containers/{made.id}/wait")
    _swapped(made.scene)
    made.attacked.call("POST", f"/containers/{made.id}/restart", {"t": 0})
    return _stolen(made)


def _archive_leaks(made: Made) -> bool:
    path = f"/containers/{made.id}/archive"
    return SECRET.encode() in made.attacked.call("GET", path, {"path": "/x/secret"}).body


def _inline(scene: Scene, **more: Any) -> dict[str, Any]:
    options = {"type": "none", "o": "bind", "device": str(scene.outside)}
    return {
        "Mounts": [
            {
                "Type": "volume",
                "Target": "/x",
                "VolumeOptions": {"DriverConfig": {"Options": options, **more}},
            }
        ]
    }


def _folded(scene: Scene) -> bytes:
    options = {"type": "none", "o": "bind", "device": str(scene.outside)}
    mount = {
        "type": "volume",
        "target": "/x",
        "volumeoption\u017f": {"driverconfig": {"name": "local", "option\u017f": options}},
    }
    return json.dumps(
        {
            "Image": "busybox",
            "cmd": ["sh", "-c", _PROBE],
            "tty": True,
            "ho\u017ftconfig": {"mount\u017f": [mount]},
        }
    ).encode()


def _stale(scene: Scene) -> bytes:
    """
    The second list's elements inherit what the first list's left in memory.
    """
    evil = json.dumps([{"Type": "bind", "Source": str(scene.outside), "Target": "/x"}])
    body = json.dumps(_body(script=_PROBE))[:-1]
    return f'{body},"HostConfig":{{"Mounts":{evil},"mounts":[{{}}]}}}}'.encode()


def _labels(made: Made) -> Any:
    return made.shown["Config"]["Labels"] or {}


def _forged(made: Made) -> bool:
    return bool(_labels(made).get("com.dss.owner") == "victim")


def _made_directory(made: Made) -> bool:
    new = made.scene.outside / "made"
    existed = new.is_dir()
    if existed:
        new.rmdir()
    return existed


def _orphaned(made: Made) -> bool:
    return any(
        (volume["Labels"] or {}).get("com.dss.owner") != ATTACKER for volume in made.volumes()
    )


def _joined(made: Made) -> bool:
    networks = made.shown["NetworkSettings"]["Networks"]
    return any(each["NetworkID"] == made.scene.network for each in networks.values())


_SYS_ADMIN = "grep CapEff /proc/self/status"


def _has_sys_admin(made: Made) -> bool:
    mask = made.output.partition("CapEff:")[2].split()
    return bool(mask) and bool(int(mask[0], 16) >> 21 & 1)


ATTACKS = (
    # The body is read in another way than the engine reads it.
    _privileges("privileged", '"HostConfig":{"Privileged":true}'),
    _privileges("privileged in lower case", '"hostconfig":{"privileged":true}'),
    _privileges("privileged with a long s", '"Ho\u017ftConfig":{"Privileged":true}'),
    _privileges("privileged, then not", '"HostConfig":{"Privileged":false,"privileged":true}'),
    _privileges("privileged, then null", '"HostConfig":{"Privileged":true,"Privileged":null}'),
    _privileges("two objects merged", '"HostConfig":{"Privileged":true},"HostConfig":{}'),
    Attack(
        "network mode with a Kelvin sign",
        _literal('"HostConfig":{"Networ\\u212amode":"host"}'),
        _shows("NetworkMode", "host"),
        starts=False,
    ),
    Attack("stale elements of a list", _stale, _stolen),
    Attack("a driver's options, folded", _folded, _stolen),
    Attack(
        "a second image",
        _literal('"image":"victims/image"'),
        lambda made: bool(made.shown["Config"]["Image"] == "victims/image"),
        starts=False,
    ),
    # Files of the host.
    _host_path("Binds", lambda scene: {"Binds": [f"{scene.outside}:/x"]}),
    _host_path("Binds, read-only", lambda scene: {"Binds": [f"{scene.outside}:/x:ro"]}),
    _host_path("Binds, lower case", lambda scene: {"binds": [f"{scene.outside}:/x"]}),
    _host_path("dots", lambda scene: {"Binds": [f"{scene.root}/../{scene.outside.name}:/x"]}),
    _host_path("slashes", lambda scene: {"Binds": [f"//{scene.root}//..//allowed-evil/.:/x"]}),
    _host_path("a link", lambda scene: {"Binds": [f"{scene.root}/link:/x"]}),
    _host_path(
        "Mounts",
        lambda scene: {"Mounts": [{"Type": "bind", "Source": str(scene.outside), "Target": "/x"}]},
    ),
    _host_path(
        "Mounts through a link",
        lambda scene: {
            "Mounts": [{"Type": "bind", "Source": f"{scene.root}/link", "Target": "/x"}]
        },
    ),
    _host_path("a volume's options", lambda scene: _inline(scene, Name="local")),
    _host_path("a volume's options without a driver", _inline),
    _host_path("a prepared volume", lambda scene: {"Binds": ["prepared:/x"]}),
    _host_path("VolumesFrom", lambda scene: {"VolumesFrom": ["victim"]}),
    _host_path(
        "VolumesFrom by short id", lambda scene: {"VolumesFrom": [f"{scene.victim[:12]}:ro"]}
    ),
    Attack(
        "a directory swapped for a link before the start",
        _later(lambda scene: {"Binds": [f"{scene.root}/sub:/x"]}),
        _stolen,
        between=_swapped,
    ),
    Attack(
        "a mount's source swapped before the start",
        _later(
            lambda scene: {
                "Mounts": [{"Type": "bind", "Source": f"{scene.root}/sub", "Target": "/x"}]
            }
        ),
        _stolen,
        between=_swapped,
    ),
    Attack(
        "a directory swapped for a link before a copy",
        _later(lambda scene: {"Binds": [f"{scene.root}/sub:/x"]}),
        _archive_leaks,
        starts=False,
        between=_swapped,
    ),
    Attack(
        "a directory swapped for a link before a restart",
        _later(lambda scene: {"Binds": [f"{scene.root}/sub:/x"]}),
        _restart_leaks,
    ),
    Attack(
        "a directory made through a link",
        lambda scene: _plain({"Binds": [f"{scene.root}/link/made:/x"]}),
        _made_directory,
    ),
    # What confines.
    # Engine 20.10 knows fewer capabilities than newer kernels, and can't start this one.
    Attack(
        "capabilities",
        _fixed({"CapAdd": ["ALL"]}, _SYS_ADMIN),
        _has_sys_admin,
        since=(1, 42),
    ),
    Attack("a capability", _fixed({"CapAdd": ["sys_admin"]}, _SYS_ADMIN), _has_sys_admin),
    Attack(
        "no seccomp",
        _fixed({"SecurityOpt": ["seccomp=unconfined"]}, "grep Seccomp: /proc/self/status"),
        lambda made: made.output.split()[-1:] == ["0"],
    ),
    Attack(
        "an own seccomp profile",
        _fixed(
            {"SecurityOpt": ['seccomp={"defaultAction":"SCMP_ACT_ALLOW"}', "no-new-privileges"]}
        ),
        lambda made: any("seccomp" in each for each in made.host["SecurityOpt"]),
        starts=False,
    ),
    Attack(
        "no masked paths",
        _fixed({"MaskedPaths": []}, "test -c /proc/kcore || echo unmasked"),
        _says("unmasked"),
    ),
    Attack(
        "other masked paths",
        _fixed({"MaskedPaths": ["/proc/none"]}, "test -c /proc/kcore || echo unmasked"),
        _says("unmasked"),
    ),
    Attack(
        "no read-only paths",
        _fixed({"ReadonlyPaths": []}, "grep -q ' /proc/sys ' /proc/mounts || echo writable"),
        _says("writable"),
    ),
    Attack(
        "a device",
        _fixed(
            {
                "Devices": [
                    {
                        "PathOnHost": "/dev/kmsg",
                        "PathInContainer": "/dev/k",
                        "CgroupPermissions": "rwm",
                    }
                ]
            },
            "test -c /dev/k && echo given",
        ),
        _says("given"),
    ),
    Attack(
        "a device rule",
        _fixed({"DeviceCgroupRules": ["c *:* rwm"]}),
        _shows("DeviceCgroupRules", ["c *:* rwm"]),
        starts=False,
    ),
    Attack(
        "another runtime",
        _fixed({"Runtime": "io.containerd.runc.v2"}),
        _shows("Runtime", "io.containerd.runc.v2"),
        starts=False,
    ),
    Attack(
        "another cgroup",
        _fixed({"CgroupParent": "/evil"}),
        _shows("CgroupParent", "/evil"),
        starts=False,
    ),
    Attack(
        "annotations",
        _fixed({"Annotations": {"org.systemd.property.X": "'y'"}}),
        _shows("Annotations", {"org.systemd.property.X": "'y'"}),
        starts=False,
        since=(1, 43),
    ),
    Attack(
        "last to be killed", _fixed({"OomScoreAdj": -1000}), _shows("OomScoreAdj", -1000), False
    ),
    Attack(
        "a log driver that connects",
        _fixed({"LogConfig": {"Type": "syslog", "Config": {"syslog-address": "tcp://10.0.0.1"}}}),
        lambda made: bool(made.host["LogConfig"]["Type"] == "syslog"),
        starts=False,
    ),
    Attack(
        "a port of the host's own",
        _fixed({"PortBindings": {"80/tcp": [{"HostPort": "81"}]}}),
        _shows("PortBindings", {"80/tcp": [{"HostIp": "", "HostPort": "81"}]}),
        starts=False,
    ),
    # Namespaces of the host.
    Attack(
        "the host's processes",
        _fixed({"PidMode": "host"}, "cat /proc/*/comm"),
        _says("dockerd"),
    ),
    Attack(
        "the host's network", _fixed({"NetworkMode": "host"}, "ls /sys/class/net"), _says("docker0")
    ),
    Attack("the host's IPC", _fixed({"IpcMode": "host"}), _shows("IpcMode", "host")),
    Attack("the host's name", _fixed({"UTSMode": "host"}), _shows("UTSMode", "host")),
    Attack("the host's users", _fixed({"UsernsMode": "host"}), _shows("UsernsMode", "host")),
    Attack("the host's cgroups", _fixed({"CgroupnsMode": "host"}), _shows("CgroupnsMode", "host")),
    # Another owner's things.
    Attack(
        "the victim's processes",
        _fixed({"PidMode": "container:victim"}, "cat /proc/*/cmdline | tr '\\0' ' '"),
        _says("sleep 98765"),
    ),
    Attack(
        "the victim's network, by id prefix",
        lambda scene: _plain({"NetworkMode": f"container:{scene.victim[:8]}"}, "sleep 1"),
        lambda made: bool(
            made.shown["State"]["StartedAt"][:4] != "0001"
            and made.host["NetworkMode"].startswith("container:" + made.scene.victim[:8])
        ),
    ),
    Attack(
        "the victim's memory",
        _fixed({"IpcMode": "container:victim"}),
        lambda made: (
            bool(made.shown["State"]["StartedAt"][:4] != "0001")
            and "container:" in made.host["IpcMode"]
        ),
    ),
    Attack(
        "the victim's environment by a link",
        _fixed({"Links": ["victim:it"]}, "env"),
        _stolen,
    ),
    Attack("the victim's volume", _fixed({"Binds": ["victims-data:/x"]}, _PROBE), _stolen),
    Attack(
        "the victim's volume by Mounts",
        _fixed({"Mounts": [{"Type": "volume", "Source": "victims-data", "Target": "/x"}]}, _PROBE),
        _stolen,
    ),
    Attack(
        "the victim's network by name",
        _fixed({"NetworkMode": "victims-net"}, "sleep 1"),
        _joined,
    ),
    Attack(
        "the victim's network behind one's own",
        lambda scene: _plain(
            {"NetworkMode": "own-net"},
            "sleep 1",
            NetworkingConfig={"EndpointsConfig": {"own-net": {"NetworkID": scene.network}}},
        ),
        _joined,
    ),
    Attack(
        "the victim's image",
        _fixed(Image="victims/image"),
        lambda made: "victims/image" in made.shown["Config"]["Image"],
        starts=False,
    ),
    Attack(
        "the victim's image as a mount",
        _fixed({"Mounts": [{"Type": "image", "Source": "victims/image", "Target": "/x"}]}, "ls /x"),
        _says("bin"),
        since=(1, 48),
    ),
    # Ownership.
    Attack("a forged owner", _fixed(Labels={"com.dss.owner": "victim"}), _forged, starts=False),
    Attack(
        "a forged owner, folded",
        _literal('"Label\u017f":{"com.dss.owner":"victim"}'),
        _forged,
        starts=False,
    ),
    Attack(
        "a forged owner, the second time",
        _literal('"Labels":{"a":"b"},"labels":{"com.dss.owner":"victim"}'),
        _forged,
        starts=False,
    ),
    Attack("an owner from an image", _fixed(Image="victims/image"), _forged, starts=False),
    Attack(
        "a volume with a forged owner",
        _fixed(
            {
                "Mounts": [
                    {
                        "Type": "volume",
                        "Target": "/x",
                        "VolumeOptions": {"Labels": {"com.dss.owner": "victim"}},
                    }
                ]
            }
        ),
        _orphaned,
        starts=False,
    ),
    Attack("an orphan by Volumes", _fixed(Volumes={"/x": {}}), _orphaned, starts=False),
    Attack("an orphan by Binds", _fixed({"Binds": [f"{_ORPHAN}:/x"]}), _orphaned, starts=False),
)
