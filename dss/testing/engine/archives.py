"""
Files of a container: copied out, copied in, exported.
"""

from __future__ import annotations

from dss.testing.engine.files import Node, path_stat
from dss.testing.engine.message import EngineError, EngineRequest, Reply, Whole
from dss.testing.engine.state import Container, State

_STAT = "X-Docker-Container-Path-Stat"


def _found(state: State, request: EngineRequest, name: str) -> tuple[Container, str, Node]:
    path = request.text("path")
    if not path:
        raise EngineError(400, "bad parameter: pathcannot be empty")
    container = state.container(name)
    found = container.tree.find(path)
    if found is None:
        raise EngineError(404, f"Could not find the file {path} in container {name}")
    return container, *found


def head(state: State, request: EngineRequest, name: str) -> Reply:
    """
    C{HEAD /containers/{id}/archive}.
    """
    _, path, node = _found(state, request, name)
    return Whole(200, headers=((_STAT, path_stat(path, node)),))


def get(state: State, request: EngineRequest, name: str) -> Reply:
    """
    C{GET /containers/{id}/archive}.
    """
    container, path, node = _found(state, request, name)
    return Whole(
        200,
        container.tree.archive(path),
        "application/x-tar",
        ((_STAT, path_stat(path, node)),),
    )


def put(state: State, request: EngineRequest, name: str) -> Reply:
    """
    C{PUT /containers/{id}/archive}.
    """
    container, path, node = _found(state, request, name)
    if not node.is_directory:
        raise EngineError(400, "extraction point is not a directory")
    container.tree.unpack(path, request.body)
    return Whole(200)


def export(state: State, request: EngineRequest, name: str) -> Reply:
    """
    C{GET /containers/{id}/export}.
    """
    return Whole(200, state.container(name).tree.archive(), "application/octet-stream")
