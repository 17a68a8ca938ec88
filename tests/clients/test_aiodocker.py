"""
aiodocker through dss: many things at once, and a websocket to attach.
"""

from __future__ import annotations

import asyncio
import io
import tarfile
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import aiodocker
import pytest

from tests.clients.sides import Side, Sides, both_ways
from tests.engines.patience import PATIENCE

pytestmark = pytest.mark.engine

_TIMEOUT = 30


def with_aiodocker(
    body: Callable[[Side, Any], Coroutine[Any, Any, None]],
) -> Callable[[Sides], None]:
    """
    Make a test of a coroutine that is given a connected client on either side.
    """

    async def connected(side: Side) -> None:
        async with aiodocker.Docker(url=side.host) as client:
            await asyncio.wait_for(body(side, client), _TIMEOUT)

    def waited(side: Side) -> None:
        _in_a_loop_of_its_own(lambda: connected(side))

    waited.__name__ = body.__name__
    waited.__doc__ = body.__doc__
    return both_ways(waited)


def _in_a_loop_of_its_own(start: Callable[[], Coroutine[Any, Any, None]]) -> None:
    # The tests' own thread may run a reactor on asyncio's loop already.
    failures: list[BaseException] = []

    def work() -> None:
        try:
            asyncio.run(start())
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]


def _config(*command: str, **more: Any) -> dict[str, Any]:
    return {"Image": "busybox:latest", "Cmd": list(command), **more}


@with_aiodocker
async def test_life(side: Side, client: Any) -> None:
    """
    From create to delete.
    """
    web = await client.containers.create(
        _config("sleep", "60", Labels={"a": "b"}, StopSignal="KILL"), name="web"
    )
    await web.start()
    await web.pause()
    await web.unpause()
    await web.restart()
    facts = await web.show()
    side.see("facts", facts)
    await web.rename("shop")
    assert [each.id for each in await client.containers.list(filters='{"name":["shop"]}')] == [
        web.id
    ]
    await web.kill()
    assert (await web.wait())["StatusCode"] == 137
    await web.delete(v=True)
    with pytest.raises(aiodocker.DockerError) as missing:
        await client.containers.get("shop")
    assert missing.value.status == 404
    side.see("missing", missing.value.message)


@with_aiodocker
async def test_run_and_logs(side: Side, client: Any) -> None:
    """
    Logs as a list and followed.
    """
    web = await client.containers.run(_config("sh", "-c", "echo out; echo err >&2"), name="web")
    await web.wait()
    assert await web.log(stdout=True) == ["out\n"]
    assert await web.log(stderr=True) == ["err\n"]
    assert [line async for line in web.log(stdout=True, follow=True)] == ["out\n"]


@with_aiodocker
async def test_many_at_once(side: Side, client: Any) -> None:
    """
    Ten containers side by side.
    """

    async def one(number: int) -> int:
        script = _config("sh", "-c", f"exit {number}")
        web = await client.containers.run(script, name=f"web{number}")
        status: int = (await web.wait())["StatusCode"]
        return status

    assert await asyncio.gather(*(one(number) for number in range(10))) == list(range(10))
    assert len(await client.containers.list(all=True)) == 10


@with_aiodocker
async def test_exec(side: Side, client: Any) -> None:
    """
    Input and both outputs.
    """
    web = await client.containers.run(_config("sleep", "60"), name="web")
    instance = await web.exec(["sh", "-c", "read a; echo got $a; echo err >&2; exit 6"], stdin=True)
    async with instance.start(detach=False) as stream:
        await stream.write_in(b"word\n")
        messages = []
        while (message := await stream.read_out()) is not None:
            messages.append((message.stream, message.data))
    assert sorted(messages) == [(1, b"got word\n"), (2, b"err\n")]
    facts = await instance.inspect()
    assert facts["ExitCode"] == 6
    side.see("exec", facts)


@with_aiodocker
async def test_attach(side: Side, client: Any) -> None:
    """
    By hijack.
    """
    config = _config("cat", OpenStdin=True, AttachStdin=True, AttachStdout=True)
    web = await client.containers.create(config, name="web")
    async with web.attach(stdin=True, stdout=True, stderr=True) as stream:
        await web.start()
        await stream.write_in(b"hello\n")
        message = await stream.read_out()
        assert message.data == b"hello\n"
        await web.kill()
        assert await stream.read_out() is None


@with_aiodocker
async def test_websocket(side: Side, client: Any) -> None:
    """
    By websocket, as aiohttp speaks it.
    """
    web = await client.containers.create(
        _config("cat", OpenStdin=True, Tty=True, AttachStdin=True, AttachStdout=True), name="web"
    )
    await web.start()
    socket = await web.websocket(stdin=True, stdout=True, stderr=True, stream=True)
    await socket.send_str("hello\n")
    got = b""
    while b"hello\r\n" not in got:
        message = await socket.receive(timeout=PATIENCE)
        got += message.data if isinstance(message.data, bytes) else str(message.data).encode()
    await socket.close()


@with_aiodocker
async def test_archives(side: Side, client: Any) -> None:
    """
    A tar in and out.
    """
    web = await client.containers.create(_config("true"), name="web")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        entry = tarfile.TarInfo("note")
        entry.size = 5
        tar.addfile(entry, io.BytesIO(b"hello"))
    await web.put_archive("/tmp", packed.getvalue())
    got = await web.get_archive("/tmp/note")
    member = got.extractfile("note")
    assert member.read() == b"hello"


@with_aiodocker
async def test_events(side: Side, client: Any) -> None:
    """
    Subscribed before something happens.
    """
    subscriber = client.events.subscribe(since=f"{time.time():.6f}")
    web = await client.containers.create(_config("true"), name="web")
    while True:
        event = await asyncio.wait_for(subscriber.get(), PATIENCE)
        assert event is not None
        if event["Type"] == "container":
            break
    assert (event["Action"], event["Actor"]["ID"]) == ("create", web.id)
    await client.events.stop()


@with_aiodocker
async def test_figures(side: Side, client: Any) -> None:
    """
    Statistics as a stream, and the processes.
    """
    web = await client.containers.run(_config("sleep", "60"), name="web")
    async for figures in web.stats(stream=True):
        assert figures["id"] == web.id
        break
    assert len((await web.top())["Processes"]) == 1


@with_aiodocker
async def test_the_system(side: Side, client: Any) -> None:
    """
    Version, info and images.
    """
    version = await client.version()
    side.see("version", version["ApiVersion"])
    assert (await client.system.info())["OSType"] == "linux"
    side.see("image", await client.images.inspect("busybox:latest"))
