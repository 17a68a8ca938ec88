"""
What may be asked of volumes, and what is shown of them.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import evolve

from dss.config.volumes import FileSystem, Volumes
from dss.errors import BadRequest, Denied, NoManager, NotFound
from dss.model.facts import (
    ClientContainer,
    HooksOnEntry,
    HostPath,
    PathFacts,
    ThisNode,
    VolumeFacts,
    VolumeNamed,
)
from dss.model.ruling import Answer, Forward
from dss.model.version import NEWEST, ApiVersion
from dss.policy.request import Circumstances
from dss.policy.volumes import judging, showing
from dss.policy.volumes.remembering import Remembered, as_written
from dss.testing.judging import circumstances, drive, edited, request

OLD = ApiVersion(1, 44)

HOST = {
    "/srv/ci": PathFacts("/srv/ci", True),
    "/srv/ci/data": PathFacts("/srv/ci/data", True),
    "/srv/ci/inner": PathFacts("/srv/ci/data", True),
    "/srv/ci/link": PathFacts("/etc", True),
    "/srv/ro": PathFacts("/srv/ro", True),
    "/nest": PathFacts("/nest", True),
    "/nest/a": PathFacts("/nest/a", True),
    "/nest/ro": PathFacts("/nest/ro", True),
}
VOLUMES = {
    "own": VolumeFacts("own", "ci", "local"),
    "theirs": VolumeFacts("theirs", "other", "local"),
    "nobodys": VolumeFacts("nobodys", None, "local"),
    "dss-root-1": VolumeFacts("dss-root-1", "ci", "local"),
}


def no_node(question: ThisNode) -> str:
    raise NoManager("none")


ANSWERS: dict[type[Any], Any] = {
    ThisNode: no_node,
    ClientContainer: lambda q: None,
    VolumeNamed: lambda q: VOLUMES.get(q.name),
    HostPath: lambda q: HOST.get(q.path, PathFacts(None)),
    HooksOnEntry: lambda q: q.entry["Name"] != "hidden",
}


def around(version: ApiVersion = NEWEST, **volumes: Any) -> Circumstances:
    roots = ("/work=/srv/ci", "/srv/ro:ro", "/nest", "/nest/ro:ro")
    found = circumstances("ci", roots, version)
    return evolve(found, settings=evolve(found.settings, volumes=Volumes(**volumes)))


def judged(
    policy: Any, body: object = None, name: str = "own", where: Circumstances | None = None
) -> Forward:
    raw = b"" if body is None else json.dumps(body).encode()
    ruling = drive(policy(request("", {"name": name}, {}, raw), where or around()), ANSWERS)
    assert isinstance(ruling, Forward)
    return ruling


def sent(body: object, where: Circumstances | None = None) -> Any:
    found = judged(judging.create, body, where=where).body
    assert found is not None
    return json.loads(found)


def local(**options: str) -> dict[str, Any]:
    return {"Name": "new", "DriverOpts": options}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"Name": "new", "Labels": {"a": "b"}},
        {"Name": "own"},
        {"Name": "new", "Driver": "local", "DriverOpts": {}},
        local(size="10m"),
        local(type="tmpfs", device="tmpfs"),
        local(type="tmpfs", device="none", o="size=10m,mode=0770,uid=1,gid=1,nr_inodes=5,noexec"),
    ],
)
def test_volumes_that_may_be_made(body: dict[str, Any]) -> None:
    labels = {**body.get("Labels", {}), "com.dss.owner": "ci"}
    assert sent(body) == {**body, "Labels": labels}


@pytest.mark.parametrize(
    ("body", "rule", "told"),
    [
        ({"Driver": "nfs"}, "volume.driver", "volumes.drivers.nfs = []"),
        ({"Driver": "LOCAL"}, "volume.driver", ""),
        ({"Name": "dss-root-1"}, "volume.reserved", "dss-"),
        ({"Name": "DSS-x"}, "volume.reserved", "dss-"),
        ({"Name": "theirs"}, "volume.taken", ""),
        ({"Name": "nobodys"}, "volume.taken", ""),
        ({"Labels": {"com.dss.owner": "other"}}, "label.reserved", ""),
        ({"Labels": {"com.dss.volume": "{}"}}, "label.reserved", ""),
        ({"ClusterVolumeSpec": {"Group": "x"}}, "volume.cluster", ""),
        ({"ClusterVolumeSpec": {"Secrets": [{"Key": "x"}]}}, "volume.cluster", ""),
        ({"Foo": 1}, "field.unknown", ""),
        (local(type="none", o="bind", device="/"), "mount.source", "Allowed: /work"),
        (local(type="none", o="bind", device="/srv/ci/data"), "mount.source", ""),
        (local(type="none", o="ro,rbind", device="/work/../etc"), "mount.source", ""),
        (local(type="none", o="bind", device="/work/link"), "mount.link", ""),
        (local(type="none", o="bind", device="/work/{{.x}}"), "mount.source", "placeholder"),
        (local(type="none", o="bind", device="/srv/ro"), "mount.read_only", "o=bind,ro"),
        (local(type="none", o="bind", device="/nest"), "mount.read_only", "o=bind,ro"),
        (local(type="none", o="bind", device="/nest/a"), "mount.read_only", "o=bind,ro"),
        (local(type="none", o="bind,shared", device="/work/data"), "volume.options", ""),
        (local(type="none", o="bind,remount", device="/work/data"), "volume.options", ""),
        (local(type="tmpfs", o="bind", device="/work"), "volume.options", ""),
        (local(type="none", o="move", device="/work"), "volume.options", ""),
        (local(type="none", o="bind,ro,rw", device="/srv/ro"), "volume.options", "ro and rw"),
        (local(type="none", o="rw,bind,ro", device="/srv/ro"), "volume.options", "rw, once"),
        (local(type="none", o="bind,rbind", device="/work/data"), "volume.options", "once"),
        (local(type="none", o="bind,bind", device="/work/data"), "volume.options", "once"),
        (local(type="none", o="bind,dev,nodev", device="/work/data"), "volume.options", "once"),
        (local(type="none", o="bind,dirsync,dirsync", device="/work"), "volume.options", "once"),
        (local(type="tmpfs", device="/dev/sda"), "volume.options", ""),
        (local(type="tmpfs", device="tmpfs", o="suid"), "volume.options", ""),
        (local(type="tmpfs", device="tmpfs", o="dev"), "volume.options", ""),
        (local(type="tmpfs", device="tmpfs", o="remount,size=1m"), "volume.options", ""),
        (local(type="Tmpfs", device="tmpfs"), "volume.options", ""),
        (local(type="", device="/dev/sda"), "volume.options", ""),
        (local(type="ext4", device="/dev/sda"), "volume.options", ""),
        (
            local(type="overlay", device="overlay", o="lowerdir=/,upperdir=/u,workdir=/w"),
            "volume.options",
            "volumes.file_systems",
        ),
        (
            local(type="nfs", device=":/x", o="addr=10.0.0.1,rw"),
            "volume.options",
            'volumes.file_systems = [{ type = "nfs", devices = [":/x"], '
            'options = ["addr=10.0.0.1", "rw"] }]',
        ),
    ],
)
def test_volumes_that_may_not(body: dict[str, Any], rule: str, told: str) -> None:
    with pytest.raises(Denied) as caught:
        judged(judging.create, {"Name": "new", **body})
    assert {each.rule for each in caught.value.problems} == {rule}
    assert told in caught.value.message


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"foo": "bar"}, 'create new: invalid option: "foo"'),
        ({"O": "bind"}, 'create new: invalid option: "O"'),
        ({"type": "none"}, 'create new: missing required option: "device"'),
        ({"o": "bind", "device": "/"}, 'create new: missing required option: "type"'),
    ],
)
def test_options_that_the_driver_does_not_know(options: dict[str, str], told: str) -> None:
    with pytest.raises(BadRequest) as caught:
        judged(judging.create, local(**options))
    assert caught.value.message == told


def test_keys_in_another_case_are_the_same_field() -> None:
    for key in ("driveropts", "DRIVEROPTS", "DriverOpt\u017f"):
        with pytest.raises((Denied, BadRequest)):
            judged(judging.create, {key: {"type": "none", "o": "bind", "device": "/"}})
    with pytest.raises(BadRequest):
        judged(judging.create, {"Name": "new", "DriverOpts": {}, "driveropts": {"size": "1"}})


NFS: dict[str, Any] = {
    "file_systems": (FileSystem("nfs", (":/export/*",), ("addr=10.0.0.1", "rw", "timeo=*")),),
    "drivers": {"rexray": ("size=*", "fs=xfs")},
}


@pytest.mark.parametrize(
    ("body", "allowed"),
    [
        (local(type="nfs", device=":/export/a", o="addr=10.0.0.1,rw,timeo=9"), True),
        (local(type="nfs", device=":/export/a"), True),
        (local(type="nfs", device=":/export/../a", o="rw"), False),
        (local(type="nfs", device=":/other", o="rw"), False),
        (local(type="nfs", device=":/export/a", o="addr=10.0.0.2"), False),
        (local(type="nfs", device=":/export/a", o="rw,bind"), False),
        (local(type="cifs", device=":/export/a"), False),
        ({"Driver": "rexray", "DriverOpts": {"size": "5", "fs": "xfs"}}, True),
        ({"Driver": "rexray"}, True),
        ({"Driver": "rexray", "DriverOpts": {"fs": "ext4"}}, False),
        ({"Driver": "rexray", "DriverOpts": {"mount": "/"}}, False),
        ({"Driver": "rexray:latest"}, False),
    ],
)
def test_what_settings_allow(body: dict[str, Any], allowed: bool) -> None:
    if allowed:
        assert sent(body, around(**NFS))["Labels"] == {"com.dss.owner": "ci"}
    else:
        with pytest.raises(Denied):
            judged(judging.create, body, where=around(**NFS))


def test_no_setting_lets_a_file_system_be_a_directory_of_the_host() -> None:
    everything = FileSystem("nfs", ("/*",), ("b*", "m*", "r*"))
    for option in ("bind", "rbind", "remount", "move", "rshared"):
        with pytest.raises(Denied):
            judged(
                judging.create,
                local(type="nfs", device="/etc", o=option),
                where=around(file_systems=(everything,)),
            )


def test_secrets_are_not_told() -> None:
    with pytest.raises(Denied) as caught:
        judged(judging.create, local(type="cifs", device="//h/s", o="username=u,password=hidden"))
    assert "hidden" not in caught.value.message
    assert '"password=*"' in caught.value.message


@pytest.mark.parametrize("version", [OLD, NEWEST])
@pytest.mark.parametrize(
    ("options", "o", "inside", "found"),
    [
        ({"o": "bind", "device": "/work/data"}, "bind", "data", "/srv/ci/data"),
        ({"o": "rbind,dev", "device": "/work//data/"}, "rbind,dev", "data", "/srv/ci/data"),
        (
            {"o": "noatime,nosuid,,bind,rw", "device": "/work/inner"},
            "bind,rw,nosuid,noatime",
            "inner",
            "/srv/ci/data",
        ),
        ({"o": "bind", "device": "/work"}, "bind", "", "/srv/ci"),
        ({"o": "bind,private", "device": "/work/new"}, "bind", "new", "/srv/ci/new"),
    ],
)
def test_directories_of_the_host(
    version: ApiVersion, options: dict[str, str], o: str, inside: str, found: str
) -> None:
    """
    Newer engines have the volume on the allowed directory, older ones on the path without links.
    """
    body = sent(local(type="none", **options), around(version))
    beneath = version == NEWEST
    kept = o.partition(",")[1] + o.partition(",")[2]
    assert body["DriverOpts"] == {
        "type": "none",
        "o": f"rbind{kept},rprivate" if beneath else f"{o},rprivate",
        "device": "/srv/ci" if beneath else found,
    }
    remembered = Remembered.of(body["Labels"]["com.dss.volume"])
    assert remembered == Remembered({"type": "none", **options}, inside if beneath else "")


def test_what_may_only_be_read_is_so_by_the_volume_itself() -> None:
    """
    Without what is mounted below, which would stay writable.
    """
    body = sent(local(type="none", o="ro,rbind", device="/srv/ro"), around())
    assert body["DriverOpts"] == {"type": "none", "o": "bind,ro,rprivate", "device": "/srv/ro"}
    body = sent(local(type="none", o="bind,ro", device="/nest/a"), around())
    assert body["DriverOpts"] == {"type": "none", "o": "bind,ro,rprivate", "device": "/nest"}


def test_an_older_engine_in_a_swarm() -> None:
    """
    It would follow a link whenever it starts a task.
    """
    answers = {**ANSWERS, ThisNode: lambda q: "node"}

    def make(device: str, version: ApiVersion) -> None:
        raw = json.dumps(local(type="none", o="bind", device=device)).encode()
        drive(judging.create(request(body=raw), around(version)), answers)

    with pytest.raises(Denied, match=r"volume\.swarm"):
        make("/work/data", OLD)
    make("/work", OLD)
    make("/work/data", NEWEST)


def test_what_a_client_wrote_is_shown() -> None:
    body = sent(local(type="none", o="bind", device="/work/data"))
    real = {
        "Driver": "local",
        "Labels": {**body["Labels"], "a": "b"},
        "Name": "new",
        "Options": body["DriverOpts"],
    }
    shown = as_written(real)
    assert shown == {
        "Driver": "local",
        "Labels": {"com.dss.owner": "ci", "a": "b"},
        "Name": "new",
        "Options": {"device": "/work/data", "o": "bind", "type": "none"},
    }
    assert list(shown) == list(real)
    for ruling in (
        judged(judging.create, {"Name": "new"}),
        judged(showing.inspect),
    ):
        assert edited(ruling.reply, real, ANSWERS) == shown
    plain = {"Labels": {"com.dss.owner": "ci"}, "Name": "own"}
    assert as_written(plain) is plain
    for text in ("", "5", "{}", "[]", '{"Options":{},"Inside":5}', '{"Options":5,"Inside":""}'):
        assert Remembered.of(text) is None


def test_a_name_that_another_owner_took_meanwhile() -> None:
    theirs = {"Name": "new", "Labels": {"com.dss.owner": "other"}}
    with pytest.raises(Denied, match=r"volume\.taken"):
        edited(judged(judging.create, {"Name": "new"}).reply, theirs, ANSWERS)
    with pytest.raises(NotFound, match="get own: no such volume"):
        edited(judged(showing.inspect).reply, theirs, ANSWERS)


@pytest.mark.parametrize("name", ["theirs", "nobodys", "nothing", "dss-root-1", "DSS-root-1"])
def test_what_is_not_ones_own_is_missing(name: str) -> None:
    for policy, body in (
        (showing.inspect, None),
        (judging.delete, None),
        (judging.update, {"Spec": {"Group": "x"}}),
    ):
        with pytest.raises(NotFound, match=f"get {name}: no such volume"):
            judged(policy, body, name)
    ruling = drive(judging.delete(request("", {"name": name}, {"force": "1"}), around()), ANSWERS)
    assert ruling == Answer(204, b"")


def test_ones_own() -> None:
    assert judged(showing.inspect).params == {"name": "own"}
    ruling = drive(judging.delete(request("", {"name": "own"}, {"force": "1"}), around()), ANSWERS)
    assert isinstance(ruling, Forward)
    assert (ruling.params, ruling.query) == ({"name": "own"}, (("force", "1"),))
    with pytest.raises(Denied, match=r"volume\.cluster"):
        judged(judging.update, {"Spec": {"Availability": "drain"}})
    assert judged(judging.update, {"Spec": {}}).body == b'{"Spec":{}}'


def test_prune() -> None:
    ruling = drive(judging.prune(request(query={"filters": {"all": ("1",)}}), around()))
    assert isinstance(ruling, Forward)
    assert json.loads(dict(ruling.query)["filters"]) == {
        "all": {"1": True},
        "label": {"com.dss.owner=ci": True},
    }
    with pytest.raises(BadRequest, match="invalid filter 'name'"):
        drive(judging.prune(request(query={"filters": {"name": ("x",)}}), around()))


def shown(name: str, owner: str | None = "ci") -> dict[str, Any]:
    return {"Name": name, "Labels": {"com.dss.owner": owner} if owner else None}


def test_lists() -> None:
    query = {"filters": {"dangling": ("true",), "label": ("a",)}}
    ruling = drive(showing.listing(request(query=query), around()))
    assert isinstance(ruling, Forward)
    assert json.loads(dict(ruling.query)["filters"]) == {
        "dangling": {"true": True},
        "label": {"a": True, "com.dss.owner=ci": True},
    }
    volumes = [shown("one"), shown("theirs", "other"), shown("nobodys", None), shown("hidden")]
    value = {"Volumes": [*volumes, shown("dss-root-1")], "Warnings": ["theirs is broken"]}
    assert edited(ruling.reply, value, ANSWERS) == {"Volumes": [shown("one")], "Warnings": None}
    own = {"Volumes": [shown("one")], "Warnings": None}
    assert edited(ruling.reply, own, ANSWERS) is own
