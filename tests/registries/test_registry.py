"""
Pulls and pushes with a real registry: by whose names, and with whose credentials.
"""

from __future__ import annotations

import base64
import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import StartGuard
from tests.engines.api import Api, Connection, Reply
from tests.engines.machine import Engine
from tests.engines.registry import PASSWORD, USER, registry
from tests.owners.test_images import built, names

pytestmark = pytest.mark.engine

OPEN, CLOSED, FOREIGN = 5000, 5001, 5002


def auth(host: str, password: str = PASSWORD) -> dict[str, str]:
    """
    The header with credentials.
    """
    fields = {"username": USER, "password": password, "serveraddress": host}
    return {"X-Registry-Auth": base64.urlsafe_b64encode(json.dumps(fields).encode()).decode()}


def pull(api: Api, image: str, tag: str, **headers: str) -> Reply:
    """
    A whole pull.
    """
    return api.call("POST", "/images/create", {"fromImage": image, "tag": tag}, headers=headers)


def push(api: Api, image: str, tag: str, **headers: str) -> Reply:
    """
    A whole push.
    """
    sent = headers or {"X-Registry-Auth": "e30="}
    return api.call("POST", f"/images/{image}/push", {"tag": tag}, headers=sent)


def lines(reply: Reply) -> list[Any]:
    """
    What is told while it goes on.
    """
    assert reply.ok, reply.message
    return [json.loads(each) for each in reply.body.splitlines() if each.strip()]


def failed(reply: Reply) -> bool:
    """
    Whether it ended without success.
    """
    return not reply.ok or any("error" in each for each in lines(reply))


def image_of(api: Api, reference: str) -> str:
    """
    The id of what a reference means, or empty.
    """
    reply = api.call("GET", f"/images/{reference}/json")
    return str(reply.json()["Id"]) if reply.ok else ""


@pytest.fixture
def owners(engine: Engine, guard: StartGuard, tmp_path: Path) -> tuple[Api, Api]:
    """
    Two owners who may pull from and push to two registries of three.
    """
    allowed = json.dumps([f"127.0.0.1:{OPEN}", f"127.0.0.1:{CLOSED}/team/*"])
    file = tmp_path / "dss.toml"
    file.write_text(f"[registries]\npull = {allowed}\npush = {allowed}\n")
    a, b = (guard(engine, owner=each, options=["--config", str(file)]).api for each in "ab")
    return a, b


def test_pushed_and_pulled_by_two_owners(engine: Engine, owners: tuple[Api, Api]) -> None:
    """
    What one pushes the other pulls, each then has it, the last one's removal removes it; and
    no name moves under the other.
    """
    a, b = owners
    with registry(engine, OPEN) as host:
        name = f"{host}/app"
        first = built(a, f"{name}:1")
        assert not failed(push(a, name, "1"))
        # B has nothing of it but what the registry gives.
        assert image_of(b, f"{name}:1") == image_of(b, first) == ""
        assert failed(push(b, name, "1"))
        told = lines(pull(b, name, "1"))
        assert told[0]["id"] == "1"
        assert told[-1]["status"].endswith(f" for {name}:1")
        assert image_of(b, f"{name}:1") == image_of(a, f"{name}:1") == first
        assert names(b, first) == [f"{name}:1"]
        assert b.post("/containers/create", {"Image": f"{name}:1", "Cmd": ["true"]})["Id"]
        # Neither can move it any more, whatever the registry has.
        assert a.call("POST", "/images/busybox/tag", {"repo": name, "tag": "1"}).status == 403
        assert b.call("POST", "/images/busybox/tag", {"repo": name, "tag": "1"}).status == 403
        assert failed(push(b, name, "1"))
        engine.api.call("POST", "/images/busybox/tag", {"repo": name, "tag": "new"})
        assert not failed(push(engine.api, name, "new"))
        engine.api.call("POST", "/images/busybox/tag", {"repo": f"{host}/base", "tag": "1"})
        assert not failed(push(engine.api, f"{host}/base", "1"))
        # A shared one: the same pull changes nothing; another one is denied.
        assert "up to date" in lines(pull(a, f"{host}/base", "1"))[-1]["status"]
        moved = built(engine.api, f"{host}/base:2", "FROM busybox\nENV MOVED=1\n")
        before = image_of(engine.api, f"{host}/base:1")
        engine.api.call("POST", f"/images/{moved}/tag", {"repo": f"{host}/base", "tag": "1"})
        push(engine.api, f"{host}/base", "1")
        engine.api.call("POST", f"/images/{before}/tag", {"repo": f"{host}/base", "tag": "1"})
        reply = pull(a, f"{host}/base", "1")
        assert (reply.status, "image.pull-moves" in reply.message) == (403, True)
        assert image_of(engine.api, f"{host}/base:1") == before
        pull(engine.api, f"{host}/base", "1")
        assert image_of(engine.api, f"{host}/base:1") == moved, "the engine moves it"
        # One lets go, the other keeps it; then it goes.
        assert a.call("DELETE", f"/images/{name}:1").json()[0] == {"Untagged": f"{name}:1"}
        assert image_of(a, first) == ""
        assert image_of(b, f"{name}:1") == image_of(engine.api, f"{name}:1") == first
        for each in b.get("/containers/json", all=1):
            b.call("DELETE", f"/containers/{each['Id']}")
        gone = b.call("DELETE", f"/images/{name}:1").json()
        assert {"Deleted": first} in gone
        assert image_of(engine.api, first) == ""


def test_credentials(
    engine: Engine, owners: tuple[Api, Api], guard: StartGuard, tmp_path: Path
) -> None:
    """
    They open the registry that they are for, go nowhere else, and the image is only theirs
    who could pull it. Those of dss itself are used where a client has none.
    """
    a, b = owners
    with registry(engine, CLOSED, with_password=True) as host:
        name = f"{host}/team/app"
        built(a, f"{name}:1")
        right, wrong = auth(host), auth(host, "guess")
        assert failed(push(a, name, "1"))
        assert failed(push(a, name, "1", **wrong))
        assert not failed(push(a, name, "1", **right))
        a.call("DELETE", f"/images/{name}:1")
        assert pull(a, name, "1").status >= 400
        reply = pull(a, name, "1", **auth("index.docker.io"))
        assert (reply.status, "registry.credentials" in reply.message) == (403, True)
        assert not failed(pull(a, name, "1", **right))
        image = image_of(a, f"{name}:1")
        assert image
        for reference in (f"{name}:1", image, image[7:19]):
            assert image_of(b, reference) == ""
        for headers in ({}, wrong):
            assert pull(b, name, "1", **headers).status >= 400
        assert image_of(b, image) == ""
        assert a.call("GET", f"/distribution/{name}:1/json", headers=right).ok
        assert a.call("GET", f"/distribution/{host}/else:1/json", headers=right).status == 403
        body = {"username": USER, "password": PASSWORD, "serveraddress": host}
        assert a.post("/auth", body)["Status"] == "Login Succeeded"
        assert a.call("POST", "/auth", body={**body, "password": "x"}).status >= 400
        with registry(engine, FOREIGN) as foreign:
            body["serveraddress"] = foreign
            assert a.call("POST", "/auth", body=body).status == 403
            assert engine.api.call("POST", "/auth", body=body).ok
            assert pull(a, f"{foreign}/app", "1").status == 403
            assert a.call("GET", f"/distribution/{foreign}/app:1/json").status == 403
        secrets = tmp_path / "config.json"
        pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        secrets.write_text(json.dumps({"auths": {host: {"auth": pair}}}))
        file = tmp_path / "with.toml"
        file.write_text(f'[registries]\npull = ["{name}"]\ncredentials = "{secrets}"\n')
        c = guard(engine, owner="c", options=["--config", str(file)]).api
        assert not failed(pull(c, name, "1"))
        assert image_of(c, f"{name}:1") == image
        assert pull(c, f"{host}/team/other", "1").status == 403
        assert c.call("POST", "/auth", body={"serveraddress": "docker.io"}).status == 403


def test_a_pull_that_breaks_off(engine: Engine, owners: tuple[Api, Api]) -> None:
    """
    Nothing is recorded, and what comes all the same is nobody else's.
    """
    a, b = owners
    with registry(engine, OPEN) as host:
        name = f"{host}/app"
        built(engine.api, f"{name}:1")
        assert not failed(push(engine.api, name, "1"))
        engine.api.call("DELETE", f"/images/{name}:1")
        assert failed(pull(a, name, "missing"))
        with engine_connection(a) as connection:
            target = f"/images/create?fromImage={name}&tag=1"
            connection.request("POST", target)
            connection.getresponse().read(1)
        assert image_of(b, f"{name}:1") == ""
        assert not failed(pull(a, name, "1"))
        assert image_of(a, f"{name}:1")
        assert image_of(b, f"{name}:1") == ""


def engine_connection(api: Api) -> Any:
    """
    A connection that is closed at the end of the block, whatever it was at.
    """
    return contextlib.closing(Connection(api.socket, api.timeout))
