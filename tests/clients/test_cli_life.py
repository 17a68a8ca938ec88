"""
A container's life under the client: what changes its state, and what shows it.
"""

from __future__ import annotations

import json

import pytest

from tests.clients.sides import Side, both_ways
from tests.engines.patience import eventually

pytestmark = pytest.mark.engine

_SLEEP = ("busybox", "sleep", "60")


@both_ways
def test_create_start_stop_start_remove(side: Side) -> None:
    """
    The whole round.
    """
    side.docker("create", "--name", "web", "--stop-signal", "KILL", *_SLEEP)
    assert side.inspect("web")["State"]["Status"] == "created"
    side.docker("start", "web")
    assert side.inspect("web")["State"]["Status"] == "running"
    side.docker("stop", "web")
    assert side.inspect("web")["State"]["Status"] == "exited"
    side.docker("start", "web")
    side.docker("restart", "-t", "0", "web")
    assert side.inspect("web")["State"]["Status"] == "running"
    side.docker("rm", "web", ok=False)
    side.docker("rm", "-f", "web")
    assert side.engine.api.call("GET", "/containers/web/json").status == 404


@both_ways
def test_the_use_of_the_disk(side: Side) -> None:
    """
    Of containers, volumes and images, in sum and one by one.
    """
    side.docker("run", "--name", "web", "-v", "data:/data", "busybox", "true")
    side.docker("system", "df", "--format", "{{.Type}} {{.TotalCount}} {{.Active}} {{.Size}}")
    side.docker("system", "df", "-v", "--format", "{{json .Volumes}}")


@both_ways
def test_start_attached(side: Side) -> None:
    """
    C{start -a} shows the output and has the exit status.
    """
    side.docker("create", "--name", "job", "busybox", "sh", "-c", "echo hi; exit 6")
    done = side.docker("start", "-a", "job", ok=False)
    assert (done.status, done.text) == (6, "hi")


@both_ways
def test_start_attached_with_input(side: Side) -> None:
    """
    C{start -ai} with a pipe.
    """
    side.docker("create", "-i", "--name", "job", "busybox", "cat")
    assert side.docker("start", "-ai", "job", stdin=b"abc").out == b"abc"


@both_ways
def test_pause_and_unpause(side: Side) -> None:
    """
    By name and by id.
    """
    container = side.docker("run", "-d", "--name", "web", *_SLEEP).text
    side.docker("pause", "web")
    assert side.inspect("web")["State"]["Paused"]
    side.docker("pause", "web", ok=False)
    side.docker("unpause", container[:12])
    assert not side.inspect("web")["State"]["Paused"]


@both_ways
def test_kill_with_a_signal(side: Side) -> None:
    """
    C{kill -s}, which the container handles.
    """
    script = "trap 'exit 33' USR1; echo ready; while :; do sleep 60 & wait; done"
    side.docker("run", "-d", "--name", "web", "busybox", "sh", "-c", script)
    side.start("logs", "-f", "web").until(b"ready")
    waiting = side.start("wait", "web")
    side.docker("kill", "-s", "USR1", "web")
    assert waiting.finish().text == "33"


@both_ways
def test_kill(side: Side) -> None:
    """
    The default signal, and a container that does not run any more.
    """
    side.docker("run", "-d", "--name", "web", *_SLEEP)
    side.docker("kill", "web")
    assert side.docker("wait", "web").text == "137"
    side.docker("kill", "web", ok=False)


@both_ways
def test_wait_for_many(side: Side) -> None:
    """
    Two containers at once.
    """
    side.docker("run", "-d", "--name", "one", "busybox", "sh", "-c", "exit 1")
    side.docker("run", "-d", "--name", "two", "busybox", "sh", "-c", "exit 2")
    assert side.docker("wait", "one", "two").text.split() == ["1", "2"]


@both_ways
def test_rename(side: Side) -> None:
    """
    To a free name and to one that is taken.
    """
    container = side.docker("create", "--name", "old", "busybox").text
    side.docker("rename", "old", "new")
    assert side.inspect("new")["Id"] == container
    side.docker("create", "--name", "old", "busybox")
    side.docker("rename", "old", "new", ok=False)
    side.docker("rename", "old", "new/odd", ok=False)
    assert side.inspect("new")["Id"] == container


@both_ways
def test_update(side: Side) -> None:
    """
    Limits and the restart policy.
    """
    side.docker("run", "-d", "--name", "web", *_SLEEP)
    side.docker("update", "--memory", "64m", "--memory-swap", "64m", "--cpu-shares", "512", "web")
    side.docker("update", "--restart", "on-failure:2", "web")
    facts = side.inspect("web")["HostConfig"]
    assert (facts["Memory"], facts["CpuShares"]) == (64 << 20, 512)
    assert facts["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 2}


@both_ways
def test_top(side: Side) -> None:
    """
    The processes, with C{ps} arguments of the client's.
    """
    side.docker("run", "-d", "--name", "web", *_SLEEP)
    table = side.start("top", "web").finish().text
    assert "sleep 60" in table
    assert "sleep" in side.start("top", "web", "-o", "pid,comm").finish().text
    assert side.start("top", "web", "aux").finish().text.count("sleep 60") == 1


@both_ways
def test_stats(side: Side) -> None:
    """
    One round of figures, by name.
    """
    side.docker("run", "-d", "--name", "web", *_SLEEP)
    done = side.docker("stats", "--no-stream", "--format", "{{.Name}}", "web")
    assert done.text == "web"


@both_ways
def test_stats_of_all(side: Side) -> None:
    """
    Without a name the client watches events beside the list.
    """
    side.docker("run", "-d", "--name", "web", *_SLEEP)
    assert side.docker("stats", "--no-stream", "--format", "{{.Name}}").text == "web"


@both_ways
def test_diff(side: Side) -> None:
    """
    What the container changed.
    """
    script = "echo a > /new; rm /etc/group; echo b >> /etc/passwd"
    side.docker("run", "--name", "web", "busybox", "sh", "-c", script)
    # The engine lists them as it finds them, in no order.
    lines = sorted(side.start("diff", "web").finish().text.splitlines())
    side.see("diff", lines)
    assert {"A /new", "D /etc/group", "C /etc/passwd"} <= set(lines)


@both_ways
def test_inspect(side: Side) -> None:
    """
    All that the engine tells, with the size, by name, id and short id.
    """
    options = ["--label", "a=b", "-e", "A=1", "--memory", "64m", "-w", "/tmp"]
    container = side.docker("create", "--name", "web", *options, *_SLEEP).text
    by_id = side.start("inspect", container).finish()
    assert json.loads(by_id.out)[0]["Id"] == container
    for reference in (container[:12], container[:7], "web"):
        assert side.start("inspect", reference).finish().out == by_id.out
    side.see("inspect", json.loads(by_id.out))
    side.docker("inspect", "--format", "{{.Config.Image}} {{.HostConfig.Memory}}", "web")
    side.docker("inspect", "--size", "--format", "{{.SizeRw}}", "web")
    side.docker("inspect", "--type", "container", "nobody", ok=False)


@both_ways
def test_inspect_while_it_runs(side: Side) -> None:
    """
    The network's part too.
    """
    side.docker("run", "-d", "--name", "web", "-p", "127.0.0.1::80", *_SLEEP)
    side.see("inspect", json.loads(side.start("inspect", "web").finish().out))


@both_ways
def test_lists(side: Side) -> None:
    """
    C{ps} with its columns and its options.
    """
    side.docker("run", "-d", "--name", "web", "--label", "app=web", *_SLEEP)
    side.docker("create", "--name", "job", "--label", "app=job", "alpine:3.20", "true")
    side.docker("ps")
    side.docker("ps", "-a", "--no-trunc")
    side.docker("ps", "-a", "--format", "{{.Names}} {{.Image}} {{.Command}} {{.Labels}} {{.State}}")
    assert side.docker("ps", "-a", "--size", "--format", "{{.Names}}").text == "job\nweb"
    assert side.docker("ps", "-lq").text == side.inspect("job")["Id"][:12]
    assert side.docker("ps", "-an", "1", "--format", "{{.Names}}").text == "job"


@both_ways
def test_filters(side: Side) -> None:
    """
    The client's own filters keep their meaning.
    """
    side.docker("run", "-d", "--name", "web", "--label", "app=web", *_SLEEP)
    side.docker("run", "--name", "gone", "hello:latest", "true")
    options = ["--label", "app=job", "--label", "tier=db", "-v", "/data", "--network", "none"]
    side.docker("create", "--name", "job", *options, "alpine:3.20")
    for filters, names in (
        (["label=app"], "job web"),
        (["label=app=web"], "web"),
        (["label=app", "label=tier=db"], "job"),
        (["label=other"], ""),
        (["name=we"], "web"),
        (["name=^/job$"], "job"),
        (["name=web", "name=job"], "job web"),
        (["status=running"], "web"),
        (["status=created", "status=running"], "job web"),
        (["ancestor=alpine:3.20", "label=tier"], "job"),
        (["ancestor=nothing"], ""),
        (["exited=0"], "gone"),
        (["before=job"], "gone web"),
        (["since=web"], "gone job"),
        (["volume=/data"], "job"),
        (["network=none"], "job"),
    ):
        arguments = [part for each in filters for part in ("--filter", each)]
        done = side.docker("ps", "-a", *arguments, "--format", "{{.Names}}")
        assert " ".join(sorted(done.text.split())) == names, filters
    for wrong in ("status=odd", "unknown=1", "before=nobody", "exited=x"):
        side.docker("ps", "-a", "--filter", wrong, ok=False)


@both_ways
def test_prune(side: Side) -> None:
    """
    Those that stopped go, those that run stay; a filter narrows.
    """
    side.docker("run", "-d", "--name", "web", *_SLEEP)
    side.docker("run", "--name", "kept", "--label", "keep=1", "busybox", "true")
    gone = side.docker("create", "--name", "gone", "busybox").text
    done = side.docker("container", "prune", "-f", "--filter", "label!=keep")
    assert gone in done.text
    side.docker("container", "prune", "-f", "--filter", "until=1h")
    assert side.inspect("kept")["State"]["Status"] == "exited"
    side.docker("container", "prune", "-f")
    assert side.docker("ps", "-a", "--format", "{{.Names}}").text == "web"


@both_ways
def test_remove_many(side: Side) -> None:
    """
    With a volume, by several references, one of them missing.
    """
    first = side.docker("create", "-v", "/data", "--name", "one", "busybox").text
    side.docker("create", "--name", "two", "busybox")
    done = side.docker("rm", "-v", first[:12], "nobody", "two", ok=False)
    assert done.status == 1
    assert not side.engine.api.get("/volumes")["Volumes"]


_ON_A_CONTAINER = (
    "start",
    "stop",
    "restart",
    "kill",
    "pause",
    "unpause",
    "rm",
    "rm -f",
    "logs",
    "top",
    "diff",
    "wait",
    "attach",
    "container inspect",
    "port",
    "update --memory 64m",
    "stats --no-stream",
    "export",
    "rename {} other",
    "exec {} true",
    "cp {}:/etc .",
)


@both_ways
def test_what_is_missing(side: Side) -> None:
    """
    The engine's own words for a container that does not exist.
    """
    for command in _ON_A_CONTAINER:
        whole = command if "{}" in command else command + " {}"
        done = side.docker(*whole.format("nobody").split(), ok=False)
        assert done.status != 0 or command == "rm -f"
        assert "o such" in done.error, done


@both_ways
def test_a_restart_policy(side: Side) -> None:
    """
    The engine starts it again by itself.
    """
    side.docker("run", "-d", "--restart", "on-failure:1", "--name", "web", "busybox", "false")
    eventually(lambda: side.inspect("web")["RestartCount"] == 1, "the restart")
    assert side.docker("wait", "web").text == "1"


@both_ways
def test_exec(side: Side) -> None:
    """
    With input, output, environment, user, directory, and an exit status.
    """
    side.docker("run", "-d", "--name", "web", *_SLEEP)
    options = ["-e", "A=b c", "-u", "1000", "-w", "/tmp"]
    script = 'echo "$A|$(id -u)|$(pwd)"; echo err >&2; exit 5'
    done = side.docker("exec", *options, "web", "sh", "-c", script, ok=False)
    assert (done.status, done.text, done.error) == (5, "b c|1000|/tmp", "err")
    assert side.docker("exec", "-i", "web", "cat", stdin=b"in\x00put").out == b"in\x00put"
    assert side.docker("exec", "-t", "web", "echo", "hi").out == b"hi\r\n"
    side.docker("exec", "-d", "web", "touch", "/mark")
    eventually(
        lambda: side.engine.api.call("HEAD", "/containers/web/archive", {"path": "/mark"}).ok,
        "the command's effect",
    )
    side.docker("exec", "web", "/no/such", ok=False)


@both_ways
def test_exec_where_nothing_runs(side: Side) -> None:
    """
    A container that does not run.
    """
    side.docker("create", "--name", "web", *_SLEEP)
    assert "is not running" in side.docker("exec", "web", "true", ok=False).error


@both_ways
def test_a_megabyte_through_exec(side: Side) -> None:
    """
    The end of input reaches the command.
    """
    side.docker("run", "-d", "--name", "web", *_SLEEP)
    data = bytes(range(256)) * 4096
    assert side.docker("exec", "-i", "web", "cat", stdin=data).out == data
