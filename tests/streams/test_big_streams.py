"""
A gigabyte in each direction, with one side slower than the other: it arrives whole,
and dss stays small.
"""

from __future__ import annotations

import hashlib
import os
import tarfile

import pytest

from tests.conftest import StartGuard
from tests.engines.api import Raw, demultiplex
from tests.engines.machine import Engine
from tests.streams.carrying import (
    GIGABYTE,
    PATIENCE,
    SlowReader,
    assert_small,
    digest_of_reply,
    ended,
    reply,
    started,
    take_stdout,
    wait_until_still,
)

# On one engine: each of these takes a while, and what they try is dss's own buffers, which are
# the same before each engine. That streams work at all is tried on the others elsewhere.
pytestmark = [pytest.mark.engine, pytest.mark.parametrize("engine", ["sid"], indirect=True)]

# A gigabyte that costs the disk little: random megabytes with holes between them, so
# that bytes which are lost, doubled or out of place change the checksum.
_MAKE_BIG = (
    f"truncate -s {GIGABYTE} /big && for at in $(seq 0 64 1023); do "
    "dd if=/dev/urandom of=/big bs=1M count=1 seek=$at conv=notrunc 2>/dev/null || exit 1; done"
)

# More than this is not on its way to a container that does not read.
_FULL = GIGABYTE // 10
_QUIET = {"LogConfig": {"Type": "none"}}


@pytest.mark.parametrize("what", ["export", "archive?path=/big"])
def test_files_arrive_whole(engine: Engine, guard: StartGuard, what: str) -> None:
    """
    A C{docker export} and a C{docker cp} out, each read slowly.
    """
    guarded = guard(engine)
    id = ended(guarded.api, _MAKE_BIG)
    path = f"/containers/{id}/{what}"
    straight = digest_of_reply(engine.api, path)
    assert digest_of_reply(guarded.api, path, guarded) == straight
    assert_small(guarded)


def test_what_a_container_writes_arrives_whole(engine: Engine, guard: StartGuard) -> None:
    """
    An attached container's output, read slowly.
    """
    guarded = guard(engine)
    command = f"[ -e /big ] || {{ {_MAKE_BIG}; exit; }}; exec cat /big"
    id = ended(guarded.api, command, HostConfig=_QUIET)
    reader = SlowReader(guarded)
    with guarded.api.hijack("POST", _attach(id, "stdout")) as attached:
        assert attached.status == 101
        attached.sock.settimeout(PATIENCE)
        guarded.api.post(f"/containers/{id}/start")
        take_stdout(attached, reader)
    assert reader.length == GIGABYTE
    assert reader.digest == _file_digest(engine, id)
    assert_small(guarded)


def test_a_log_arrives_whole(engine: Engine, guard: StartGuard) -> None:
    """
    C{docker logs}, read slowly.
    """
    guarded = guard(engine)
    command = f"head -c {GIGABYTE // 4 * 3} /dev/urandom | base64 -w 0"
    logging = {"Type": "local", "Config": {"max-size": "4g"}}
    # Made straight at the engine: which log drivers an owner may use is no matter here.
    labels = {"com.dss.owner": guarded.owner}
    id = ended(engine.api, command, Labels=labels, HostConfig={"LogConfig": logging})
    path = f"/containers/{id}/logs?stdout=1&stderr=1"
    straight = digest_of_reply(engine.api, path)
    assert digest_of_reply(guarded.api, path, guarded) == straight
    assert_small(guarded)


def test_what_a_container_reads_arrives_whole(engine: Engine, guard: StartGuard) -> None:
    """
    An attached container's input. While it does not read, its client can't send on;
    when it reads, it gets all.
    """
    guarded = guard(engine)
    command = "until [ -e /tmp/go ]; do sleep 0.1; done; exec sha256sum"
    stdin = {"OpenStdin": True, "StdinOnce": True, "AttachStdin": True}
    id = started(guarded.api, command, HostConfig=_QUIET, **stdin)
    with guarded.api.hijack("POST", _attach(id, "stdin", "stdout")) as attached:
        assert attached.status == 101
        position = _send_until_full(attached, guarded.pid)
        assert position < _FULL
        assert_small(guarded)
        engine.api.call("PUT", f"/containers/{id}/archive", {"path": "/tmp"}, _tar_of("go"))
        attached.sock.settimeout(PATIENCE)
        while position < GIGABYTE:
            rest = _content(position)
            attached.sock.sendall(rest)
            position += len(rest)
        attached.half_close()
        out, _ = demultiplex(attached.rest())
    digest = hashlib.sha256()
    for position in range(0, GIGABYTE, _BLOCK):
        digest.update(_content(position))
    assert out.split() == [digest.hexdigest().encode(), b"-"]
    assert_small(guarded)


def test_an_archive_in_arrives_whole(engine: Engine, guard: StartGuard) -> None:
    """
    A C{docker cp} in, in chunks.
    """
    guarded = guard(engine)
    id = ended(guarded.api, "true")
    entry = tarfile.TarInfo("in")
    entry.size = GIGABYTE
    with Raw.connect(guarded.socket, PATIENCE) as put:
        head = f"PUT /containers/{id}/archive?path=/tmp HTTP/1.1\r\nHost: engine\r\n"
        put.send(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        digest = hashlib.sha256()
        _send_chunk(put, entry.tobuf())
        for position in range(0, GIGABYTE, _BLOCK):
            digest.update(_content(position))
            _send_chunk(put, _content(position))
        _send_chunk(put, bytes(2 * tarfile.BLOCKSIZE))
        _send_chunk(put, b"")
        put.read_head()
        assert put.status == 200, put.reply()
    assert _file_digest(engine, id, "/tmp/in") == digest.hexdigest()
    assert_small(guarded)


_BLOCK = 1 << 20
_RANDOM = os.urandom(_BLOCK - 8)


def _content(position: int) -> memoryview:
    """
    What is sent at a position, up to the end of its block: random bytes, after the
    block's number.
    """
    number, offset = divmod(position, _BLOCK)
    return memoryview(number.to_bytes(8, "big") + _RANDOM)[offset:]


def _send_until_full(attached: Raw, pid: int) -> int:
    attached.sock.setblocking(False)
    position = 0
    full = False
    while position < _FULL:
        try:
            position += attached.sock.send(_content(position))
            full = False
        except BlockingIOError:
            if full:
                break
            # What is on its way may yet make room.
            wait_until_still(pid)
            full = True
    return position


def _send_chunk(put: Raw, data: bytes | memoryview) -> None:
    put.send(b"%x\r\n%b\r\n" % (len(data), bytes(data)))


def _attach(id: str, *streams: str) -> str:
    return f"/containers/{id}/attach?stream=1&" + "&".join(f"{each}=1" for each in streams)


def _tar_of(name: str) -> bytes:
    """
    A tar of one empty file.
    """
    return tarfile.TarInfo(name).tobuf() + bytes(2 * tarfile.BLOCKSIZE)


def _file_digest(engine: Engine, id: str, path: str = "/big") -> str:
    """
    The SHA-256 of a container's file, straight from the engine.
    """
    digest = hashlib.sha256()
    with (
        reply(engine.api, f"/containers/{id}/archive?path={path}") as answered,
        tarfile.open(fileobj=answered, mode="r|", bufsize=_BLOCK) as archive,
    ):
        entry = archive.next()
        assert entry is not None
        content = archive.extractfile(entry)
        assert content is not None
        while data := content.read(_BLOCK):
            digest.update(data)
    return digest.hexdigest()
