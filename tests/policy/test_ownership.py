"""
A container, or an exec instance, is found by its owner only.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dss.errors import NotFound
from dss.model.facts import ContainerFacts, ContainerNamed, ExecNamed
from dss.model.ruling import Forward, Hijack, Stream
from dss.model.version import ApiVersion
from dss.policy import ownership
from dss.policy.names import hide_foreign_ids
from dss.testing.judging import circumstances, drive, request

ID = "ab" * 32
OTHER = "cd" * 32

#: One container of the owner's own, called web.
OWN = {
    ContainerNamed: lambda asked: (
        ContainerFacts(ID, "ci") if asked.reference in ("web", ID) else None
    )
}


def test_own_container_is_forwarded_by_id() -> None:
    """
    The full id goes on, and the query with it.
    """
    ruling = drive(
        ownership.of()(request(params={"id": "web"}, query={"t": "5"}), circumstances()), OWN
    )
    assert isinstance(ruling, Forward)
    assert (ruling.params, ruling.query, ruling.body) == ({"id": ID}, (("t", "5"),), None)
    assert isinstance(ruling.reply, Stream)


def test_reply_is_as_the_row_says() -> None:
    """
    A row may ask for a raw connection.
    """
    policy = ownership.of(reply=Hijack("websocket"))
    ruling = drive(policy(request(params={"id": "web"}), circumstances()), OWN)
    assert isinstance(ruling, Forward)
    assert ruling.reply == Hijack("websocket")


def test_missing_and_foreign_are_the_engines_404() -> None:
    """
    Both are answered with the engine's own words.
    """
    with pytest.raises(NotFound, match=r"^No such container: other$") as error:
        drive(ownership.of()(request(params={"id": "other"}), circumstances()), OWN)
    assert error.value.status == 404


@pytest.mark.parametrize(
    ("engine", "message"),
    [
        (ApiVersion(1, 41), "Cannot kill container: x: No such container: x"),
        (ApiVersion(1, 45), "cannot kill container: x: No such container: x"),
        (ApiVersion(1, 51), "cannot kill container: x: No such container: x"),
    ],
)
def test_killing_a_missing_container(engine: ApiVersion, message: str) -> None:
    """
    As engines 20.10, 26.1 and 28.5 word it.
    """
    policy = ownership.of(wording=ownership.killing)
    with pytest.raises(NotFound, match=f"^{message}$"):
        drive(policy(request(params={"id": "x"}), circumstances(engine_version=engine)), OWN)


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        (
            f"cannot kill container: {ID}: container {ID} is not running",
            f"cannot kill container: web: container {ID} is not running",
        ),
        (
            f'cannot remove container "{ID}": container is running',
            'cannot remove container "web": container is running',
        ),
        (
            f"Could not find the file /x in container {ID}",
            "Could not find the file /x in container web",
        ),
        (f"No such container: {ID}", "No such container: web"),
        (f"Container {ID} is not paused", f"Container {ID} is not paused"),
        ("bad parameter", "bad parameter"),
    ],
)
def test_errors_name_the_container_as_the_client_did(told: str, shown: str) -> None:
    """
    The engine repeats what it was asked for, in these messages of engines 20.10 and 28.5,
    and writes the full id by itself in others.
    """
    ruling = drive(ownership.of()(request(params={"id": "web"}), circumstances()), OWN)
    assert isinstance(ruling, Forward)
    assert isinstance(ruling.reply, Stream)
    assert ruling.reply.edit_error is not None
    assert drive(ruling.reply.edit_error(409, told)) == shown


def test_own_exec_is_forwarded() -> None:
    """
    An exec instance of a container of the owner's own.
    """
    answers = {ExecNamed: lambda asked: ContainerFacts(ID, "ci") if asked.id == OTHER else None}
    asked = request(params={"id": OTHER}, query={"h": "1", "w": "2"})
    ruling = drive(ownership.of_exec(asked, circumstances()), answers)
    assert isinstance(ruling, Forward)
    assert (ruling.params, ruling.query) == ({"id": OTHER}, (("h", "1"), ("w", "2")))
    with pytest.raises(NotFound, match=f"^No such exec instance: {ID}$"):
        drive(ownership.of_exec(request(params={"id": ID}), circumstances()), answers)


@pytest.mark.parametrize("quote", [lambda id: f'"{id}"', lambda id: id])
def test_a_conflict_does_not_tell_a_foreign_id(quote: Callable[[str], str]) -> None:
    """
    The owner learns that the name is taken, as it must, and by which container only where
    that is its own.
    """
    told = (
        'Error when allocating new name: Conflict. The container name "/x" is already in use by '
        "container {}. You have to remove (or rename) that container."
    )
    foreign = drive(hide_foreign_ids(409, told.format(quote(OTHER))), OWN)
    assert OTHER not in foreign
    assert '"/x" is already in use by' in foreign
    assert drive(hide_foreign_ids(409, told.format(quote(ID))), OWN) == told.format(quote(ID))
