"""
The contract of streams: attach, exec, logs, wait, and the connections below them.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.contract.sides import Contracted, InMemory, OnEngines, demultiplexed
from tests.engines.api import Raw
from tests.engines.patience import eventually

_RAW = "application/vnd.docker.raw-stream"
_MULTIPLEXED = "application/vnd.docker.multiplexed-stream"
_INTERACTIVE = {"OpenStdin": True, "StdinOnce": True, "AttachStdin": True, "AttachStdout": True}


def _content_type(on: Contracted) -> str:
    return _MULTIPLEXED if on.version >= (1, 42) else _RAW


def _plainly(on: Contracted, path: str, body: Any = None) -> Raw:
    """
    Ask for a raw stream without an upgrade, as old clients do.
    """
    raw = Raw.connect(on.api.socket)
    data = b"" if body is None else json.dumps(body).encode()
    raw.send(
        f"POST {path} HTTP/1.1\r\nHost: e\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(data)}\r\n\r\n".encode()
        + data
    )
    raw.read_head()
    return raw


class Streams:
    """
    What holds for every engine.
    """

    def test_run_by_upgrade(self, on: Contracted) -> None:
        """
        What C{docker run -i} does: attach, wait, start, write, half-close; the output
        comes in frames, and all ends by itself.
        """
        id_ = on.create("contract-a", "cat", **_INTERACTIVE)
        with on.attach(id_) as raw:
            assert raw.status == 101
            assert raw.headers["upgrade"] == "tcp"
            assert raw.headers["connection"] == "Upgrade"
            assert raw.headers["content-type"] == _content_type(on)
            asked = {"condition": "next-exit"}
            with on.api.hijack("POST", f"/containers/{id_}/wait", asked) as waiting:
                assert waiting.status == 200
                on.api.post(f"/containers/{id_}/start")
                raw.send(b"hello\n")
                assert raw.exactly(14) == b"\1\0\0\0\0\0\0\6hello\n"
                raw.send(b"and more")
                raw.half_close()
                assert demultiplexed(raw.rest()) == (b"and more", b"")
                assert b'"StatusCode":0}' in waiting.until(b"}\n")
        assert on.stopped(id_)["ExitCode"] == 0

    def test_run_by_plain_reply(self, on: Contracted) -> None:
        """
        Without an upgrade the head is a bare 200, and the connection is raw below it.
        """
        id_ = on.create("contract-a", "cat", **_INTERACTIVE)
        query = "stream=1&stdin=1&stdout=1&stderr=1"
        with _plainly(on, f"/containers/{id_}/attach?{query}") as raw:
            assert (raw.status, raw.headers["content-type"]) == (200, _RAW)
            assert not {"transfer-encoding", "content-length", "upgrade"} & set(raw.headers)
            on.api.post(f"/containers/{id_}/start")
            raw.send(b"plain\n")
            raw.half_close()
            assert demultiplexed(raw.rest()) == (b"plain\n", b"")

    def test_bytes_sent_before_the_upgrade_are_lost(self, on: Contracted) -> None:
        """
        A client must wait for the head: what it sends in one go with its request does
        not arrive.
        """
        id_ = on.create("contract-a", "cat", **_INTERACTIVE)
        with Raw.connect(on.api.socket) as raw:
            raw.send(
                f"POST /containers/{id_}/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\n"
                "Host: e\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nearly\n".encode()
            )
            raw.read_head()
            assert raw.status == 101
            on.api.post(f"/containers/{id_}/start")
            raw.send(b"late\n")
            raw.half_close()
            assert demultiplexed(raw.rest()) == (b"late\n", b"")

    def test_output_and_errors_apart(self, on: Contracted) -> None:
        """
        Standard output and error come with their own numbers, and can be asked for
        one by one.
        """
        id_ = on.create("contract-a", "sh", "-c", "echo out; echo err >&2")
        with on.attach(id_, stdin=0) as both, on.attach(id_, stdin=0, stdout=0) as errors:
            on.api.post(f"/containers/{id_}/start")
            assert demultiplexed(both.rest()) == (b"out\n", b"err\n")
            assert demultiplexed(errors.rest()) == (b"", b"err\n")

    def test_binary(self, on: Contracted) -> None:
        """
        Every byte passes, whatever it is.
        """
        id_ = on.create("contract-a", "cat", **_INTERACTIVE)
        sent = bytes(range(256)) * 400
        with on.attach(id_) as raw:
            on.api.post(f"/containers/{id_}/start")
            raw.send(sent)
            raw.half_close()
            assert demultiplexed(raw.rest()) == (sent, b"")

    def test_terminal(self, on: Contracted) -> None:
        """
        With a terminal there are no frames, what is typed is echoed, and Ctrl-D ends
        the input.
        """
        id_ = on.create("contract-a", "cat", Tty=True, **_INTERACTIVE)
        with on.attach(id_) as raw:
            assert raw.headers["content-type"] == _RAW
            on.api.post(f"/containers/{id_}/start")
            raw.send(b"typed\n")
            assert raw.exactly(14) == b"typed\r\ntyped\r\n"
            raw.send(b"\x04")
            assert raw.rest() == b""
        assert on.stopped(id_)["ExitCode"] == 0

    def test_detach_keys(self, on: Contracted) -> None:
        """
        Ctrl-P, Ctrl-Q leaves the container running.
        """
        id_ = on.run("contract-a", "cat", Tty=True, **_INTERACTIVE)
        with on.attach(id_) as raw:
            raw.send(b"\x10")
            raw.send(b"\x11")
            assert b"Q" not in raw.rest()
        assert on.state(id_)["Running"]

    def test_two_attached(self, on: Contracted) -> None:
        """
        All who are attached get the output.
        """
        id_ = on.create("contract-a", "cat", **_INTERACTIVE)
        with on.attach(id_, stdin=0) as watching, on.attach(id_) as writing:
            on.api.post(f"/containers/{id_}/start")
            writing.send(b"to all\n")
            writing.half_close()
            assert demultiplexed(writing.rest()) == (b"to all\n", b"")
            assert demultiplexed(watching.rest()) == (b"to all\n", b"")

    def test_attach_to_nothing(self, on: Contracted) -> None:
        """
        An attach that can't be done says so, upgraded or not.
        """
        for raw in (on.attach("nope"), _plainly(on, "/containers/nope/attach?stream=1&stdout=1")):
            with raw:
                assert raw.status == 404
                assert b"No such container: nope" in raw.rest()

    def test_half_close_without_stdin_once(self, on: Contracted) -> None:
        """
        A half-close leaves a container's input open that is to stay open.
        """
        id_ = on.create("contract-a", "cat", OpenStdin=True)
        with on.attach(id_) as raw:
            on.api.post(f"/containers/{id_}/start")
            raw.send(b"one\n")
            assert raw.exactly(12)[8:] == b"one\n"
            raw.half_close()
            raw.rest()
        assert on.state(id_)["Running"]
        with on.attach(id_) as raw:
            raw.send(b"two\n")
            assert raw.exactly(12)[8:] == b"two\n"

    def test_exec_by_upgrade(self, on: Contracted) -> None:
        """
        An exec with its input open runs until the half-close.
        """
        id_ = on.run("contract-a", "sleep", "1000")
        exec_ = on.exec(id_, "cat", AttachStdin=True)
        asked = {"Detach": False, "Tty": False}
        with on.api.hijack("POST", f"/exec/{exec_}/start", body=asked) as raw:
            assert raw.status == 101
            assert raw.headers["content-type"] == _content_type(on)
            assert "api-version" in raw.headers
            raw.send(b"hello\n")
            assert raw.exactly(14)[8:] == b"hello\n"
            told = on.api.get(f"/exec/{exec_}/json")
            assert (told["Running"], told["ExitCode"]) == (True, None)
            assert on.api.get(f"/containers/{id_}/json")["ExecIDs"] == [exec_]
            raw.half_close()
            assert raw.rest() == b""
        told = eventually(
            lambda: {} if (found := on.api.get(f"/exec/{exec_}/json"))["Running"] else found,
            "the exec to end",
        )
        assert (told["ID"], told["ExitCode"], told["ContainerID"]) == (exec_, 0, id_)
        assert told["ProcessConfig"]["entrypoint"] == "cat"
        assert told["ProcessConfig"]["arguments"] == []
        assert (told["OpenStdin"], told["OpenStdout"], told["OpenStderr"]) == (True, True, True)

    @pytest.mark.parametrize("code", [0, 3])
    def test_exec_by_plain_reply(self, on: Contracted, code: int) -> None:
        """
        An exec without an upgrade, its output and its exit code.
        """
        id_ = on.run("contract-a", "sleep", "1000")
        exec_ = on.exec(id_, "sh", "-c", f"echo out; echo err >&2; exit {code}")
        with _plainly(on, f"/exec/{exec_}/start", {}) as raw:
            assert (raw.status, raw.headers["content-type"]) == (200, _RAW)
            assert demultiplexed(raw.rest()) == (b"out\n", b"err\n")
        eventually(lambda: on.api.get(f"/exec/{exec_}/json")["ExitCode"] == code, "the exit code")

    def test_exec_detached(self, on: Contracted) -> None:
        """
        A detached exec answers at once, and runs once only.
        """
        id_ = on.run("contract-a", "sleep", "1000")
        exec_ = on.exec(id_, "true")
        assert on.api.get(f"/exec/{exec_}/json")["Running"] is False
        got = on.api.call("POST", f"/exec/{exec_}/start", body={"Detach": True})
        assert (got.status, got.body) == (200, b"")
        eventually(lambda: on.api.get(f"/exec/{exec_}/json")["ExitCode"] == 0, "the exit code")
        got = on.refused("POST", f"/exec/{exec_}/start", body={"Detach": True})
        assert got.status == 409
        assert got.message.lower().endswith(f"exec command {exec_} has already run")

    def test_exec_ends_with_its_container(self, on: Contracted) -> None:
        """
        A container's end is that of its execs, and they are forgotten with it.
        """
        id_ = on.run("contract-a", "sleep", "1000")
        exec_ = on.exec(id_, "cat", AttachStdin=True)
        with on.api.hijack("POST", f"/exec/{exec_}/start", body={}) as raw:
            raw.send(b"x\n")
            raw.exactly(10)
            on.api.post(f"/containers/{id_}/kill")
            raw.rest()
        on.stopped(id_)
        on.api.delete(f"/containers/{id_}")
        assert on.api.call("GET", f"/exec/{exec_}/json").status == 404

    def test_logs(self, on: Contracted) -> None:
        """
        Logs hold both streams, with or without times, all or the last lines.
        """
        id_ = on.run("contract-a", "sh", "-c", "echo one; echo two; echo bad >&2")
        on.finish(id_)

        def logs(**query: Any) -> tuple[bytes, bytes]:
            reply = on.api.call("GET", f"/containers/{id_}/logs", query)
            assert reply.headers.get("content-type", _RAW) in (_content_type(on), _RAW)
            return demultiplexed(reply.body)

        assert logs(stdout=1, stderr=1) == (b"one\ntwo\n", b"bad\n")
        assert logs(stdout=1) == (b"one\ntwo\n", b"")
        assert logs(stderr=1) == (b"", b"bad\n")
        assert logs(stdout=1, tail=0) == (b"", b"")
        out, _ = logs(stdout=1, timestamps=1)
        for line in out.splitlines():
            when, _, _word = line.partition(b" ")
            assert len(when) == len("2026-01-01T00:00:00.000000000Z")
        assert logs(stdout=1, since="1.5") == (b"one\ntwo\n", b"")
        assert logs(stdout=1, until="1.5") == (b"", b"")
        got = on.refused("GET", f"/containers/{id_}/logs", query={"stdout": 1, "since": "1m"})
        assert (got.status, "1m" in got.message) == (500, True)
        with on.attach(id_, logs=1, stream=0) as raw:
            assert demultiplexed(raw.rest()) == (b"one\ntwo\n", b"bad\n")

    def test_logs_of_a_terminal(self, on: Contracted) -> None:
        """
        A terminal's logs have no frames.
        """
        id_ = on.run("contract-a", "echo", "shown", Tty=True)
        on.finish(id_)
        got = on.api.call("GET", f"/containers/{id_}/logs", {"stdout": 1})
        assert got.body == b"shown\r\n"

    def test_logs_followed(self, on: Contracted) -> None:
        """
        Followed logs go on until the container's end.
        """
        id_ = on.create("contract-a", "cat", **_INTERACTIVE)
        with on.attach(id_) as raw, Raw.connect(on.api.socket) as following:
            on.api.post(f"/containers/{id_}/start")
            raw.send(b"first\n")
            raw.exactly(14)
            following.send(
                f"GET /containers/{id_}/logs?stdout=1&follow=1 HTTP/1.1\r\nHost: e\r\n\r\n".encode()
            )
            following.until(b"first\n")
            raw.send(b"second\n")
            following.until(b"second\n")
            raw.half_close()
            raw.rest()
            following.until(b"0\r\n\r\n")

    def test_waits(self, on: Contracted) -> None:
        """
        Without a condition a wait for a stopped container answers at once; one for the
        next exit or the removal does not.
        """
        id_ = on.run("contract-a", "false")
        assert on.finish(id_) == 1
        assert on.finish(id_) == 1
        removal = on.api.hijack("POST", f"/containers/{id_}/wait", {"condition": "removed"})
        with removal:
            on.api.delete(f"/containers/{id_}")
            assert b'"StatusCode":1' in removal.until(b"}\n")

    def test_condition_is_checked(self, on: Contracted) -> None:
        """
        Since API 1.42 a condition that isn't known is told of.
        """
        id_ = on.create("contract-a", "true")
        if on.version >= (1, 42):
            got = on.refused("POST", f"/containers/{id_}/wait", query={"condition": "x"})
            assert (got.status, got.message) == (400, 'invalid condition: "x"')


class TestStreamsInMemory(InMemory, Streams):
    """
    The contract of streams, in memory.
    """


class TestStreamsOnEngines(OnEngines, Streams):
    """
    The contract of streams, on real engines.
    """
