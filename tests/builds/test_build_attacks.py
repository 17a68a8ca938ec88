"""
Builds that reach beyond their context: nothing of them runs, by what the engine then has.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tarfile
from collections.abc import Callable, Mapping
from typing import Any

import docker
import pytest

from dss.model.owner import OWNER_LABEL
from tests.engines.api import Api, Raw, Reply, target
from tests.engines.cleaning import Contents
from tests.engines.guard import Guard
from tests.engines.machine import Engine
from tests.owners.pair import Pair

pytestmark = pytest.mark.engine

_PACKINGS: Mapping[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lambda data: lzma.compress(data, preset=6),
}


@pytest.fixture
def pair(engine: Engine, shared_guard: Callable[[Engine, str], Guard]) -> Pair:
    """
    Two owners at one engine; B has an image.
    """
    pair = Pair(engine, shared_guard(engine, "a").api, shared_guard(engine, "b").api)
    made = _build(pair.b, _context({"Dockerfile": "FROM busybox\nENV SECRET=b\n"}), "b-private:1")
    assert _built(made), made.body
    return pair


_ATTACKS = {
    "FROM": "FROM b-private:1\nRUN true\n",
    "FROM in lower case": "from b-private:1\n",
    "FROM by a default": "ARG X=b-private:1\nFROM $X\n",
    "FROM by a fallback": "ARG X\nFROM ${X:-b-private:1}\n",
    "FROM by an argument of the client": "ARG Y=busybox\nFROM ${Y}\n",
    "FROM by quotes": 'FROM "b-private:1"\n',
    "FROM over two lines": "FROM \\\n# a comment\n\n b-private:1\n",
    "FROM with another escape": "# escape=`\nFROM `\n b-private:1\n",
    "FROM in a later stage": "FROM busybox\nFROM b-private:1\n",
    "FROM in an earlier stage": "FROM b-private:1 AS x\nFROM busybox\nCOPY --from=x /bin /x\n",
    "FROM after an indented comment": "FROM busybox\nRUN true \\\n  # x\nFROM b-private:1\n",
    "FROM after a here-document": "FROM busybox\nRUN <<'E\\'\nE\\\nFROM b-private:1\n",
    "FROM of an address": "FROM 127.0.0.1:9/x\n",
    "COPY --from": "FROM busybox\nCOPY --from=b-private:1 /bin /x\n",
    "COPY --from of a later stage": "FROM busybox\nCOPY --from=b-private /bin /x\n",
    "COPY --from in quotes": 'FROM busybox\nCOPY --fr"om"=b-private:1 /bin /x\n',
    "ADD of an address": "FROM busybox\nADD http://127.0.0.1:9/x /x\n",
    "ADD of an address in JSON": 'FROM busybox\nADD ["http:\\u002f\\u002f127.0.0.1:9/x", "/x"]\n',
    "ADD of a variable": "FROM busybox\nENV U=http://127.0.0.1:9/x\nADD $U /x\n",
    "ADD of a repository": "FROM busybox\nADD git@127.0.0.1:x.git /x\n",
    "LABEL": "FROM busybox AS x\nLABEL com.dss.owner=b\nFROM x\n",
    "LABEL in quotes": 'FROM busybox AS x\nLABEL a=b "com.dss".Owner=b\nFROM x\n',
    "LABEL of a variable": "FROM busybox AS x\nENV K=com.dss.owner\nLABEL $K=b\nFROM x\n",
    "LABEL of the old form": "FROM busybox AS x\nLABEL com.dss.owner b\nFROM x\n",
    "ONBUILD LABEL": "FROM busybox AS x\nONBUILD LABEL com.dss.owner=b\nFROM x\n",
    "ONBUILD COPY": "FROM busybox\nONBUILD COPY --from=b-private:1 /bin /x\n",
    "ONBUILD ADD": "FROM busybox\nONBUILD ADD http://127.0.0.1:9/x /x\n",
}


@pytest.mark.parametrize("packing", ["plain", "gzip"])
@pytest.mark.parametrize("attack", _ATTACKS)
def test_what_reaches_out_of_a_build(pair: Pair, attack: str, packing: str) -> None:
    """
    It is denied in the engine's shape; the engine has made nothing.
    """
    before = Contents.of(pair.engine.api)
    context = _PACKINGS[packing](_context({"Dockerfile": _ATTACKS[attack]}))
    arguments = {"Y": "b-private:1"}
    reply = _build(pair.a, context, "stolen:1", buildargs=json.dumps(arguments))
    assert reply.status in (400, 403), reply.body
    assert set(reply.json()) == {"message"}
    assert Contents.of(pair.engine.api) == before


_ALLOWED = {
    "stages": (
        "FROM busybox AS one\nRUN echo 1 > /one\nFROM scratch AS two\nCOPY --from=one /one /two\n"
        "FROM one\nCOPY --from=1 /two /three\nCOPY --from=TWO /two /four\nRUN cat /three /four\n"
    ),
    "an argument": "ARG X=busy\nARG Y\nFROM ${X}box${Y:+:no}\nRUN true\n",
    "the client's argument": "ARG Y=none\nFROM $Y\n",
    "an image in COPY": "FROM scratch\nCOPY --from=busybox /bin/true /true\n",
    "a later FROM in a comment": "FROM busybox\nRUN true \\\n# x\n && true\n# FROM b-private:1\n",
    "ADD of files": 'FROM busybox\nADD file /x/\nENV D=/y\nADD ["file", "$D"]\nRUN cat /x/file\n',
    "labels": 'FROM busybox\nLABEL a="com.dss.owner=b" "c d"=$HOME\nRUN true\n',
    "triggers": "FROM busybox AS x\nONBUILD COPY file /file\nFROM x\nRUN cat /file\n",
    "another escape": "# escape=`\nFROM busybox\nRUN true `\n && true\n",
    "lines of Windows": "FROM busybox\r\nRUN true \\\r\n && true\r\n",
}


@pytest.mark.parametrize(
    ("allowed", "packing"),
    [*((each, "plain") for each in _ALLOWED), *(("stages", each) for each in list(_PACKINGS)[1:])],
)
def test_builds_that_stay_inside(pair: Pair, allowed: str, packing: str) -> None:
    """
    They make their image, which is the owner's.
    """
    context = _PACKINGS[packing](_context({"Dockerfile": _ALLOWED[allowed], "file": "held"}))
    reply = _build(
        pair.a,
        context,
        "made:1",
        buildargs=json.dumps({"Y": "busybox"} if "Y=none" in _ALLOWED[allowed] else {}),
    )
    assert _built(reply), reply.body
    config = pair.engine.api.get("/images/made:1/json")["Config"]
    assert config["Labels"][OWNER_LABEL] == "a"


def test_triggers_of_a_shared_image(pair: Pair) -> None:
    """
    What an image runs in each build upon it is judged too.
    """
    for number, trigger in enumerate(
        ["COPY --from=b-private:1 /bin /x", "LABEL com.dss.owner=b", "ADD http://127.0.0.1:9/x /"]
    ):
        name = f"shared-{number}:1"
        text = f"FROM busybox\nONBUILD {trigger}\n"
        assert _built(_build(pair.engine.api, _context({"Dockerfile": text}), name))
        before = Contents.of(pair.engine.api)
        reply = _build(pair.a, _context({"Dockerfile": f"FROM {name}\n"}), "stolen:1")
        assert reply.status == 403, reply.body
        assert Contents.of(pair.engine.api) == before
    text = "FROM busybox\nONBUILD RUN echo x > /x\n"
    assert _built(_build(pair.engine.api, _context({"Dockerfile": text}), "shared:1"))
    assert _built(_build(pair.a, _context({"Dockerfile": "FROM shared:1\n"}), "made:1"))


def _linked(name: str, to: str) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = tarfile.SYMTYPE, to
    return entry


_HIDDEN: Mapping[str, list[Any]] = {
    "a second one": [("Dockerfile", "FROM busybox\n"), ("./Dockerfile", "FROM b-private:1\n")],
    "by a detour": [("Dockerfile", "FROM busybox\n"), ("a/../Dockerfile", "FROM b-private:1\n")],
    "from the root": [("Dockerfile", "FROM busybox\n"), ("/Dockerfile", "FROM b-private:1\n")],
    "a link": [("evil", "FROM b-private:1\n"), _linked("Dockerfile", "evil")],
    "through a link": [
        ("Dockerfile", "FROM busybox\n"),
        _linked("d", "."),
        ("d/Dockerfile", "FROM b-private:1\n"),
    ],
    "in lower case": [("dockerfile", "FROM b-private:1\n")],
    "none": [("file", "x")],
}


@pytest.mark.parametrize("hidden", _HIDDEN)
def test_hidden_dockerfiles(pair: Pair, hidden: str) -> None:
    """
    The one that dss reads is the one that the engine reads.
    """
    before = Contents.of(pair.engine.api)
    for packing in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        reply = _build(pair.a, _archive(_HIDDEN[hidden], packing), "stolen:1")
        assert reply.status in (400, 403), reply.body
    assert Contents.of(pair.engine.api) == before
    # The same without dss shows what it would have come to.
    straight = _build(pair.engine.api, _archive(_HIDDEN[hidden]), "stolen:1")
    if hidden != "none":
        assert _built(straight), straight.body
        config = pair.engine.api.get("/images/stolen:1/json")["Config"]
        assert "SECRET=b" in config["Env"]


def test_the_lower_case_name_and_others(pair: Pair) -> None:
    """
    The Dockerfile may have another name, or lie in a directory.
    """
    text = "FROM busybox\nRUN true\n"
    for name, parameter in (
        ("dockerfile", ""),
        ("sub/Other", "sub/Other"),
        ("./sub/x", "./sub//x"),
        ("Dockerfile.own", "/Dockerfile.own"),
    ):
        reply = _build(pair.a, _context({name: text}), "made:1", dockerfile=parameter)
        assert _built(reply), (name, reply.body)


@pytest.mark.parametrize("chunked", [True, False])
def test_an_archive_s_end_waits_for_the_judgement(pair: Pair, chunked: bool) -> None:
    """
    A client that sends everything but the request's end gets its denial at once, and the
    engine has made nothing; the same with an allowed Dockerfile is built.
    """
    for text, good in (("FROM b-private:1\n", False), ("FROM busybox\n", True)):
        before = Contents.of(pair.engine.api)
        body = _context({"Dockerfile": text})
        with Raw.connect(pair.a.socket) as raw:
            framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
            where = target("/build", {"t": "raw:1"})
            raw.send(f"POST {where} HTTP/1.1\r\nHost: d\r\n{framing}\r\n\r\n".encode())
            for start in range(0, len(body), 1000):
                piece = body[start : start + 1000]
                raw.send(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
            if good and chunked:
                # The engine reads on to the body's end before it begins.
                raw.send(b"0\r\n\r\n")
            raw.read_head()
            assert (raw.status == 200) is good, raw.status
            if good:
                assert b"Successfully tagged" in raw.until(b"raw:1\\n")
        if not good:
            assert Contents.of(pair.engine.api) == before


def test_docker_py(pair: Pair) -> None:
    """
    From a directory, with a Dockerfile of another name, and from a file object.
    """
    client = docker.DockerClient(base_url=f"unix://{pair.a.socket}")
    try:
        client.images.build(fileobj=io.BytesIO(b"FROM busybox\nRUN true\n"), tag="made:1")
        packed = io.BytesIO(gzip.compress(_context({"own": "FROM busybox\nRUN true\n"})))
        client.images.build(
            fileobj=packed, custom_context=True, encoding="gzip", dockerfile="own", tag="made:2"
        )
        with pytest.raises(docker.errors.APIError, match="denied by dss"):
            client.images.build(fileobj=io.BytesIO(b"FROM b-private:1\n"), tag="stolen:1")
    finally:
        client.close()
    names = {tag for each in pair.engine.api.get("/images/json") for tag in each["RepoTags"] or ()}
    assert {"made:1", "made:2"} <= names
    assert "stolen:1" not in names


def _context(files: Mapping[str, str]) -> bytes:
    return _archive(list(files.items()))


def _archive(members: list[Any], packing: int = tarfile.PAX_FORMAT) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=packing) as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
                continue
            name, text = member
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    return packed.getvalue()


def _build(api: Api, context: bytes, tag: str, **query: Any) -> Reply:
    return api.call("POST", "/build", {"t": tag, "rm": 1, **query}, context)


def _built(reply: Reply) -> bool:
    return reply.ok and b"Successfully tagged" in reply.body
