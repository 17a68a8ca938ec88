"""
Exec: create, start, inspect, resize.
"""

from __future__ import annotations

from dss.testing.engine import runs
from dss.testing.engine.attach import NoStdin, Stdin, output_type
from dss.testing.engine.message import EngineError, EngineRequest, Hijacked, Outlet, Reply, Whole
from dss.testing.engine.state import Container, Exec, State
from dss.testing.engine.terminal import DetachWatch, detach_keys


def _check_running(container: Container, name: str) -> None:
    if not container.running:
        raise EngineError(409, f"container {container.id} is not running")
    if container.status == "paused":
        raise EngineError(409, f"Container {name} is paused, unpause the container before exec")


def create(state: State, request: EngineRequest, name: str) -> Reply:
    """
    C{POST /containers/{id}/exec}.
    """
    body = request.json()
    command = body.get("Cmd")
    if not command:
        raise EngineError(400, "No exec command specified")
    container = state.container(name)
    _check_running(container, name)
    exec_ = Exec(state.new_id(), container, body)
    state.execs[exec_.id] = exec_
    container.execs.append(exec_)
    runs.tell(state, container, f"exec_create: {' '.join(command)}", {"execID": exec_.id})
    return Whole.json({"Id": exec_.id}, 201)


def start(state: State, request: EngineRequest, name: str) -> Reply:
    """
    C{POST /exec/{id}/start}: hijacks unless it is detached.
    """
    body = request.json()
    exec_ = state.exec(name)
    container = exec_.container
    if exec_.exit_code is not None:
        raise EngineError(409, f"exec command {exec_.id} has already run")
    if exec_.process is not None:
        raise EngineError(409, f"exec command {exec_.id} is already running")
    _check_running(container, container.id)
    tty = bool(exec_.config.get("Tty"))
    if body.get("Detach"):
        runs.start_exec(state, exec_, tty)
        return Whole(200)
    outlet = Outlet()
    place = (
        outlet,
        bool(exec_.config.get("AttachStdout")),
        bool(exec_.config.get("AttachStderr")),
    )
    exec_.outlets.append(place)
    outlet.on_close(lambda: exec_.outlets.remove(place))
    runs.start_exec(state, exec_, tty)
    kind = output_type(request, tty)
    if not exec_.config.get("AttachStdin"):
        return Hijacked(outlet, NoStdin(), kind, named=True)
    keys = detach_keys(exec_.config.get("DetachKeys") or "")
    inlet = Stdin(
        outlet,
        lambda: exec_.process,
        lambda data: None,
        not tty,
        DetachWatch(keys) if tty and keys else None,
        lambda: runs.tell(state, container, "exec_detach", {"execID": exec_.id}),
    )
    return Hijacked(outlet, inlet, kind, named=True)


def inspect(state: State, request: EngineRequest, name: str) -> Reply:
    """
    C{GET /exec/{id}/json}.
    """
    exec_ = state.exec(name)
    command = exec_.config["Cmd"]
    about = {
        "tty": bool(exec_.config.get("Tty")),
        "entrypoint": command[0],
        "arguments": command[1:],
        "privileged": bool(exec_.config.get("Privileged")),
    }
    if exec_.config.get("User"):
        about["user"] = exec_.config["User"]
    return Whole.json(
        {
            "ID": exec_.id,
            "Running": exec_.running,
            "ExitCode": exec_.exit_code,
            "ProcessConfig": about,
            "OpenStdin": bool(exec_.config.get("AttachStdin")),
            "OpenStderr": bool(exec_.config.get("AttachStderr")),
            "OpenStdout": bool(exec_.config.get("AttachStdout")),
            "CanRemove": False,
            "ContainerID": exec_.container.id,
            "DetachKeys": "",
            "Pid": exec_.pid,
        }
    )


def resize(state: State, request: EngineRequest, name: str) -> Reply:
    """
    C{POST /exec/{id}/resize}.
    """
    sizes(request)
    state.exec(name)
    return Whole(200)


def sizes(request: EngineRequest) -> None:
    """
    Check a terminal's new size.

    @raise EngineError: if it is no size.
    """
    for name, word in (("h", "height"), ("w", "width")):
        text = request.text(name)
        if not text.isdigit():
            raise EngineError(400, f'invalid resize {word} "{text}": invalid syntax')
