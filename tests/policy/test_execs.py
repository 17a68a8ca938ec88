"""
Exec instances: made and started in the owner's own containers only.
"""

from __future__ import annotations

import json

import pytest

from dss.errors import BadRequest, Denied, NotFound
from dss.model.facts import ContainerFacts, ContainerNamed, ExecNamed
from dss.model.ruling import Forward, Hijack, Stream
from dss.policy import execs
from dss.testing.judging import circumstances, drive, request

OWN = "1" * 64
EXEC = "2" * 64

ANSWERS = {
    ContainerNamed: lambda q: ContainerFacts(OWN, "ci") if q.reference == "mine" else None,
    ExecNamed: lambda q: ContainerFacts(OWN, "ci") if q.id == EXEC else None,
}


def made(body: bytes, container: str = "mine") -> Forward:
    ruling = drive(
        execs.create(request(params={"id": container}, body=body), circumstances()), ANSWERS
    )
    assert isinstance(ruling, Forward)
    return ruling


def started(body: bytes, id: str = EXEC) -> Forward:
    ruling = drive(execs.start(request(params={"id": id}, body=body), circumstances()), ANSWERS)
    assert isinstance(ruling, Forward)
    return ruling


def test_what_the_cli_sends_goes_on() -> None:
    found = made(
        b'{"User":"0","Privileged":false,"Tty":false,"AttachStdin":false,"AttachStderr":true,'
        b'"AttachStdout":true,"DetachKeys":"","Env":null,"WorkingDir":"/src","Cmd":["true"],'
        b'"Detach":false,"ConsoleSize":[24,80]}'
    )
    assert found.params == {"id": OWN}
    assert json.loads(found.body or b"") == {
        "User": "0",
        "Privileged": False,
        "Tty": False,
        "AttachStdin": False,
        "AttachStderr": True,
        "AttachStdout": True,
        "DetachKeys": "",
        "WorkingDir": "/src",
        "Cmd": ["true"],
        "Detach": False,
        "ConsoleSize": [24, 80],
    }


def test_the_path_alone_names_the_container() -> None:
    """
    docker-py sends it in the body too.
    """
    assert json.loads(made(b'{"Container":"theirs","Cmd":["a"]}').body or b"") == {"Cmd": ["a"]}


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (b'{"Cmd":["a"],"Privileged":true}', "exec.privileged"),
        (b'{"Cmd":["a"],"privileged":true}', "exec.privileged"),
        (b'{"Cmd":["a"],"WorkingDir":"/proc/self/fd/7"}', "container.working_dir"),
        (b'{"Cmd":["a"],"New":1}', "field.unknown"),
    ],
)
def test_denied(body: bytes, rule: str) -> None:
    with pytest.raises(Denied) as caught:
        made(body)
    assert [each.rule for each in caught.value.problems] == [rule]


def test_a_privilege_that_stands_twice() -> None:
    with pytest.raises(BadRequest, match="stands twice"):
        made(b'{"Cmd":["a"],"Privileged":false,"privileged":true}')


def test_a_missing_or_foreign_container() -> None:
    with pytest.raises(NotFound, match="No such container: theirs"):
        made(b'{"Cmd":["a"]}', "theirs")


@pytest.mark.parametrize("body", [b"{}", b'{"Detach":false,"Tty":true}', b'{"detach":null}'])
def test_a_start_is_hijacked(body: bytes) -> None:
    found = started(body)
    assert found.reply == Hijack("tcp")
    assert found.params == {"id": EXEC}


@pytest.mark.parametrize("body", [b'{"Detach":true}', b'{"DETACH":true,"ConsoleSize":[1,2]}'])
def test_a_detached_start_is_not(body: bytes) -> None:
    found = started(body)
    assert isinstance(found.reply, Stream)
    assert json.loads(found.body or b"")["Detach"] is True


@pytest.mark.parametrize(
    "body", [b'{"Detach":false,"detach":true}', b'{"Detach":1}', b"", b"null", b"{}{}"]
)
def test_a_start_that_can_be_read_in_two_ways(body: bytes) -> None:
    with pytest.raises(BadRequest):
        started(body)


def test_a_missing_or_foreign_exec() -> None:
    with pytest.raises(NotFound, match="No such exec instance: 3"):
        started(b"{}", "3")
