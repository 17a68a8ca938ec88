"""
A container's life: start, stop, signals, exit, removal.
"""

from __future__ import annotations

import signal as signals
from collections.abc import Mapping

from dss.testing.engine import networks, volumes
from dss.testing.engine.message import EngineError, Outlet
from dss.testing.engine.processes import Process
from dss.testing.engine.programs import Place, missing, run
from dss.testing.engine.state import Container, Exec, Line, State

#: A container's own process ignores all signals that it has no handler for, as the
#: first process of a namespace does; with C{HostConfig.Init} they reach it.
_HARMLESS = ("CHLD", "CONT", "URG", "WINCH")


def frame(stream: int, data: bytes) -> bytes:
    """
    Output with Docker's stream header: one byte for the stream, three zeros, four
    for the length (Docker Engine API, I{Attach to a container}).
    """
    return bytes((stream, 0, 0, 0)) + len(data).to_bytes(4, "big") + data


def tell(
    state: State, container: Container, action: str, extra: Mapping[str, str] | None = None
) -> None:
    """
    Put a container's event in the journal, with its labels.
    """
    attributes = {
        **container.labels,
        "image": container.config["Image"],
        "name": container.name,
        **(extra or {}),
    }
    state.journal.tell("container", action, container.id, attributes)


def signal_number(text: str) -> int:
    """
    Read a signal's number or name.

    @raise EngineError: if there is none such.
    """
    if text.isdigit() and 0 < int(text) < 65:
        return int(text)
    try:
        return signals.Signals[f"SIG{text.upper().removeprefix('SIG')}"].value
    except KeyError:
        raise EngineError(400, f"invalid signal: {text}") from None


def place_of(state: State, container: Container, env: list[str] | None = None) -> Place:
    """
    Where a container's programs run.
    """
    given = [*(container.config.get("Env") or ()), *(env or ())]
    named = dict(each.partition("=")[::2] for each in given)
    return Place(container.tree, named, container.config["Hostname"], state.now)


def start(state: State, container: Container) -> None:
    """
    Start a container that doesn't run.

    @raise EngineError: if a network or its program is missing.
    """
    if container.removing:
        raise EngineError(409, "container is marked for removal and cannot be started")
    found = []
    for name, endpoint in container.networks.items():
        try:
            found.append((endpoint, state.network(name)))
        except EngineError as error:
            raise EngineError(
                error.status, f"failed to set up container networking: {error.message}"
            ) from None
    command = container.command
    place = place_of(state, container)
    if missing(command, place):
        container.exit_code = 127
        container.error = (
            "failed to create task for container: failed to create shim task: OCI runtime create "
            "failed: runc create failed: unable to start container process: error during "
            f'container init: exec: "{command[0]}": stat {command[0]}: no such file or directory'
        )
        raise EngineError(400, container.error)
    for endpoint, network in found:
        networks.bring_up(state, container, endpoint, network)
    container.process = process = Process(
        run(command, place),
        state.clock,
        lambda stream, data: _put_out(state, container, stream, data),
        lambda code: _exited(state, container, code),
        container.tty,
    )
    container.status = "running"
    container.started, container.finished = state.now, None
    container.pid, container.exit_code, container.error = state.next_pid(), 0, ""
    tell(state, container, "start")
    process.start()
    early = bytes(container.stdin)
    container.stdin.clear()
    if early:
        process.received(early)
    if container.stdin_ended or not container.config["OpenStdin"]:
        process.input_ended()
    container.stdin_ended = False


def stop(state: State, container: Container, signal: int | None = None) -> None:
    """
    Stop a running container. One that would not heed the signal is killed at once:
    the memory engine does not wait for its grace to pass.
    """
    if signal is None:
        signal = signal_number(container.config.get("StopSignal") or "TERM")
    tell(state, container, "kill", {"signal": str(signal)})
    assert container.process is not None
    process = container.process
    if container.status == "paused":
        resume(state, container)
    if container.host_config.get("Init") or signal == signals.SIGKILL:
        process.end(128 + signal)
    elif not process.finished:
        tell(state, container, "kill", {"signal": "9"})
        process.end(128 + signals.SIGKILL)
    tell(state, container, "stop")


def kill(state: State, container: Container, signal: int) -> None:
    """
    Send a running container a signal.
    """
    tell(state, container, "kill", {"signal": str(signal)})
    name = signals.Signals(signal).name.removeprefix("SIG") if signal < 32 else ""
    heeds = container.host_config.get("Init") and name not in _HARMLESS
    if signal == signals.SIGKILL or heeds:
        assert container.process is not None
        container.process.end(128 + signal)


def pause(state: State, container: Container) -> None:
    """
    Freeze a running container.
    """
    assert container.process is not None
    container.process.pause()
    container.status = "paused"
    tell(state, container, "pause")


def resume(state: State, container: Container) -> None:
    """
    Thaw a frozen container.
    """
    container.status = "running"
    tell(state, container, "unpause")
    assert container.process is not None
    container.process.resume()


def remove(state: State, container: Container, with_volumes: bool) -> None:
    """
    Remove a container that doesn't run.

    @param with_volumes: whether its anonymous volumes go too.
    """
    container.removing = True
    del state.containers[container.id]
    for each in container.execs:
        state.execs.pop(each.id, None)
    for mount in container.mounts:
        volume = state.volumes.get(mount.get("Name", ""))
        if with_volumes and volume and volume.anonymous and not state.users(volume):
            volumes.remove(state, volume)
    for outlet, _, _ in list(container.attached):
        outlet.end()
    tell(state, container, "destroy")
    waits = container.exit_waits + container.removal_waits
    container.exit_waits, container.removal_waits = [], []
    for wait in waits:
        wait(container.exit_code)


def _put_out(state: State, container: Container, stream: int, data: bytes) -> None:
    *lines, rest = (container.partial.get(stream, b"") + data).split(b"\n")
    container.partial[stream] = rest
    for line in lines:
        _log(state, container, stream, line + b"\n")
    spread(container.attached, container.tty, stream, data)


def spread(attached: list[tuple[Outlet, bool, bool]], tty: bool, stream: int, data: bytes) -> None:
    """
    Send output to those who are attached.
    """
    framed = data if tty else frame(stream, data)
    for outlet, stdout, stderr in list(attached):
        if stdout if stream == 1 else stderr:
            outlet.write(framed)


def _log(state: State, container: Container, stream: int, data: bytes) -> None:
    line = Line(state.now, stream, data)
    container.log.append(line)
    for follower in list(container.followers):
        follower(line)


def _exited(state: State, container: Container, code: int) -> None:
    for stream, rest in container.partial.items():
        if rest:
            _log(state, container, stream, rest)
    container.partial.clear()
    container.status = "exited"
    container.finished = state.now
    container.exit_code, container.pid = code, 0
    for each in container.execs:
        if each.process is not None:
            each.process.end(128 + signals.SIGKILL)
    for endpoint in container.networks.values():
        networks.take_down(state, container, endpoint)
    seconds = int(state.now - (container.started or state.now))
    tell(state, container, "die", {"execDuration": str(seconds), "exitCode": str(code)})
    followers, container.followers = container.followers, []
    for follower in followers:
        follower(None)
    for outlet, _, _ in list(container.attached):
        outlet.end()
    waits, container.exit_waits = container.exit_waits, []
    for wait in waits:
        wait(code)
    if container.host_config["AutoRemove"] and not container.removing:
        remove(state, container, True)


def start_exec(state: State, exec_: Exec, tty: bool) -> None:
    """
    Start an exec whose connection, if it has one, is among its outlets.
    """
    container = exec_.container
    command = exec_.config["Cmd"]
    place = place_of(state, container, exec_.config.get("Env"))
    words = " ".join(command)
    tell(state, container, f"exec_start: {words}", {"execID": exec_.id})

    def exited(code: int) -> None:
        exec_.exit_code = code
        tell(state, container, "exec_die", {"execID": exec_.id, "exitCode": str(code)})
        for outlet, _, _ in list(exec_.outlets):
            outlet.end()

    if missing(command, place):
        problem = (
            "OCI runtime exec failed: exec failed: unable to start container process: exec: "
            f'"{command[0]}": stat {command[0]}: no such file or directory\r\n'
        )
        spread(exec_.outlets, tty, 1, problem.encode())
        exec_.process = Process(run(["true"], place), state.clock, lambda _, __: None, exited)
        exec_.process.end(127)
        return
    exec_.process = Process(
        run(command, place),
        state.clock,
        lambda stream, data: spread(exec_.outlets, tty, stream, data),
        exited,
        bool(exec_.config.get("Tty")),
    )
    exec_.pid = state.next_pid()
    exec_.process.start()
    if not exec_.config.get("AttachStdin") or not exec_.outlets:
        exec_.process.input_ended()
