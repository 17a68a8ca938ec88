"""
Names that look like ids, and prefixes that mean more than one container.
"""

from __future__ import annotations

import pytest

from tests.engines.api import Api
from tests.owners.pair import Container, Pair, told

pytestmark = pytest.mark.engine


def _with_first_digit(pair: Pair, owner: Api, digit: str) -> Container:
    """
    A new container whose id begins with that digit: about one in sixteen does.
    """
    for _ in range(200):
        made = pair.container(owner)
        if made.id[0] == digit:
            return made
        pair.engine.api.delete(f"/containers/{made.id}")
    raise AssertionError(f"two hundred ids, and none began with {digit}")


@pytest.mark.parametrize("length", [12, 64])
def test_a_name_that_is_anothers_id(pair: Pair, length: int) -> None:
    """
    A can't take the short id of B's container as a name, at create or later.
    """
    target, own = pair.container(), pair.container(pair.a)
    name = target.id[:length]
    created = pair.a.call("POST", "/containers/create", {"name": name}, {"Image": "busybox"})
    renamed = pair.a.call("POST", f"/containers/{own.id}/rename", {"name": name})
    assert (created.status, renamed.status) == (403, 403)
    assert pair.engine.api.get(f"/containers/{name}/json")["Id"] == target.id
    assert pair.b.get(f"/containers/{name}/json")["Id"] == target.id


def test_a_name_that_hides_an_own_id(pair: Pair) -> None:
    """
    Where such a name was given past dss, B's short id still means B's container.
    """
    target = pair.container(run=True)
    name = target.id[:12]
    labels = {"com.dss.owner": "a"}
    trap = pair.engine.api.post(
        f"/containers/create?name={name}", {"Image": "busybox", "Labels": labels}
    )["Id"]
    assert pair.engine.api.get(f"/containers/{name}/json")["Id"] == trap
    assert pair.b.get(f"/containers/{name}/json")["Id"] == target.id
    assert pair.a.get(f"/containers/{name}/json")["Id"] == trap
    pair.b.post(f"/containers/{name}/kill")
    assert not pair.engine.api.get(f"/containers/{target.id}/json")["State"]["Running"]
    pair.b.delete(f"/containers/{name}")
    assert pair.engine.api.call("GET", f"/containers/{target.id}/json").status == 404
    assert pair.engine.api.call("GET", f"/containers/{trap}/json").ok


def test_a_prefix_that_two_owners_share(pair: Pair) -> None:
    """
    To each it means its own, and nothing tells that there is another.
    """
    target = pair.container()
    own = _with_first_digit(pair, pair.a, target.id[0])
    prefix = target.id[0]
    assert pair.a.get(f"/containers/{prefix}/json")["Id"] == own.id
    assert pair.b.get(f"/containers/{prefix}/json")["Id"] == target.id
    pair.a.delete(f"/containers/{prefix}")
    assert pair.engine.api.call("GET", f"/containers/{own.id}/json").status == 404
    assert pair.a.call("DELETE", f"/containers/{prefix}").status == 404
    assert pair.engine.api.call("GET", f"/containers/{target.id}/json").ok


def test_a_prefix_that_means_two_of_anothers(pair: Pair) -> None:
    """
    To A it is as missing as any other; B is never given one of the two by chance.
    """
    first = pair.container()
    second = _with_first_digit(pair, pair.b, first.id[0])
    prefix = first.id[0]
    before = first.snapshot(), second.snapshot()
    # Names are longer than one character, so this one can't be anything.
    nothing = next(digit for digit in "0123456789abcdef" if digit != prefix)
    expected = told(pair.a.call("GET", f"/containers/{nothing}/json"), nothing)
    assert told(pair.a.call("GET", f"/containers/{prefix}/json"), prefix) == expected
    assert pair.a.call("DELETE", f"/containers/{prefix}").status == 404
    assert pair.b.call("DELETE", f"/containers/{prefix}").status >= 400
    assert (first.snapshot(), second.snapshot()) == before
    longer = next(
        first.id[:length] for length in range(2, 65) if first.id[:length] != second.id[:length]
    )
    assert pair.b.get(f"/containers/{longer}/json")["Id"] == first.id


def test_nobodys_containers(pair: Pair) -> None:
    """
    What was made past dss belongs to neither.
    """
    unowned = pair.container(pair.engine.api, run=True)
    before = unowned.snapshot()
    for reference in unowned.references.values():
        for api in (pair.a, pair.b):
            assert api.call("GET", f"/containers/{reference}/json").status == 404
            assert api.call("POST", f"/containers/{reference}/kill").status == 404
            assert api.call("DELETE", f"/containers/{reference}", {"force": 1}).status == 404
    assert unowned.snapshot() == before


def test_a_name_that_changes_hands(pair: Pair) -> None:
    """
    A name that was A's and is B's now is not answered from memory.
    """
    own = pair.container(pair.a)
    assert pair.a.get(f"/containers/{own.name}/json")["Id"] == own.id
    pair.a.post(f"/containers/{own.id}/rename", name="freed-name")
    taken = pair.b.post(f"/containers/create?name={own.name}", {"Image": "busybox"})["Id"]
    assert pair.a.call("DELETE", f"/containers/{own.name}").status == 404
    assert pair.engine.api.get(f"/containers/{own.name}/json")["Id"] == taken
    assert pair.b.get(f"/containers/{own.name}/json")["Id"] == taken
    assert pair.a.get(f"/containers/{own.id}/json")["Name"] == "/freed-name"
