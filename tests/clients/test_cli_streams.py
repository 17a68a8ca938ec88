"""
Streams of the client: logs, events, attach, and signals that it passes on.
"""

from __future__ import annotations

import signal
import time

import pytest

from tests.clients.sides import Side, both_ways
from tests.engines.patience import eventually

pytestmark = pytest.mark.engine

_TALK = "echo one; echo two >&2; echo three"


@both_ways
def test_logs(side: Side) -> None:
    """
    Both outputs, a tail, and the times.
    """
    side.docker("run", "--name", "web", "busybox", "sh", "-c", _TALK)
    done = side.docker("logs", "web")
    assert (done.out, done.err) == (b"one\nthree\n", b"two\n")
    # The two outputs are two pipes: which line comes last is chance. One has an order.
    side.docker("run", "--name", "count", "busybox", "seq", "5")
    assert side.docker("logs", "--tail", "1", "count").text == "5"
    assert side.docker("logs", "--tail", "0", "count").text == ""
    assert side.docker("logs", "--tail", "all", "count").text == "1\n2\n3\n4\n5"
    assert len(side.docker("logs", "--timestamps", "web").text.split()) == 4
    side.docker("logs", "--since", "1h", "web")
    side.docker("logs", "--until", "1h", "web")
    assert side.docker("logs", "--details", "web").text.split() == ["one", "three"]


@both_ways
def test_logs_of_a_terminal(side: Side) -> None:
    """
    One stream, not multiplexed.
    """
    side.docker("run", "-t", "--name", "web", "busybox", "sh", "-c", _TALK)
    assert side.docker("logs", "web").out == b"one\r\ntwo\r\nthree\r\n"


@both_ways
def test_logs_are_followed(side: Side) -> None:
    """
    Lines come as they are written, and the client ends with the container.
    """
    script = "echo first; read line; echo got $line; exit 3"
    side.docker("run", "-di", "--name", "web", "busybox", "sh", "-c", script)
    following = side.start("logs", "-f", "web")
    following.until(b"first\n")
    side.start("attach", "--sig-proxy=false", "web").finish(b"word\n")
    following.until(b"got word\n")
    assert following.finish().status == 0


@both_ways
def test_a_follower_that_leaves(side: Side) -> None:
    """
    The container is none the worse.
    """
    side.docker("run", "-d", "--name", "web", "busybox", "sh", "-c", "echo hi; sleep 60")
    following = side.start("logs", "-f", "web")
    following.until(b"hi\n")
    following.signal(signal.SIGINT)
    following.finish()
    assert side.inspect("web")["State"]["Running"]


@both_ways
def test_attach_without_a_terminal(side: Side) -> None:
    """
    Words go in and come out, and the status is the container's.
    """
    side.docker("run", "-di", "--name", "web", "busybox", "sh", "-c", "cat; exit 8")
    attached = side.start("attach", "web")
    attached.write(b"hello\n")
    attached.until(b"hello\n")
    side.docker("kill", "web")
    assert attached.finish().status == 137


@both_ways
def test_attach_without_input(side: Side) -> None:
    """
    C{--no-stdin} only listens.
    """
    script = "trap 'echo bye; exit 0' TERM; while :; do echo tick; sleep 60 & wait; done"
    side.docker("run", "-d", "--name", "web", "busybox", "sh", "-c", script)
    attached = side.start("attach", "--no-stdin", "web")
    # Attaching shows only what is written from then on: nudge until something comes.
    side.docker("exec", "web", "sh", "-c", "echo nudge > /proc/1/fd/1")
    eventually(lambda: _nudged(side), "the attached client to be known")
    side.docker("stop", "web")
    done = attached.finish()
    assert done.out.endswith(b"bye\n")
    assert done.status == 0


def _nudged(side: Side) -> bool:
    # The engine writes an "attach" event once the client is attached.
    now = f"{time.time():.9f}"
    filters = {"container": ["web"], "event": ["attach"]}
    query = {"since": "0", "until": now, "filters": filters}
    return b"attach" in side.engine.api.call("GET", "/events", query).body


@both_ways
def test_attach_to_what_does_not_run(side: Side) -> None:
    """
    The client asks first and says so.
    """
    side.docker("create", "--name", "web", "busybox")
    side.docker("attach", "web", ok=False)


@both_ways
def test_signals_are_passed_on(side: Side) -> None:
    """
    C{--sig-proxy}: the client's signal becomes the container's.
    """
    script = "trap 'echo got; exit 5' USR1; echo ready; while :; do sleep 60 & wait; done"
    running = side.start("run", "--rm", "--name", "web", "busybox", "sh", "-c", script)
    running.until(b"ready\n")
    running.signal(signal.SIGUSR1)
    running.until(b"got\n")
    assert running.finish().status == 5


@both_ways
def test_the_end_of_a_client_is_passed_on(side: Side) -> None:
    """
    SIGTERM too.
    """
    script = "trap 'exit 15' TERM; echo ready; while :; do sleep 60 & wait; done"
    running = side.start("run", "--rm", "busybox", "sh", "-c", script)
    running.until(b"ready\n")
    running.signal(signal.SIGTERM)
    assert running.finish().status == 15


@both_ways
def test_events_of_the_past(side: Side) -> None:
    """
    A container's life, told afterwards.
    """
    begin = f"{time.time():.9f}"
    side.docker("run", "--rm", "--name", "web", "busybox", "true")
    get = side.engine.api.call
    eventually(lambda: get("GET", "/containers/web/json").status == 404, "its removal")
    end = f"{time.time():.9f}"
    shape = ["--format", "{{.Type}} {{.Action}}"]
    window = ["--since", begin, "--until", end]
    told = side.start("events", *window, "--filter", "type=container", *shape).finish().text
    side.see("events", told)
    words = [line.split()[1] for line in told.splitlines()]
    assert words == ["create", "attach", "start", "die", "destroy"]
    few = side.start("events", *window, "--filter", "event=die", *shape).finish().text
    assert few == "container die"
    named = side.start("events", *window, "--filter", "container=web", *shape).finish().text
    assert named == told
    none = side.start("events", *window, "--filter", "container=other", *shape).finish().text
    assert none == ""


@both_ways
def test_events_as_they_come(side: Side) -> None:
    """
    Followed, with the labels that the client knows.
    """
    shape = "{{.Action}} {{.Actor.Attributes.name}} {{.Actor.Attributes.image}}"
    options = ["--filter", "event=start", "--filter", "event=die", "--format", shape]
    # With a beginning in the past nothing is missed, however late the client gets there.
    events = side.start("events", "--since", f"{time.time():.9f}", *options)
    side.docker("run", "--name", "web", "--label", "a=b", "alpine:3.20", "true")
    side.see("first", events.until(b"\n").decode())
    assert events.until(b"\n") == b"die web alpine:3.20\n"


@both_ways
def test_events_of_a_network(side: Side) -> None:
    """
    From its making to its end, with the container that joins it.
    """
    shape = "{{.Type}} {{.Action}} {{.Actor.Attributes.name}}"
    options = ["--filter", "event=create", "--filter", "type=network", "--filter", "type=container"]
    more = ["--filter", "event=connect", "--filter", "event=destroy", "--format", shape]
    events = side.start("events", "--since", f"{time.time():.9f}", *options, *more)
    side.docker("create", "--name", "first", "busybox")
    # From here on it is watching.
    events.until(b"container create first\n")
    side.docker("network", "create", "app")
    side.docker("run", "--name", "web", "--network", "app", "busybox", "true")
    side.docker("rm", "web")
    side.docker("network", "rm", "app")
    side.see("events", events.until(b"network destroy app\n").decode())


@both_ways
def test_an_event_whole(side: Side) -> None:
    """
    All attributes of one event.
    """
    begin = f"{time.time():.9f}"
    side.docker("create", "--name", "web", "--label", "a=b", "busybox")
    end = f"{time.time():.9f}"
    window = ["--since", begin, "--until", end, "--filter", "event=create"]
    done = side.start("events", *window, "--filter", "label=a=b").finish()
    side.see("event", done.text)
    assert "(a=b, " in done.text
    assert "name=web" in done.text


@both_ways
def test_info_and_version(side: Side) -> None:
    """
    Both answer; what an owner may know of them is the guard's business.
    """
    assert side.start("version", "--format", "{{.Server.Version}}").finish().text
    assert side.start("info", "--format", "{{.OSType}}").finish().text == "linux"
    side.docker("version", "--format", "{{.Server.APIVersion}}")
