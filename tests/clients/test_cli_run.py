"""
C{docker run} without a terminal: input, output, exit codes, and what it leaves.
"""

from __future__ import annotations

import hashlib

import pytest

from tests.clients.programs import Done
from tests.clients.sides import Side, both_ways
from tests.engines.patience import eventually

pytestmark = pytest.mark.engine


@both_ways
def test_output(side: Side) -> None:
    """
    Both outputs arrive, each where it belongs.
    """
    done = side.docker("run", "--rm", "busybox", "sh", "-c", "echo out; echo err >&2")
    assert (done.out, done.err) == (b"out\n", b"err\n")


@both_ways
def test_exit_codes(side: Side) -> None:
    """
    The container's exit status is the client's.
    """
    for status in (0, 1, 42, 255):
        done = side.docker("run", "--rm", "busybox", "sh", "-c", f"exit {status}", ok=False)
        assert done.status == status


@both_ways
def test_a_command_that_does_not_exist(side: Side) -> None:
    """
    It is told by the engine when the container starts.
    """
    done = side.start("run", "--name", "lost", "busybox", "/no/such/command").finish()
    side.see("error", _what_failed(done))
    assert done.status == 127
    assert "no such file or directory" in done.error


@both_ways
def test_a_directory_as_command(side: Side) -> None:
    """
    It can't be executed.
    """
    done = side.start("run", "--rm", "busybox", "/etc").finish()
    side.see("error", _what_failed(done))
    assert done.status == 126


@both_ways
def test_input_ends(side: Side) -> None:
    """
    The end of the client's input reaches the container, whose output still arrives.
    """
    done = side.docker("run", "-i", "--rm", "busybox", "cat", stdin=b"hello\n")
    assert done.out == b"hello\n"


@both_ways
def test_output_after_the_end_of_input(side: Side) -> None:
    """
    A half-closed connection goes on in its other direction.
    """
    late = "cat >/dev/null; seq 2000; echo end >&2"
    done = side.docker("run", "-i", "--rm", "busybox", "sh", "-c", late, stdin=b"x")
    assert done.out.splitlines()[-1] == b"2000"
    assert done.err == b"end\n"


@both_ways
def test_empty_input(side: Side) -> None:
    """
    An input that ends at once.
    """
    assert side.docker("run", "-i", "--rm", "busybox", "wc", "-c").text == "0"


@both_ways
def test_a_hundred_megabytes_of_input(side: Side) -> None:
    """
    They arrive whole.
    """
    block = bytes(range(256)) * 4096
    data = block * 100
    done = side.docker("run", "-i", "--rm", "busybox", "md5sum", stdin=data)
    assert done.text.split()[0] == hashlib.md5(data, usedforsecurity=False).hexdigest()


@both_ways
def test_binary_outputs(side: Side) -> None:
    """
    Both outputs are safe for all bytes, in any number.
    """
    data = bytes(range(256)) * 2000 + b"\x01\x00\x00\x00\x00\x00\x00\x05odd"
    done = side.docker("run", "-i", "--rm", "busybox", "tee", "/dev/stderr", stdin=data)
    assert done.out == data
    assert done.err == data


@both_ways
def test_much_output(side: Side) -> None:
    """
    Twenty megabytes out.
    """
    done = side.start("run", "--rm", "busybox", "head", "-c", "20000000", "/dev/zero").finish()
    assert done.status == 0
    assert done.out == bytes(20_000_000)


@both_ways
def test_output_that_nobody_reads_to_its_end(side: Side) -> None:
    """
    A client that goes away does not end a container that is not its own to end.
    """
    script = "yes | head -c 3000000; exec sleep 60"
    program = side.start("run", "--name", "talker", "busybox", "sh", "-c", script)
    program.until(b"y\n" * 1000)
    program.kill()
    assert side.inspect("talker")["State"]["Running"]


@both_ways
def test_environment_user_and_directory(side: Side) -> None:
    """
    What is asked for is what the container gets.
    """
    options = ["-e", "ONE=1", "-e", "TWO=a b=c", "-u", "1000:1000", "-w", "/tmp", "-h", "host1"]
    script = 'echo "$ONE|$TWO|$(id -u)|$(pwd)|$(hostname)"'
    done = side.docker("run", "--rm", *options, "busybox", "sh", "-c", script)
    assert done.text == "1|a b=c|1000|/tmp|host1"


@both_ways
def test_entrypoint(side: Side) -> None:
    """
    An entrypoint with arguments.
    """
    done = side.docker("run", "--rm", "--entrypoint", "echo", "busybox", "-n", "hi")
    assert done.out == b"hi"


@both_ways
def test_harmless_options(side: Side) -> None:
    """
    Options of ordinary builds that reach nothing outside the container.
    """
    options = ["--init", "--read-only", "--tmpfs", "/scratch", "--cap-drop", "ALL"]
    options += ["--security-opt", "no-new-privileges", "--memory", "64m", "--pids-limit", "50"]
    options += ["--cpus", "0.5", "--ulimit", "nofile=512", "--shm-size", "16m", "--network", "none"]
    options += ["--label", "a=b", "--stop-signal", "KILL", "--add-host", "db:10.0.0.1"]
    side.docker(
        "run", "--name", "plain", *options, "busybox", "sh", "-c", "ulimit -n; touch /scratch/a"
    )
    facts = side.inspect("plain")
    assert facts["HostConfig"]["Memory"] == 64 << 20
    assert facts["HostConfig"]["PidsLimit"] == 50
    assert facts["HostConfig"]["NetworkMode"] == "none"
    assert facts["Config"]["Labels"]["a"] == "b"


@both_ways
def test_removed_at_its_end(side: Side) -> None:
    """
    C{--rm}.
    """
    side.docker("run", "--rm", "--name", "brief", "busybox", "true")
    look = side.engine.api.call
    eventually(lambda: look("GET", "/containers/brief/json").status == 404, "its removal")


@both_ways
def test_removed_with_its_anonymous_volume(side: Side) -> None:
    """
    C{--rm} takes the volume along.
    """
    volumes = side.engine.api.get("/volumes")["Volumes"]
    done = side.docker(
        "run", "--rm", "-v", "/data", "busybox", "sh", "-c", "touch /data/a; ls /data"
    )
    assert done.text == "a"
    get = side.engine.api.get
    eventually(lambda: get("/volumes")["Volumes"] == volumes, "the volume's removal")


@both_ways
def test_detached(side: Side) -> None:
    """
    C{-d} prints the full id of a container that runs.
    """
    done = side.docker("run", "-d", "--name", "back", "busybox", "sleep", "60")
    facts = side.inspect("back")
    assert done.text == facts["Id"]
    assert facts["State"]["Running"]


@both_ways
def test_the_same_name_twice(side: Side) -> None:
    """
    The engine's own conflict.
    """
    side.docker("create", "--name", "twin", "busybox")
    done = side.docker("run", "--name", "twin", "busybox", ok=False)
    assert done.status == 125
    assert "is already in use" in done.error


@both_ways
def test_a_published_port(side: Side) -> None:
    """
    A port of the loopback, chosen by the engine.
    """
    side.docker("run", "-d", "--name", "web", "-p", "127.0.0.1::80", "busybox", "sleep", "60")
    port = side.start("port", "web", "80/tcp").finish().text
    bindings = side.inspect("web")["NetworkSettings"]["Ports"]["80/tcp"]
    assert port == f"127.0.0.1:{bindings[0]['HostPort']}"


@both_ways
def test_an_identity_file(side: Side) -> None:
    """
    C{--cidfile} holds the full id.
    """
    path = side.directory / "cid"
    side.docker("run", "--cidfile", str(path), "--name", "known", "busybox", "true")
    assert path.read_text() == side.inspect("known")["Id"]


@both_ways
def test_an_unknown_image(side: Side) -> None:
    """
    C{--pull never}: the engine's own message. The oldest client can't ask for it.
    """
    if side.engine.suite == "bookworm":
        done = side.docker("inspect", "--type", "image", "no-such-image", ok=False)
        assert done.status == 1
    else:
        done = side.docker("run", "--pull", "never", "no-such-image", ok=False)
        assert done.status == 125
    assert "No such image" in done.error


@both_ways
def test_a_container_with_another_ones_network(side: Side) -> None:
    """
    C{container:NAME} for an own container, by name.
    """
    side.docker("run", "-d", "--name", "first", "busybox", "sleep", "60")
    done = side.docker("run", "--rm", "--network", "container:first", "busybox", "hostname")
    assert side.inspect("first")["Config"]["Hostname"] == done.text


@both_ways
def test_a_container_with_another_ones_volumes(side: Side) -> None:
    """
    C{--volumes-from} an own container, by name.
    """
    side.docker("run", "--name", "first", "-v", "/data", "busybox", "sh", "-c", "echo hi > /data/a")
    done = side.docker("run", "--rm", "--volumes-from", "first", "busybox", "cat", "/data/a")
    assert done.text == "hi"


def _what_failed(done: Done) -> list[str]:
    """
    What the client says went wrong. By chance, the oldest one also says that its own wait
    for the container ended.
    """
    return [line for line in done.error.splitlines() if "context canceled" not in line]
