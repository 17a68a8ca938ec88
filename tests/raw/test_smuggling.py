"""
Requests hidden in other requests, in front of a real engine: what they would do there
does not happen.
"""

from __future__ import annotations

import json

import pytest

from tests.conftest import StartGuard
from tests.engines.machine import Engine
from tests.raw.speaking import Answer, converse, message, replies
from tests.raw.test_bytes import UPGRADE, ask

pytestmark = [pytest.mark.engine, pytest.mark.parametrize("engine", ["sid"], indirect=True)]

SLEEP = {"Image": "busybox", "Cmd": ["sleep", "3600"]}


def running(engine: Engine) -> str:
    """
    A container that dss's client does not own, and that runs.
    """
    id: str = engine.api.post("/containers/create", SLEEP)["Id"]
    engine.api.post(f"/containers/{id}/start")
    return id


def paused(engine: Engine, id: str) -> bool:
    """
    Whether the attack, a C{pause}, had its effect.
    """
    state: bool = engine.api.get(f"/containers/{id}/json")["State"]["Paused"]
    return state


def attacks(victim: str, mine: str) -> dict[str, bytes]:
    """
    Requests with another one hidden in each.
    """
    evil = ask("POST", f"/containers/{victim}/pause")
    late = b"GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n"
    chunk = b"%x\r\n%s\r\n" % (len(evil), evil)
    form = "Content-Type: application/x-www-form-urlencoded"
    return {
        "after an empty chunked body with a length": ask(
            "POST",
            f"/containers/{mine}/unpause",
            f"Content-Length: {len(evil) + 5}",
            "Transfer-Encoding: chunked",
            body=b"0\r\n\r\n" + evil,
        ),
        "in the body of a GET": ask("GET", "/_ping", f"Content-Length: {len(evil)}", body=evil),
        "in a chunk of a GET": ask(
            "GET", "/_ping", "Transfer-Encoding: chunked", body=chunk + b"0\r\n\r\n"
        ),
        "in the body of a denied request": ask(
            "POST", f"/containers/{victim}/exec", f"Content-Length: {len(evil)}", body=evil
        ),
        "in a body whose framing a proxy would strip": ask(
            "POST",
            f"/containers/{mine}/unpause",
            "Connection: Content-Length",
            f"Content-Length: {len(evil)}",
            body=evil,
        ),
        "after an attach to what is missing": ask(
            "POST", "/containers/missing/attach?stream=1&stdin=1", *UPGRADE, body=evil
        ),
        "after an attach to another's": ask(
            "POST", f"/containers/{victim}/attach?stream=1&stdin=1", *UPGRADE, body=evil
        ),
        "after an exec that is missing": ask(
            "POST",
            f"/exec/{'0' * 64}/start",
            *UPGRADE,
            "Content-Type: application/json",
            "Content-Length: 16",
            body=b'{"Detach":false}' + evil,
        ),
        "after an upgrade that is none": ask("GET", "/_ping", *UPGRADE, body=evil),
        "after an upgrade to http/2": ask(
            "POST", "/session", "Connection: Upgrade", "Upgrade: h2c", body=evil
        ),
        "after a folded coding": ask(
            "POST",
            f"/containers/{mine}/unpause",
            "Content-Length: 5",
            "Transfer-Encoding:\r\n chunked",
            body=b"0\r\n\r\n" + evil,
        ),
        "in an absolute target": evil.replace(b"POST /", b"POST http://docker/"),
        "in an encoded path": evil.replace(b"/containers/", b"/containers%2F"),
        "in a clean path once cleaned": evil.replace(b"/containers/", b"/containers/x/../"),
        "below an odd version": evil.replace(b"POST /", b"POST /v1.41.0/"),
        "with bare line feeds": evil.replace(b"\r\n", b"\n") + b"\r\n\r\n",
        "in a header": ask("GET", "/_ping", "X: a\n\n" + evil.decode()),
        "in a form": ask(
            "POST",
            f"/containers/{mine}/unpause",
            form,
            f"Content-Length: {len(evil)}",
            body=evil,
        ),
        "one after another": late + evil + late,
    }


def test_smuggling(engine: Engine, guard: StartGuard) -> None:
    """
    None of the attacks pauses the victim, each gets answers in the engine's shape, and
    the same request for one's own container works.
    """
    guarded = guard(engine)
    victim = running(engine)
    mine = guarded.api.post("/containers/create", SLEEP)["Id"]
    guarded.api.post(f"/containers/{mine}/start")
    for name, data in attacks(victim, mine).items():
        answers: list[Answer] = replies(converse(guarded.socket, data))
        assert not paused(engine, victim), name
        assert answers, name
        for answer in answers:
            if answer[0] >= 400:
                assert message(answer), name
    (answer,) = replies(converse(guarded.socket, ask("POST", f"/containers/{mine}/pause")))
    assert answer[0] == 204
    assert paused(engine, mine)


def test_the_attacks_are_attacks(engine: Engine) -> None:
    """
    Some of them pause the victim where nobody guards the engine.
    """
    victim, other = running(engine), running(engine)
    effective = []
    for name, data in attacks(victim, other).items():
        converse(engine.socket, data)
        if paused(engine, victim):
            effective.append(name)
            engine.api.post(f"/containers/{victim}/unpause")
    assert {
        "after an empty chunked body with a length",
        "after a folded coding",
        "after an exec that is missing",
        "after an upgrade that is none",
        "in an absolute target",
        "in an encoded path",
        "below an odd version",
        "one after another",
    } <= set(effective), effective


def test_a_form_that_overrides_a_query(engine: Engine, guard: StartGuard) -> None:
    """
    The engine reads a form's fields before the query's; through dss it gets no form.
    """
    guarded = guard(engine)
    mine = guarded.api.post("/containers/create", SLEEP)["Id"]
    theirs = engine.api.post("/containers/create", SLEEP)["Id"]
    everything = json.dumps({"until": ["0s"]})
    body = f"filters={everything}".encode()
    form = "Content-Type: application/x-www-form-urlencoded"
    head = ask("POST", "/containers/prune", form, f"Content-Length: {len(body)}")
    ((status, _, pruned),) = replies(converse(guarded.socket, head + body))
    assert status == 200
    assert json.loads(pruned)["ContainersDeleted"] == [mine]
    assert engine.api.get(f"/containers/{theirs}/json")["Id"] == theirs
