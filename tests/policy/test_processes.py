"""
The arguments of C{ps} that are given to the engine.
"""

from __future__ import annotations

import pytest

from dss.errors import Denied
from dss.model.facts import ContainerFacts, ContainerNamed
from dss.model.ruling import Forward, Stream
from dss.policy import containers
from dss.testing.judging import circumstances, drive, request

ID = "ab" * 32


def forwarded(arguments: str) -> Forward:
    """
    The request that lists a container's processes.
    """
    asked = request(params={"id": "web"}, query={"ps_args": arguments})
    known = {ContainerNamed: lambda asked: ContainerFacts(ID, "ci")}
    ruling = drive(containers.top(asked, circumstances()), known)
    assert isinstance(ruling, Forward)
    return ruling


@pytest.mark.parametrize(
    "arguments",
    [
        *("", "aux", "auxww", "-ef", "-ely", "-aux", "-l", "-F"),
        *("-eo pid,comm", "-eopid,user", "-o pid", "o pid,args", "axo user,pid,pcpu,args"),
        *("-e -o pid,ppid,cmd", "ax -o pid,lstart", "-o uid,uid,uid,pid"),
    ],
)
def test_what_people_write_goes_on(arguments: str) -> None:
    ruling = forwarded(arguments)
    assert (ruling.params, ruling.query) == ({"id": ID}, (("ps_args", arguments),))


@pytest.mark.parametrize(
    "arguments",
    [
        "-C sleep -o args:9000,uid,uid,uid,pid e",
        "-o args:9000,uid,uid,uid,pid",
        *("-o args,pid", "-o comm,pid", "-o cmd,uid,pid", "-o lstart,pid", "-o pid,args,uid"),
        *(
            "-o pid,comm e",
            "e",
            "aux e",
            "auxe",
            "auxeww",
            "axe",
            "eaux",
            "-eo pid e",
            "axeo pid",
            "eo pid",
        ),
        *("-C sleep", "-p 1", "-q 1", "-u root", "-ef -p 1", "--pid 1", "1", "-g 1", "U root"),
        *("-o pid=PID", "-o user:20,pid", "-o pid=", "-o pid,comm=PID", "-o comm", "-o pid,pid"),
        *("-o pid,environ", "-o environ,pid", "-o pid,label", "-o pid,cgroup", "-o pid,unit"),
        *("-o pid,", "-o ,pid", "-o", "-o pid -o args", "-o pid,comm --sort=-pid", "-o pid,PID"),
        *("-O pid", "-O args", "O args,pid", "-e -e -o pid", "-ef  ", " -ef", "-ef aux", "aux -ef"),
        *("a;b", "$(id)", "a\nb", "aux\n", "-o pid\n", "a/b", "é", "`id`", "a|b", "a'b", "--help"),
        *("-M", "Z", "-o\tpid", "k pid", "V", "X", "s", "v", "-ef n", "--info", "L", "-d"),
    ],
)
def test_other_arguments_are_denied(arguments: str) -> None:
    with pytest.raises(Denied, match=r"container\.ps-args"):
        forwarded(arguments)


@pytest.mark.parametrize(
    ("status", "message", "told"),
    [
        (500, "Unexpected pid 'secret': strconv.Atoi", False),
        (500, "unexpected PID: secret", False),
        (500, "exec: no ps", True),
        (409, "the pid namespace is secret", True),
        (404, f"No such container: {ID}", False),
    ],
)
def test_errors_that_repeat_the_table(status: int, message: str, told: bool) -> None:
    """
    They are told in other words; others name the container as the client did.
    """
    reply = forwarded("").reply
    assert isinstance(reply, Stream)
    assert reply.edit_error is not None
    found = drive(reply.edit_error(status, message))
    assert (found == message) is told
    assert "secret" not in found or told
    assert ID not in found
