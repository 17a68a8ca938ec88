"""
The image and the containers that a bench works with, made straight at the engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.bench.targets import OWNER
from tests.engines.api import Api
from tests.engines.machine import busybox_root
from tests.engines.patience import eventually

LABELS = {"com.dss.owner": OWNER}

_IMAGE = "dss-bench"


def load_image(engine: Api) -> str:
    """
    Give the engine a small image, and return its id.
    """
    query = {"fromSrc": "-", "repo": _IMAGE, "changes": "ENV PATH=/bin"}
    reply = engine.call("POST", "/images/create", query, busybox_root())
    if not reply.ok:
        raise RuntimeError(f"the image was not imported: {reply.status} {reply.message}")
    found: str = engine.get(f"/images/{_IMAGE}/json")["Id"]
    return found


@contextmanager
def container(engine: Api, image: str, command: str, **body: Any) -> Iterator[str]:
    """
    A started container of the bench's owner, by id; it is removed at the end.

    @param command: a shell's.
    @param body: further fields of the create body.
    """
    asked: dict[str, Any] = {"Image": image, "Cmd": ["sh", "-c", command], "Labels": LABELS}
    host: Mapping[str, Any] = {"NetworkMode": "none", **body.pop("HostConfig", {})}
    id: str = engine.post("/containers/create", {**asked, **body, "HostConfig": host})["Id"]
    try:
        engine.post(f"/containers/{id}/start")
        yield id
    finally:
        engine.call("DELETE", f"/containers/{id}", {"force": "1", "v": "1"})


def finished(engine: Api, id: str, seconds: float = 120) -> None:
    """
    Wait until a container has ended.

    @raise AssertionError: if it failed, or does not end.
    """
    state = eventually(
        lambda: (
            (state := engine.get(f"/containers/{id}/json")["State"])["Status"] == "exited" and state
        ),
        f"container {id[:12]} to end",
        seconds,
    )
    assert state["ExitCode"] == 0, state
