"""
docker-py through dss: the library that most Python tools use.
"""

from __future__ import annotations

import io
import socket
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import docker
import pytest
from docker.errors import APIError, ContainerError, ImageNotFound, NotFound

from tests.clients.sides import Side, Sides, both_ways
from tests.engines.api import demultiplex
from tests.engines.patience import PATIENCE, eventually

pytestmark = pytest.mark.engine

_SLEEP = ["sleep", "60"]


@contextmanager
def _connected(side: Side) -> Iterator[Any]:
    client = docker.DockerClient(base_url=side.host, timeout=int(PATIENCE))
    try:
        yield client
    finally:
        client.close()


def with_docker_py(body: Callable[[Side, Any], None]) -> Callable[[Sides], None]:
    """
    Make a test of a body that is given a connected client on either side.
    """

    def connected(side: Side) -> None:
        with _connected(side) as client:
            body(side, client)

    connected.__name__ = body.__name__
    connected.__doc__ = body.__doc__
    return both_ways(connected)


@with_docker_py
def test_run(side: Side, client: Any) -> None:
    """
    In the foreground: the output, or an error with the status.
    """
    assert client.containers.run("busybox", "echo hi", remove=True) == b"hi\n"
    with pytest.raises(ContainerError) as failed:
        client.containers.run("busybox", ["sh", "-c", "echo bad >&2; exit 3"], remove=True)
    assert failed.value.exit_status == 3
    stderr: Any = failed.value.stderr
    assert stderr == b"bad\n"
    both = ["sh", "-c", "echo out; echo err >&2"]
    out = client.containers.run("busybox", both, stdout=True, stderr=True, remove=True)
    assert sorted(out.split()) == [b"err", b"out"]


@with_docker_py
def test_life(side: Side, client: Any) -> None:
    """
    Everything that changes a state.
    """
    web = client.containers.run("busybox", _SLEEP, name="web", detach=True, labels={"a": "b"})
    assert web.status in ("created", "running")
    web.pause()
    web.reload()
    assert web.status == "paused"
    web.unpause()
    web.rename("shop")
    web.update(mem_limit="64m", memswap_limit="64m")
    web.restart(timeout=0)
    web.reload()
    assert (web.name, web.status) == ("shop", "running")
    assert web.attrs["HostConfig"]["Memory"] == 64 << 20
    side.see("labels", web.labels)
    web.kill(signal="KILL")
    assert web.wait(timeout=PATIENCE)["StatusCode"] == 137
    web.start()
    web.stop(timeout=0)
    web.remove(v=True)
    with pytest.raises(NotFound) as missing:
        client.containers.get("shop")
    side.see("missing", missing.value.explanation)


@with_docker_py
def test_attributes(side: Side, client: Any) -> None:
    """
    Inspect and list, whole.
    """
    client.containers.create(
        "alpine:3.20",
        ["true"],
        name="web",
        environment={"A": "1"},
        labels={"x": "y"},
        mem_limit="32m",
        nano_cpus=10**8,
        read_only=True,
        init=True,
        extra_hosts={"db": "10.1.2.3"},
    )
    web = client.containers.get("web")
    side.see("attrs", web.attrs)
    side.see("image", web.image.tags)
    side.see("list", client.api.containers(all=True, size=True))
    side.see("sparse", [each.id for each in client.containers.list(all=True, sparse=True)])


@with_docker_py
def test_volumes_made_on_the_side(side: Side, client: Any) -> None:
    """
    An anonymous and a named one: how they are asked of the engine differs, since
    they are given an owner, but not what the container gets.
    """
    shared = {"cache": {"bind": "/cache", "mode": "ro"}}
    web = client.containers.run(
        "busybox", _SLEEP, name="web", detach=True, volumes=["/data", "cache:/cache:ro"]
    )
    seen = sorted((each["Destination"], each["Type"], each["RW"]) for each in web.attrs["Mounts"])
    assert seen == [("/cache", "volume", False), ("/data", "volume", True)]
    again = client.containers.run("busybox", ["ls", "/cache"], volumes=shared, remove=True)
    assert again == b""
    names = {each["Name"] for each in side.engine.api.get("/volumes")["Volumes"]}
    assert len(names) == 2
    web.remove(v=True, force=True)
    assert [each["Name"] for each in side.engine.api.get("/volumes")["Volumes"]] == ["cache"]


@with_docker_py
def test_lists(side: Side, client: Any) -> None:
    """
    With filters, a limit, and parameters that no engine reads.
    """
    for name, tier in (("one", "web"), ("two", "db"), ("three", "db")):
        client.containers.create("busybox", _SLEEP, name=name, labels={"tier": tier})

    def names(**options: Any) -> list[str]:
        return sorted(each.name for each in client.containers.list(all=True, **options))

    assert names() == ["one", "three", "two"]
    assert names(filters={"label": "tier=db"}) == ["three", "two"]
    assert names(filters={"label": ["tier=db"], "name": "tw"}) == ["two"]
    assert names(filters={"status": "running"}) == []
    assert names(limit=1) == ["three"]
    # docker-py sends these two as parameters that no engine since API 1.24 reads.
    assert names(since="one", before="two") == ["one", "three", "two"]
    assert names(filters={"since": "one", "ancestor": "busybox"}) == ["three", "two"]


@with_docker_py
def test_logs(side: Side, client: Any) -> None:
    """
    Whole, streamed, and each output by itself.
    """
    web = client.containers.run(
        "busybox", ["sh", "-c", "echo one; echo two >&2; echo three"], name="web", detach=True
    )
    web.wait(timeout=int(PATIENCE))
    assert sorted(web.logs().split()) == [b"one", b"three", b"two"]
    assert web.logs(stdout=True, stderr=False) == b"one\nthree\n"
    assert web.logs(stdout=False) == b"two\n"
    count = client.containers.run("busybox", ["seq", "3"], name="count", detach=True)
    count.wait(timeout=int(PATIENCE))
    assert count.logs(tail=1) == b"3\n"
    assert b"".join(web.logs(stream=True, follow=True, stderr=False)) == b"one\nthree\n"
    assert web.logs(since=int(time.time()) + 1000) == b""
    assert len(web.logs(timestamps=True).splitlines()) == 3


@with_docker_py
def test_exec(side: Side, client: Any) -> None:
    """
    Demultiplexed, streamed, through a socket, and its status.
    """
    web = client.containers.run("busybox", _SLEEP, name="web", detach=True)
    script = ["sh", "-c", "echo out; echo err >&2; exit 4"]
    status, (out, err) = web.exec_run(script, demux=True)
    assert (status, out, err) == (4, b"out\n", b"err\n")
    assert b"".join(web.exec_run(["seq", "3"], stream=True).output) == b"1\n2\n3\n"
    done = web.exec_run(["env"], environment=["A=b"], user="1000", workdir="/tmp")
    assert b"A=b\n" in done.output
    assert web.exec_run(["tty"], tty=True).output == b"/dev/pts/0\r\n"
    made = client.api.exec_create(web.id, ["cat"], stdin=True)
    with _opened(client.api.exec_start(made["Id"], socket=True)) as raw:
        raw.sendall(b"through")
        raw.shutdown(socket.SHUT_WR)
        assert demultiplex(_rest(raw)) == (b"through", b"")
    facts = client.api.exec_inspect(made["Id"])
    side.see("exec", facts)
    assert facts["ExitCode"] == 0
    client.api.exec_start(client.api.exec_create(web.id, ["touch", "/mark"])["Id"], detach=True)
    eventually(lambda: web.exec_run(["ls", "/mark"]).exit_code == 0, "the command's effect")


@with_docker_py
def test_attach_socket(side: Side, client: Any) -> None:
    """
    Words in, words out, and the end of the container ends the stream.
    """
    web = client.containers.create("busybox", ["cat"], name="web", stdin_open=True)
    params = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
    with _opened(web.attach_socket(params=params)) as raw:
        web.start()
        raw.sendall(b"hello\n")
        assert raw.recv(8, socket.MSG_WAITALL)[0] == 1
        assert raw.recv(6, socket.MSG_WAITALL) == b"hello\n"
        web.kill()
        assert _rest(raw) == b""


@with_docker_py
def test_archives(side: Side, client: Any) -> None:
    """
    A tar in, a tar out, and the facts of a path.
    """
    web = client.containers.create("busybox", name="web")
    data = bytes(range(256)) * 5000
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        entry = tarfile.TarInfo("blob")
        entry.size, entry.mtime = len(data), 1_000_000_000
        tar.addfile(entry, io.BytesIO(data))
    assert web.put_archive("/tmp", packed.getvalue())
    chunks, facts = web.get_archive("/tmp/blob")
    side.see("facts", facts)
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
        member = tar.extractfile("blob")
        assert member is not None
        assert member.read() == data
    with pytest.raises(NotFound) as missing:
        web.get_archive("/no/such")
    side.see("missing", missing.value.explanation)


@with_docker_py
def test_looking_inside(side: Side, client: Any) -> None:
    """
    Processes, changes, figures, and the whole file system.
    """
    web = client.containers.run(
        "busybox", ["sh", "-c", "touch /new; exec sleep 60"], name="web", detach=True
    )
    eventually(lambda: {"Path": "/new", "Kind": 1} in (web.diff() or []), "the change")
    side.see("diff", web.diff())
    top = web.top(ps_args="aux")
    side.see("titles", top["Titles"])
    assert len(top["Processes"]) == 1
    figures = web.stats(stream=False)
    assert figures["id"] == web.id
    side.see("stats", sorted(figures))
    stream = web.stats(stream=True, decode=True)
    assert next(stream)["id"] == web.id
    stream.close()
    with tarfile.open(fileobj=io.BytesIO(b"".join(web.export()))) as tar:
        side.see("export", sorted(tar.getnames()))
    web.resize(30, 100)


@with_docker_py
def test_waits(side: Side, client: Any) -> None:
    """
    For the next exit, for what has ended, and for the removal.
    """
    web = client.containers.run("busybox", ["sh", "-c", "exit 9"], name="web", detach=True)
    assert web.wait(timeout=PATIENCE)["StatusCode"] == 9
    assert web.wait(timeout=PATIENCE, condition="not-running")["StatusCode"] == 9
    # The oldest engine takes a condition that it does not know for the default.
    if side.engine.suite != "bookworm":
        with pytest.raises(APIError) as odd:
            web.wait(timeout=PATIENCE, condition="odd")
        side.see("odd", odd.value.explanation)


@with_docker_py
def test_events(side: Side, client: Any) -> None:
    """
    Of the past, decoded, and filtered.
    """
    begin = time.time()
    web = client.containers.run("busybox", ["true"], name="web", detach=True)
    web.wait(timeout=int(PATIENCE))
    eventually(lambda: client.containers.get("web").status == "exited", "its end")
    window = {"since": f"{begin:.9f}", "until": f"{time.time():.9f}"}
    filters = {"type": "container", "container": "web"}
    told = list(client.api.events(**window, filters=filters, decode=True))
    assert [each["Action"] for each in told] == ["create", "start", "die"]
    side.see("events", told)
    stream = client.events(since=window["since"], decode=True)
    assert next(stream)["Actor"]["ID"] == web.id
    stream.close()


@with_docker_py
def test_prune(side: Side, client: Any) -> None:
    """
    What stopped goes.
    """
    gone = client.containers.create("busybox", name="gone")
    kept = client.containers.run("busybox", _SLEEP, name="kept", detach=True)
    done = client.containers.prune(filters={"label!": ["none"]})
    assert done["ContainersDeleted"] == [gone.id]
    side.see("space", done["SpaceReclaimed"])
    kept.reload()


@with_docker_py
def test_images(side: Side, client: Any) -> None:
    """
    What running a container needs to know of them.
    """
    image = client.images.get("busybox")
    side.see("attrs", image.attrs)
    side.see("list", sorted(tag for each in client.images.list() for tag in each.tags))
    side.see("api", client.api.images(name="alpine"))
    with pytest.raises(ImageNotFound) as missing:
        client.images.get("no-such")
    side.see("missing", missing.value.explanation)
    with pytest.raises(APIError) as unknown:
        client.containers.create("no-such")
    side.see("unknown", unknown.value.explanation)


@with_docker_py
def test_a_build(side: Side, client: Any) -> None:
    """
    The classic builder, from a Dockerfile in memory.
    """
    text = io.BytesIO(b'FROM busybox\nENV A=b\nRUN echo made > /made\nCMD ["cat", "/made"]\n')
    image, lines = client.images.build(fileobj=text, tag="built:two", nocache=True, rm=True)
    assert any("Successfully built" in line.get("stream", "") for line in lines)
    assert client.containers.run(image.id, remove=True) == b"made\n"


@with_docker_py
def test_the_system(side: Side, client: Any) -> None:
    """
    Ping, version and info.
    """
    assert client.ping()
    version = client.version()
    side.see("version", [version["ApiVersion"], version["Os"]])
    assert client.info()["OSType"] == "linux"


@contextmanager
def _opened(stream: Any) -> Iterator[socket.socket]:
    # docker-py hands out the file object of a connection; its socket is inside.
    raw: socket.socket = stream._sock
    raw.settimeout(PATIENCE)
    try:
        yield raw
    finally:
        stream.close()


def _rest(raw: socket.socket) -> bytes:
    data = b""
    while more := raw.recv(65536):
        data += more
    return data
