"""
Every body field and parameter that can name a container: B's is as good as none.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.engines.cleaning import Contents
from tests.owners.pair import Pair, missing, told

pytestmark = pytest.mark.engine

Naming = Callable[[str], Mapping[str, Any]]

#: What names a container in a create's body, given its reference.
_FIELDS: Mapping[str, Naming] = {
    "NetworkMode": lambda ref: {"HostConfig": {"NetworkMode": f"container:{ref}"}},
    "IpcMode": lambda ref: {"HostConfig": {"IpcMode": f"container:{ref}"}},
    "PidMode": lambda ref: {"HostConfig": {"PidMode": f"container:{ref}"}},
    "VolumesFrom": lambda ref: {"HostConfig": {"VolumesFrom": [ref]}},
    "VolumesFrom with a mode": lambda ref: {"HostConfig": {"VolumesFrom": [f"{ref}:ro"]}},
    "Links": lambda ref: {"HostConfig": {"Links": [f"{ref}:db"]}},
    "Links without an alias": lambda ref: {"HostConfig": {"Links": [ref]}},
    "EndpointsConfig.Links": lambda ref: {
        "NetworkingConfig": {"EndpointsConfig": {"bridge": {"Links": [f"{ref}:db"]}}}
    },
}

#: What dss denies to everybody, so that B has no success to show.
_DENIED_TO_ALL = frozenset[str]()


@pytest.mark.parametrize("field", _FIELDS)
def test_create(pair: Pair, field: str) -> None:
    """
    No container is made, B's is as it was, and B may use the field.
    """
    target = pair.container(run=True, Volumes={"/data": {}}, HostConfig={"IpcMode": "shareable"})
    for kind, reference in target.references.items():
        before = Contents.of(pair.engine.api), target.snapshot()
        nothing = missing(kind)
        expected = told(_create(pair.a, field, nothing), nothing)
        assert expected[0] in (400, 403, 404)
        assert told(_create(pair.a, field, reference), reference) == expected, kind
        assert (Contents.of(pair.engine.api), target.snapshot()) == before, kind
        own = _create(pair.b, field, reference)
        if field in _DENIED_TO_ALL:
            assert own.status == 403, (kind, own.message)
        else:
            assert own.status == 201, (kind, own.message)
            made = own.json()["Id"]
            assert pair.b.call("POST", f"/containers/{made}/start").ok, kind


@pytest.mark.parametrize("field", ["PidMode", "NetworkMode", "IpcMode"])
def test_spellings(pair: Pair, field: str) -> None:
    """
    Keys in another case, or twice: what the engine would read is what is judged.
    """
    target = pair.container(run=True)
    mode = f"container:{target.id}"
    before = Contents.of(pair.engine.api), target.snapshot()
    for body in (
        {"Image": "busybox", "hostconfig": {field.lower(): mode}},
        {"Image": "busybox", "HOSTCONFIG": {field.upper(): mode}},
        {"Image": "busybox", "HostConfig": {field: "", field.lower(): mode}},
        {"Image": "busybox", "HostConfig": {}, "Ho\u017ftConfig": {field: mode}},
    ):
        assert pair.a.call("POST", "/containers/create", body=body).status >= 400, body
    assert (Contents.of(pair.engine.api), target.snapshot()) == before


def test_conflicts_of_names(pair: Pair) -> None:
    """
    That a name is taken can't be hidden; whose it is, and its id, can. Nothing moves.
    """
    target, own = pair.container(), pair.container(pair.a)
    before = target.snapshot()
    body = {"Image": "busybox"}
    replies = [
        pair.a.call("POST", "/containers/create", {"name": target.name}, body),
        pair.a.call("POST", f"/containers/{own.id}/rename", {"name": target.name}),
    ]
    for reply in replies:
        assert reply.status == 409, reply.message
        assert target.id not in reply.message
        assert target.id[:12] not in reply.message
    assert target.snapshot() == before
    twin = pair.b.call("POST", "/containers/create", {"name": target.name}, body)
    assert target.id in twin.message, "B is told which of its own containers has the name"
    assert pair.a.call("POST", f"/containers/{own.id}/rename", {"name": "free-name"}).ok


def test_a_forged_owner(pair: Pair) -> None:
    """
    Neither at create nor later can A's container become B's, nor B's A's.
    """
    for labels in ({"com.dss.owner": "b"}, {"com.dss.owner": "a", "com.dss.image": "x"}):
        body = {"Image": "busybox", "Labels": labels}
        reply = pair.a.call("POST", "/containers/create", body=body)
        if reply.ok:
            made = pair.engine.api.get(f"/containers/{reply.json()['Id']}/json")
            assert made["Config"]["Labels"]["com.dss.owner"] == "a"
    assert pair.b.get("/containers/json", all=1) == []


def test_images_of_another_owner(pair: Pair) -> None:
    """
    What B built, A can't see or run.
    """
    _build(pair.b, "FROM busybox\nENV SECRET=b\n", "b-made:one")
    image = pair.engine.api.get("/images/b-made:one/json")["Id"]
    references = {"name": "b-made:one", "id": image, "short id": image[7:19]}
    for kind, reference in references.items():
        nothing = "no-such:one" if kind == "name" else missing(kind)
        nothing = f"sha256:{nothing}" if kind == "id" else nothing
        expected = told(pair.a.call("GET", f"/images/{nothing}/json"), nothing)
        assert expected[0] == 404
        assert told(pair.a.call("GET", f"/images/{reference}/json"), reference) == expected
        body = {"Image": nothing}
        expected = told(pair.a.call("POST", "/containers/create", body=body), nothing)
        body = {"Image": reference}
        assert told(pair.a.call("POST", "/containers/create", body=body), reference) == expected
        assert pair.b.call("GET", f"/images/{reference}/json").ok, kind
        assert pair.b.call("POST", "/containers/create", body=body).ok, kind
    assert image not in {each["Id"] for each in pair.a.get("/images/json", all=1)}
    assert image in {each["Id"] for each in pair.b.get("/images/json")}


def test_builds_upon_images_of_another_owner(pair: Pair) -> None:
    """
    C{FROM} B's image.
    """
    _build(pair.b, "FROM busybox\nENV SECRET=b\n", "b-made:one")
    _build(pair.b, "FROM b-made:one\nCMD env\n", "b-made:two")
    with pytest.raises(AssertionError):
        _build(pair.a, "FROM b-made:one\nCMD env\n", "stolen:one")
    assert pair.engine.api.call("GET", "/images/stolen:one/json").status == 404


def test_a_build_in_another_ones_network(pair: Pair) -> None:
    """
    C{networkmode=container:B} of the classic builder.
    """
    target = pair.container(run=True)
    before = Contents.of(pair.engine.api)
    for reference in target.references.values():
        with pytest.raises(AssertionError):
            _build(
                pair.a, "FROM busybox\nRUN hostname\n", "x:y", networkmode=f"container:{reference}"
            )
    assert Contents.of(pair.engine.api) == before


def _create(api: Any, field: str, reference: str) -> Any:
    body = {"Image": "busybox", "Cmd": ["sleep", "60"], **_FIELDS[field](reference)}
    return api.call("POST", "/containers/create", body=body)


def _build(api: Any, dockerfile: str, tag: str, **query: Any) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(dockerfile)
        tar.addfile(entry, io.BytesIO(dockerfile.encode()))
    reply = api.call("POST", "/build", {"t": tag, "version": "1", **query}, packed.getvalue())
    assert reply.ok, reply.message
    assert b'"error"' not in reply.body, reply.body
