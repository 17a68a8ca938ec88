"""
The memory engine as a value: no sockets, and a clock that the test moves.
"""

from __future__ import annotations

import io
import itertools
import json
import tarfile
from typing import Any

import pytest
from twisted.internet.task import Clock

from dss.model.version import ApiVersion
from dss.testing.engine import EngineRequest, Hijacked, MemoryEngine, Streamed, Whole

_START = 1_800_000_000.0


class Kept:
    """
    A sink that keeps what comes.
    """

    def __init__(self) -> None:
        self.data = b""
        self.ended = False

    def write(self, data: bytes) -> None:
        self.data += data

    def end(self) -> None:
        assert not self.ended
        self.ended = True


class Bench:
    """
    A memory engine whose ids count up and whose clock stands still.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.clock.advance(_START)
        numbers = itertools.count(1)
        self.engine = MemoryEngine(self.clock, lambda: f"{next(numbers):064x}")

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        /,
        version: str = "1.51",
        **query: str,
    ) -> Any:
        data = b""
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.engine.handle(
            EngineRequest(
                method,
                path,
                ApiVersion.parse(version),
                {name: (value,) for name, value in query.items()},
                {"content-type": ("application/json",)} if data else {},
                data,
            )
        )

    def json(self, method: str, path: str, body: object = None, /, **query: str) -> Any:
        reply = self.ask(method, path, body, "1.51", **query)
        assert isinstance(reply, Whole)
        assert reply.status < 300, reply
        return json.loads(reply.body)

    def create(self, *command: str, name: str = "", **body: Any) -> str:
        made = {"Image": "busybox", "Cmd": list(command), **body}
        return str(self.json("POST", "/containers/create", made, name=name)["Id"])

    def run(self, *command: str, name: str = "", **body: Any) -> str:
        id_ = self.create(*command, name=name, **body)
        assert self.ask("POST", f"/containers/{id_}/start").status == 204
        return id_

    def state(self, id_: str) -> Any:
        return self.json("GET", f"/containers/{id_}/json")["State"]

    def stream(self, method: str, path: str, /, **query: str) -> Kept:
        reply = self.ask(method, path, None, "1.51", **query)
        assert isinstance(reply, Streamed)
        kept = Kept()
        reply.outlet.feed(kept)
        return kept

    def output(self, *command: str, **body: Any) -> tuple[bytes, int]:
        """
        What a command with a terminal puts out, and its exit code.
        """
        id_ = self.run(*command, Tty=True, **body)
        logs = self.stream("GET", f"/containers/{id_}/logs", stdout="1")
        return logs.data.replace(b"\r\n", b"\n"), self.state(id_)["ExitCode"]


@pytest.fixture
def bench() -> Bench:
    """
    A new engine.
    """
    return Bench()


def test_what_it_begins_with(bench: Bench) -> None:
    """
    Two images and the three networks, all with well-formed ids.
    """
    images = bench.json("GET", "/images/json")
    assert {tuple(each["RepoTags"]) for each in images} == {("busybox:latest",), ("alpine:latest",)}
    assert all(len(each["Id"]) == 71 for each in images)
    assert [each["Name"] for each in bench.json("GET", "/networks")] == ["bridge", "host", "none"]
    assert bench.json("GET", "/containers/json", all="1") == []


def test_a_sleep_ends_by_the_clock(bench: Bench) -> None:
    """
    C{sleep 5} ends after five seconds, and a wait for it with it.
    """
    id_ = bench.run("sleep", "5")
    wait = bench.stream("POST", f"/containers/{id_}/wait")
    bench.clock.advance(4.9)
    assert (bench.state(id_)["Status"], wait.data) == ("running", b"")
    bench.clock.advance(0.2)
    assert bench.state(id_)["Status"] == "exited"
    assert (wait.data, wait.ended) == (b'{"StatusCode":0}\n', True)
    assert bench.state(id_)["FinishedAt"].startswith("2027-01-15T08:00:05.1")


def test_a_paused_sleep_does_not_end(bench: Bench) -> None:
    """
    A frozen process goes on when it is thawed.
    """
    id_ = bench.run("sleep", "5")
    bench.ask("POST", f"/containers/{id_}/pause")
    bench.clock.advance(60)
    assert bench.state(id_)["Status"] == "paused"
    bench.ask("POST", f"/containers/{id_}/unpause")
    assert bench.state(id_)["Status"] == "exited"


def test_unknown_programs_run_until_they_are_ended(bench: Bench) -> None:
    """
    A program that the engine doesn't know just runs.
    """
    id_ = bench.run("nginx", "-g", "daemon off;")
    bench.clock.advance(1e6)
    assert bench.state(id_)["Status"] == "running"
    assert bench.ask("POST", f"/containers/{id_}/stop").status == 204
    assert bench.state(id_)["ExitCode"] == 137


@pytest.mark.parametrize(
    ("script", "output", "code"),
    [
        ("echo a b; echo -n c", "a b\nc", 0),
        ("true && echo yes; false && echo no", "yes\n", 1),
        ("false || echo else", "else\n", 0),
        ("exit 300; exit 5", "", 44),
        (
            "echo kept > /tmp/f; cat /tmp/f; echo more >> /tmp/f; cat /tmp/f",
            "kept\nkept\nmore\n",
            0,
        ),
        ("cat /nope", "cat: can't open '/nope': No such file or directory\n", 1),
        ("/nope", "sh: /nope: not found\n", 127),
        ("echo $A-${A}-$B; false; echo $?", "1-1-\n1\n", 0),
        ("exec echo 'one  word' # two", "one  word\n", 0),
        ("echo 'open", "sh: syntax error: No closing quotation\n", 2),
        ("touch /tmp/t; ls /tmp", "t\n", 0),
        ("hostname; env", "box\nPATH=/bin\nA=1\n", 0),
        ("", "", 0),
    ],
)
def test_the_shell(bench: Bench, script: str, output: str, code: int) -> None:
    """
    As much of a shell as trials need.
    """
    env = ["PATH=/bin", "A=1"]
    got = bench.output("sh", "-c", script, Env=env, Hostname="box")
    assert got == (output.encode(), code)


def test_a_shell_reads_its_commands(bench: Bench) -> None:
    """
    A shell without a script runs the lines that it reads.
    """
    id_ = bench.run("sleep", "100")
    asked = {"Cmd": ["sh"], "AttachStdin": True, "AttachStdout": True}
    exec_ = bench.json("POST", f"/containers/{id_}/exec", asked)["Id"]
    reply = bench.ask("POST", f"/exec/{exec_}/start", {})
    assert isinstance(reply, Hijacked)
    kept = Kept()
    reply.outlet.feed(kept)
    reply.inlet.received(b"echo one\nec")
    assert kept.data[8:] == b"one\n"
    reply.inlet.received(b"ho two\nfalse")
    reply.inlet.half_closed()
    assert kept.data[20:] == b"two\n"
    assert kept.ended
    assert bench.json("GET", f"/exec/{exec_}/json")["ExitCode"] == 1


def test_a_shell_ends_with_exit(bench: Bench) -> None:
    """
    What comes after C{exit} is not run.
    """
    id_ = bench.create("sh", OpenStdin=True, StdinOnce=True)
    reply = bench.ask("POST", f"/containers/{id_}/attach", stream="1", stdin="1", stdout="1")
    kept = Kept()
    reply.outlet.feed(kept)
    bench.ask("POST", f"/containers/{id_}/start")
    reply.inlet.received(b"exit 4\necho never\n")
    assert (kept.data, kept.ended) == (b"", True)
    assert bench.state(id_)["ExitCode"] == 4


def test_a_client_that_leaves_is_forgotten(bench: Bench) -> None:
    """
    Streams whose readers are gone cost nothing more.
    """
    id_ = bench.run("cat", OpenStdin=True)
    replies = [
        bench.ask("GET", "/events"),
        bench.ask("POST", f"/containers/{id_}/wait"),
        bench.ask("GET", f"/containers/{id_}/logs", stdout="1", follow="1"),
        bench.ask("GET", f"/containers/{id_}/stats"),
        bench.ask("POST", f"/containers/{id_}/attach", stream="1", stdout="1"),
    ]
    container = bench.engine.state.containers[id_]
    held: list[list[Any]] = [
        bench.engine.state.journal.listeners,
        container.exit_waits,
        container.followers,
        list(bench.clock.getDelayedCalls()),
        container.attached,
    ]
    assert [len(each) for each in held] == [1, 1, 1, 1, 1]
    for reply in replies:
        reply.outlet.close()
    held[3] = list(bench.clock.getDelayedCalls())
    assert [len(each) for each in held] == [0, 0, 0, 0, 0]


def test_stats_come_every_second(bench: Bench) -> None:
    """
    A stream of samples, which ends with its container.
    """
    id_ = bench.run("cat", OpenStdin=True)
    kept = bench.stream("GET", f"/containers/{id_}/stats")
    bench.clock.pump([1, 1])
    assert kept.data.count(b"\n") == 3
    bench.ask("DELETE", f"/containers/{id_}", force="1")
    bench.clock.advance(1)
    assert kept.ended
    assert not bench.clock.getDelayedCalls()


def test_events_until_a_time_to_come(bench: Bench) -> None:
    """
    An event stream ends at the time that was asked for.
    """
    kept = bench.stream("GET", "/events", since=str(_START), until=str(_START + 10))
    bench.create("true", name="one")
    bench.clock.advance(11)
    assert kept.ended
    bench.create("true", name="two")
    assert [json.loads(line)["Action"] for line in kept.data.splitlines()] == ["create"]


def test_a_pull_makes_an_image_up(bench: Bench) -> None:
    """
    A pull streams its progress; the image is there, and runs until it is stopped.
    """
    kept = bench.stream("POST", "/images/create", fromImage="registry.test:5000/a/b", tag="1.2")
    told = [json.loads(line)["status"] for line in kept.data.splitlines()]
    assert told[-1] == "Status: Downloaded newer image for registry.test:5000/a/b:1.2"
    image = bench.json("GET", "/images/registry.test:5000/a/b:1.2/json")
    assert image["RepoTags"] == ["registry.test:5000/a/b:1.2"]
    digest = image["RepoDigests"][0]
    assert bench.json("GET", f"/images/{digest}/json")["Id"] == image["Id"]
    again = bench.stream("POST", "/images/create", fromImage="registry.test:5000/a/b:1.2")
    assert b"Image is up to date" in again.data
    made = bench.json("POST", "/containers/create", {"Image": "registry.test:5000/a/b:1.2"})
    bench.ask("POST", f"/containers/{made['Id']}/start")
    assert bench.state(made["Id"])["Running"]


def test_output_waits_for_its_reader(bench: Bench) -> None:
    """
    What comes before anybody reads a stream is not lost.
    """
    id_ = bench.create("echo", "hi")
    reply = bench.ask("POST", f"/containers/{id_}/attach", stream="1", stdout="1")
    bench.ask("POST", f"/containers/{id_}/start")
    kept = Kept()
    reply.outlet.feed(kept)
    assert (kept.data, kept.ended) == (b"\x01\0\0\0\0\0\0\x03hi\n", True)


def test_detach_keys_of_ones_own(bench: Bench) -> None:
    """
    A client names its keys; what only begins like them is typed.
    """
    id_ = bench.run("cat", Tty=True, OpenStdin=True)
    reply = bench.ask(
        "POST",
        f"/containers/{id_}/attach",
        stream="1",
        stdin="1",
        stdout="1",
        detachKeys="a,ctrl-x",
    )
    kept = Kept()
    reply.outlet.feed(kept)
    reply.inlet.received(b"ab\na\x18")
    assert (kept.data, kept.ended) == (b"ab\r\nab\r\n", True)
    assert bench.state(id_)["Running"]
    wrong = bench.ask("POST", f"/containers/{id_}/attach", detachKeys="ctrl-")
    assert wrong.status == 400


def test_ctrl_c_ends_a_program(bench: Bench) -> None:
    """
    A terminal's interrupt.
    """
    id_ = bench.run("cat", Tty=True, OpenStdin=True)
    reply = bench.ask("POST", f"/containers/{id_}/attach", stream="1", stdin="1", stdout="1")
    reply.inlet.received(b"\x03")
    assert bench.state(id_)["ExitCode"] == 130


def test_versions_change_answers(bench: Bench) -> None:
    """
    Output's content type, and what a prune of volumes takes, changed with API 1.42.
    """
    id_ = bench.run("sleep", "9")
    path = f"/containers/{id_}/logs"
    assert bench.ask("GET", path, stdout="1").content_type.endswith("multiplexed-stream")
    assert bench.ask("GET", path, version="1.41", stdout="1").content_type.endswith("raw-stream")
    bench.json("POST", "/volumes/create", {"Name": "named"})
    assert bench.json("POST", "/volumes/prune")["VolumesDeleted"] is None
    assert json.loads(bench.ask("POST", "/volumes/prune", version="1.41").body)[
        "VolumesDeleted"
    ] == ["named"]


def test_ports(bench: Bench) -> None:
    """
    A running container shows its ports.
    """
    id_ = bench.run(
        "sleep",
        "9",
        ExposedPorts={"80/tcp": {}, "53/udp": {}},
        HostConfig={"PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}},
    )
    ports = bench.json("GET", f"/containers/{id_}/json")["NetworkSettings"]["Ports"]
    assert ports == {"53/udp": None, "80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}]}
    [listed] = bench.json("GET", "/containers/json")
    assert listed["Ports"] == [
        {"PrivatePort": 53, "Type": "udp"},
        {"IP": "0.0.0.0", "PrivatePort": 80, "Type": "tcp", "PublicPort": 8080},
    ]


def test_files_follow_links_but_not_out_of_the_tree(bench: Bench) -> None:
    """
    Links are followed inside the container's own files; an archive's members with
    climbing names stay inside too.
    """
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, target in (("to-etc", "/etc"), ("up", "../../../etc"), ("loop", "loop")):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            tar.addfile(link)
        climbing = tarfile.TarInfo("../../climbed")
        tar.addfile(climbing)
    id_ = bench.create("true")
    bench.ask("PUT", f"/containers/{id_}/archive", packed.getvalue(), path="/tmp")
    for path in ("/tmp/to-etc/passwd", "/tmp/up/passwd", "/tmp/../etc/./passwd"):
        assert bench.ask("HEAD", f"/containers/{id_}/archive", path=path).status == 200
    for path in ("/tmp/loop", "/tmp/loop/x"):
        assert bench.ask("HEAD", f"/containers/{id_}/archive", path=path).status == 404
    assert bench.ask("HEAD", f"/containers/{id_}/archive", path="/climbed").status == 200


@pytest.mark.parametrize(
    ("since", "text"),
    [
        (0.2, "Less than a second"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "About a minute"),
        (150, "2 minutes"),
        (3600, "About an hour"),
        (7200, "2 hours"),
        (200_000, "2 days"),
    ],
)
def test_times_in_words(bench: Bench, since: float, text: str) -> None:
    """
    How long a container is up.
    """
    bench.run("cat", OpenStdin=True)
    bench.clock.advance(since)
    [listed] = bench.json("GET", "/containers/json")
    assert listed["Status"] == f"Up {text}"


def test_prune_until(bench: Bench) -> None:
    """
    A duration, a date or Unix seconds limit what is pruned.
    """
    old = bench.create("true")
    bench.clock.advance(7200)
    for until in ("2h1m", str(_START - 1), "2027-01-15T07:59:59Z"):
        filters = json.dumps({"until": [until]})
        got = bench.json("POST", "/containers/prune", filters=filters)
        assert got["ContainersDeleted"] is None
    new = bench.create("true")
    got = bench.json("POST", "/containers/prune", filters=json.dumps({"until": ["1h"]}))
    assert got["ContainersDeleted"] == [old]
    assert bench.state(new)["Status"] == "created"


def test_old_form_of_filters(bench: Bench) -> None:
    """
    Filters may be objects of truth values, as old clients write them.
    """
    id_ = bench.create("true", Labels={"a": "b"})
    filters = json.dumps({"label": {"a=b": True}})
    listed = bench.json("GET", "/containers/json", all="1", filters=filters)
    assert [each["Id"] for each in listed] == [id_]
    filters = json.dumps({"label": {"a=c": True}})
    assert bench.json("GET", "/containers/json", all="1", filters=filters) == []
