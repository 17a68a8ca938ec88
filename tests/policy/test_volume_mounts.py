"""
Volumes of host directories and of other file systems, as containers mount them.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import evolve

from dss.config.containers import OwnerLimits
from dss.config.volumes import FileSystem, Volumes
from dss.errors import Denied, NoManager, Problem
from dss.model.facts import (
    Claim,
    ContainerFacts,
    ContainerJson,
    ContainerNamed,
    HooksOnCreate,
    HostPath,
    ImageFacts,
    ImageNamed,
    MakeVolume,
    PathFacts,
    ThisNode,
    VolumeFacts,
    VolumeNamed,
)
from dss.model.message import ResponseHead
from dss.model.ruling import Forward, Stream
from dss.model.version import NEWEST, ApiVersion
from dss.policy import create
from dss.policy.mounts.rechecking import loose_mounts, recheck
from dss.policy.request import Circumstances
from dss.policy.volumes.remembering import Remembered
from dss.testing.judging import circumstances, drive, request

GIVER = "1" * 64
OLD = ApiVersion(1, 44)

HOST = {
    path: PathFacts(path, True)
    for path in ("/srv/ci", "/srv/ci/data", "/srv/ci/data/sub", "/srv/ro", "/srv/ro/x")
}


def on_host(name: str, device: str, inside: str, o: str = "rbind,rprivate") -> VolumeFacts:
    remembered = Remembered({"type": "none", "o": "bind", "device": "/any"}, inside)
    options = {"type": "none", "o": o, "device": device}
    return VolumeFacts(name, "ci", "local", options, remembered.text())


VOLUMES = {
    each.name: each
    for each in (
        on_host("beneath", "/srv/ci", "data"),
        on_host("itself", "/srv/ci/data", "", "bind,rprivate"),
        on_host("moved", "/srv/old", "data"),
        on_host("ro", "/srv/ro", "x"),
        on_host("strict", "/srv/ro", "x", "rbind,ro,rprivate"),
        on_host("undone", "/srv/ro", "x", "rbind,ro,rw,rprivate"),
        on_host("done", "/srv/ro", "x", "rbind,rw,ro,rprivate"),
        VolumeFacts("forged", "ci", "local", {"type": "none", "o": "bind", "device": "/"}),
        VolumeFacts("memory", "ci", "local", {"type": "tmpfs", "device": "tmpfs"}),
        VolumeFacts("nfs", "ci", "local", {"type": "nfs", "device": ":/x", "o": "rw"}),
        VolumeFacts("driven", "ci", "rexray"),
    )
}


def around(version: ApiVersion = NEWEST, **volumes: Any) -> Circumstances:
    found = circumstances("ci", ("/srv/ci", "/srv/ro:ro"), version)
    return evolve(found, settings=evolve(found.settings, volumes=Volumes(**volumes)))


def no_node(question: ThisNode) -> str:
    raise NoManager("none")


def created(
    host: dict[str, Any],
    where: Circumstances | None = None,
    made: dict[str, MakeVolume] | None = None,
    giver: Any = None,
    files: dict[str, PathFacts] | None = None,
    version: ApiVersion = NEWEST,
    claim: Any = None,
) -> Forward:
    def make(question: MakeVolume) -> VolumeFacts:
        if made is not None:
            made[question.name] = question
        label = question.labels.get("com.dss.volume", "")
        return VolumeFacts(question.name, "ci", question.driver, question.options, label)

    raw = json.dumps({"Image": "i", "HostConfig": host}).encode()
    ruling = drive(
        create.judge(request(body=raw, version=version), where or around()),
        {
            HooksOnCreate: lambda q: q.body,
            ImageNamed: lambda q: ImageFacts("sha256:" + "2" * 64, None, True),
            HostPath: lambda q: (files or HOST).get(q.path, PathFacts(None)),
            VolumeNamed: lambda q: VOLUMES.get(q.name),
            MakeVolume: make,
            ContainerNamed: lambda q: ContainerFacts(GIVER, "ci"),
            ContainerJson: lambda q: giver,
            ThisNode: no_node,
            Claim: claim,
        },
    )
    assert isinstance(ruling, Forward)
    return ruling


def mounts(host: dict[str, Any], **more: Any) -> Any:
    return json.loads(created(host, **more).body or b"")["HostConfig"]["Mounts"]


def rules_of(host: dict[str, Any], **more: Any) -> list[str]:
    with pytest.raises(Denied) as caught:
        created(host, **more)
    return [each.rule for each in caught.value.problems]


def inline(name: str = "new", driver: str | None = None, subpath: str = "", **options: str) -> Any:
    config: dict[str, Any] = {"Options": options} if options else {}
    if driver is not None:
        config["Name"] = driver
    inside = {"DriverConfig": config, **({"Subpath": subpath} if subpath else {})}
    return {"Mounts": [{"Type": "volume", "Source": name, "Target": "/x", "VolumeOptions": inside}]}


OWNED = {"com.dss.owner": "ci"}


def test_the_path_is_opened_beneath_the_allowed_directory() -> None:
    (mount,) = mounts({"Binds": ["beneath:/x"]})
    assert mount == {
        "Type": "volume",
        "Source": "beneath",
        "Target": "/x",
        "VolumeOptions": {"Labels": OWNED, "Subpath": "data"},
    }
    assert created({"Binds": ["beneath:/x"]}, version=ApiVersion(1, 41)).version == ApiVersion(
        1, 45
    )
    (mount,) = mounts(inline("beneath", subpath="sub"))
    assert mount["VolumeOptions"]["Subpath"] == "data/sub"
    (mount,) = mounts(inline("beneath", subpath="no-matter"), version=ApiVersion(1, 44))
    assert mount["VolumeOptions"]["Subpath"] == "data", "older prefixes have no paths"
    for subpath in ("..", "sub/../..", "/data"):
        assert rules_of(inline("beneath", subpath=subpath)) == ["mount.subpath"]
    assert rules_of(inline("beneath", subpath="missing")) == ["mount.missing"]


def test_a_volume_on_the_path_itself() -> None:
    """
    As older engines have it. No link may have come into it since.
    """
    for where in (around(OLD), around()):
        (mount,) = mounts({"Binds": ["itself:/x"]}, where=where)
        assert "Subpath" not in mount["VolumeOptions"]
        swapped = {**HOST, "/srv/ci/data": PathFacts("/srv/ci/data/sub", True)}
        assert rules_of({"Binds": ["itself:/x"]}, where=where, files=swapped) == ["mount.link"]
        out = {**HOST, "/srv/ci/data": PathFacts("/etc", True)}
        assert rules_of({"Binds": ["itself:/x"]}, where=where, files=out) == ["mount.link"]
        restart = {"Binds": ["itself:/x"], "RestartPolicy": {"Name": "always"}}
        assert rules_of(restart, where=where) == ["container.restart"]
    assert mounts({"Binds": ["beneath:/x"], "RestartPolicy": {"Name": "always"}})
    assert rules_of(inline("itself", subpath="sub")) == ["mount.subpath"]


def test_read_only_directories_stay_so() -> None:
    for name in ("ro:/x", "ro:/x:rw"):
        assert rules_of({"Binds": [name]}) == ["mount.read_only"]
    (mount,) = mounts({"Binds": ["ro:/x:ro"]})
    assert mount["ReadOnly"] is True
    for name in ("strict", "done"):
        (mount,) = mounts({"Binds": [f"{name}:/x"]})
        assert mount["ReadOnly"] is True
    assert rules_of({"Binds": ["undone:/x"]}) == ["mount.read_only"]
    assert rules_of(inline(type="none", o="bind", device="/srv/ro/x")) == ["mount.read_only"]
    (mount,) = mounts(inline(type="none", o="ro,bind", device="/srv/ro/x"))
    assert mount["ReadOnly"] is True


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("moved", "mount.source"),
        ("forged", "volume.options"),
        ("nfs", "volume.options"),
        ("driven", "volume.driver"),
    ],
)
def test_what_no_longer_may_be_mounted(name: str, rule: str) -> None:
    assert rules_of({"Binds": [f"{name}:/x"]}) == [rule]


def test_what_is_mounted_as_it_is() -> None:
    where = around(drivers={"rexray": ()}, file_systems=(FileSystem("nfs", (":/x",), ("rw",)),))
    for name in ("memory", "nfs", "driven"):
        (mount,) = mounts({"Binds": [f"{name}:/x"]}, where=where)
        assert mount["VolumeOptions"] == {"Labels": OWNED}


def test_options_in_a_mount_make_the_volume_before() -> None:
    made: dict[str, MakeVolume] = {}
    (mount,) = mounts(inline(type="none", o="bind", device="/srv/ci/data"), made=made)
    assert mount["VolumeOptions"]["Subpath"] == "data"
    assert mount["VolumeOptions"]["DriverConfig"] == {}
    new = made["new"]
    assert new.driver == "local"
    assert new.options == {"type": "none", "o": "rbind,rprivate", "device": "/srv/ci"}
    assert new.labels["com.dss.owner"] == "ci"
    assert Remembered.of(new.labels["com.dss.volume"]) == Remembered(
        {"type": "none", "o": "bind", "device": "/srv/ci/data"}, "data"
    )
    (mount,) = mounts(inline(driver="local", type="tmpfs", device="tmpfs"), made=made)
    assert made["new"].options == {"type": "tmpfs", "device": "tmpfs"}
    assert mount["VolumeOptions"]["DriverConfig"] == {"Name": "local"}
    # One that is there keeps its own.
    made.clear()
    (mount,) = mounts(inline("memory", type="none", o="bind", device="/srv/ci/data"), made=made)
    assert made == {}
    assert "Subpath" not in mount["VolumeOptions"]


def test_volumes_without_a_name() -> None:
    (mount,) = mounts(inline("", type="tmpfs", device="tmpfs"))
    assert mount["VolumeOptions"]["DriverConfig"] == {
        "Options": {"type": "tmpfs", "device": "tmpfs"}
    }
    (mount,) = mounts(inline("", type="none", o="bind", device="/srv/ci"))
    options = mount["VolumeOptions"]
    assert options["DriverConfig"]["Options"]["device"] == "/srv/ci"
    assert set(options["Labels"]) == {"com.dss.owner", "com.dss.volume"}
    below = inline("", type="none", o="bind", device="/srv/ci/data")
    assert rules_of(below) == ["volume.nameless"]
    (mount,) = mounts(below, where=around(OLD))
    assert mount["VolumeOptions"]["DriverConfig"]["Options"]["device"] == "/srv/ci/data"


def test_the_driver_of_a_container() -> None:
    where = around(drivers={"rexray": ()})
    made: dict[str, MakeVolume] = {}
    found = mounts(
        {"VolumeDriver": "rexray", "Binds": ["cache:/x", "/y"], **inline("plain")},
        where=where,
        made=made,
    )
    drivers = {each["Target"]: each["VolumeOptions"].get("DriverConfig") for each in found}
    assert made["cache"].driver == "rexray"
    assert made["plain"].driver == "local"
    assert drivers["/y"] == {"Name": "rexray"}
    assert rules_of({"VolumeDriver": "rexray", "Binds": ["cache:/x"]}) == ["volume.driver"]
    assert mounts({"VolumeDriver": "local", "Binds": ["cache:/x"]})


def of_giver(name: str, inside: str = "", **more: Any) -> dict[str, Any]:
    wanted = {"Type": "volume", "Source": name, "Target": "/x"}
    if inside:
        wanted["VolumeOptions"] = {"Subpath": inside}  # type: ignore[assignment]
    mounted = {"Type": "volume", "Name": name, "Destination": "/x", "RW": True, **more}
    return {"Mounts": [mounted], "HostConfig": {"Mounts": [wanted]}, "Config": {}}


def test_what_another_container_has() -> None:
    """
    The engine would take the whole allowed directory.
    """
    (mount,) = mounts({"VolumesFrom": ["g"]}, giver=of_giver("beneath", "data"))
    assert mount == {
        "Type": "volume",
        "Source": "beneath",
        "Target": "/x",
        "VolumeOptions": {"NoCopy": True, "Labels": OWNED, "Subpath": "data"},
    }
    taken = created({"VolumesFrom": ["g"]}, giver=of_giver("itself"))
    assert "Mounts" not in json.loads(taken.body or b"")["HostConfig"]
    tmpfs = {"VolumesFrom": ["g"], "Tmpfs": {"/x": ""}}
    assert rules_of(tmpfs, giver=of_giver("beneath", "data")) == ["mount.volumes_from"]
    # Without the path it would be the whole of it.
    assert rules_of({"VolumesFrom": ["g"]}, giver=of_giver("beneath")) == ["mount.link"]
    assert rules_of({"VolumesFrom": ["g"]}, giver=of_giver("forged")) == ["volume.options"]


@pytest.mark.parametrize(
    ("giver", "rule"),
    [
        (of_giver("beneath", "data"), ""),
        (of_giver("beneath", "data/sub"), ""),
        (of_giver("itself"), ""),
        (of_giver("strict", "x", RW=False), ""),
        (of_giver("memory"), ""),
        (of_giver("gone"), ""),
        (of_giver("strict", "x"), r"mount\.read_only"),
        (of_giver("undone", "x"), r"mount\.read_only"),
        (of_giver("beneath", "other"), r"mount\.link"),
        (of_giver("beneath"), r"mount\.link"),
        (of_giver("moved", "data"), r"mount\.source"),
        (of_giver("forged"), r"volume\.options"),
    ],
)
def test_volumes_are_judged_again_at_each_start(giver: Any, rule: str) -> None:
    answers: dict[type[Any], Any] = {
        ContainerJson: lambda q: giver,
        HostPath: lambda q: HOST.get(q.path, PathFacts(None)),
        VolumeNamed: lambda q: VOLUMES.get(q.name),
    }
    if rule:
        with pytest.raises(Denied, match=rule):
            drive(recheck(GIVER, around()), answers)
    else:
        drive(recheck(GIVER, around()), answers)


def test_which_of_them_a_restart_could_change() -> None:
    for name, inside, loose in (("beneath", "data", 0), ("itself", "", 1), ("memory", "", 0)):
        answers: dict[type[Any], Any] = {
            ContainerJson: lambda q, name=name, inside=inside: of_giver(name, inside),
            HostPath: lambda q: HOST.get(q.path, PathFacts(None)),
            VolumeNamed: lambda q: VOLUMES.get(q.name),
        }
        assert len(drive(loose_mounts(GIVER, around()), answers)) == loose


def test_new_volumes_are_claimed_before_they_are_made() -> None:
    """
    Those without a name too, and not those that are there or that dss makes for itself. What
    was claimed is free again where the container is denied.
    """
    host = {"Binds": ["memory:/a", "one:/b", "two:/c", "/d", "/srv/ci:/e"]}
    found = around()
    limits = OwnerLimits(volumes=9, containers=1)
    where = evolve(found, settings=evolve(found.settings, sums=limits))
    claimed: list[Claim] = []
    released: list[Claim] = []

    def claim(question: Claim) -> Any:
        claimed.append(question)
        if denied == question.kind:
            raise Denied(Problem("owner.limit", "", "no more"))
        return lambda: released.append(question)

    for denied, kinds in (("", ["volume", "container"]), ("container", ["volume", "container"])):
        claimed.clear()
        made: dict[str, MakeVolume] = {}
        if denied:
            with pytest.raises(Denied, match="no more"):
                created(host, where, made, claim=claim)
            assert [each.kind for each in released] == ["volume"]
        else:
            reply = created(host, where, made, claim=claim).reply
            assert isinstance(reply, Stream)
            assert reply.edit_head is not None
            reply.edit_head(ResponseHead(201, "Created"))
            assert released == claimed
            released.clear()
        assert [each.kind for each in claimed] == kinds
        assert claimed[0].count == 3
    denied = "volume"
    made = {}
    with pytest.raises(Denied, match="no more"):
        created(host, where, made, claim=claim)
    assert made == {}
