"""
Which part of the memory engine answers a request.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from dss.testing.engine import (
    archives,
    attach,
    build,
    containers,
    execs,
    images,
    networks,
    system,
    volumes,
)
from dss.testing.engine.message import (
    OLDEST_TAKEN,
    SPOKEN,
    EngineError,
    EngineRequest,
    Reply,
    Whole,
    failed,
)
from dss.testing.engine.state import State

Handler = Callable[..., Reply]

_C, _E, _I, _N, _V = "/containers/{}", "/exec/{}", "/images/{}", "/networks/{}", "/volumes/{}"

_ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/_ping", system.ping),
    ("HEAD", "/_ping", system.ping),
    ("GET", "/version", system.version),
    ("GET", "/info", system.info),
    ("GET", "/events", system.events),
    ("GET", "/system/df", system.disk_usage),
    ("GET", "/containers/json", containers.list_),
    ("POST", "/containers/create", containers.create),
    ("POST", "/containers/prune", containers.prune),
    ("GET", f"{_C}/json", containers.inspect),
    ("GET", f"{_C}/top", containers.top),
    ("GET", f"{_C}/logs", attach.logs),
    ("GET", f"{_C}/changes", containers.changes),
    ("GET", f"{_C}/export", archives.export),
    ("GET", f"{_C}/stats", attach.stats),
    ("GET", f"{_C}/attach/ws", attach.attach_websocket),
    ("HEAD", f"{_C}/archive", archives.head),
    ("GET", f"{_C}/archive", archives.get),
    ("PUT", f"{_C}/archive", archives.put),
    ("POST", f"{_C}/start", containers.start),
    ("POST", f"{_C}/stop", containers.stop),
    ("POST", f"{_C}/restart", containers.restart),
    ("POST", f"{_C}/kill", containers.kill),
    ("POST", f"{_C}/pause", containers.pause),
    ("POST", f"{_C}/unpause", containers.unpause),
    ("POST", f"{_C}/update", containers.update),
    ("POST", f"{_C}/rename", containers.rename),
    ("POST", f"{_C}/resize", containers.resize),
    ("POST", f"{_C}/attach", attach.attach),
    ("POST", f"{_C}/wait", attach.wait),
    ("POST", f"{_C}/exec", execs.create),
    ("DELETE", _C, containers.delete),
    ("POST", f"{_E}/start", execs.start),
    ("POST", f"{_E}/resize", execs.resize),
    ("GET", f"{_E}/json", execs.inspect),
    ("GET", "/images/json", images.list_),
    ("POST", "/images/create", images.create),
    ("POST", "/images/prune", images.prune),
    ("GET", f"{_I}/json", images.inspect),
    ("GET", f"{_I}/history", images.history),
    ("POST", f"{_I}/tag", images.tag),
    ("DELETE", _I, images.delete),
    ("POST", "/build", build.build),
    ("POST", "/build/prune", build.prune),
    ("GET", "/networks", networks.list_),
    ("POST", "/networks/create", networks.create),
    ("POST", "/networks/prune", networks.prune),
    ("GET", _N, networks.inspect),
    ("DELETE", _N, networks.delete),
    ("POST", f"{_N}/connect", networks.connect),
    ("POST", f"{_N}/disconnect", networks.disconnect),
    ("GET", "/volumes", volumes.list_),
    ("POST", "/volumes/create", volumes.create),
    ("POST", "/volumes/prune", volumes.prune),
    ("GET", _V, volumes.inspect),
    ("DELETE", _V, volumes.delete),
)


def _pattern(template: str) -> re.Pattern[str]:
    # Names hold slashes: moby's routes say {name:.*}.
    return re.compile("(.+)".join(re.escape(each) for each in template.split("{}")))


_TABLE = tuple((method, _pattern(template), handler) for method, template, handler in _ROUTES)


def handle(state: State, request: EngineRequest) -> Reply:
    """
    Answer one request. The first route that fits answers, as in gorilla/mux.
    """
    for method, pattern, handler in _TABLE:
        found = pattern.fullmatch(request.path) if method == request.method else None
        if found is None:
            continue
        if request.version < OLDEST_TAKEN:
            # Such old clients get their errors as text.
            told = (
                f"client version {request.version} is too old. Minimum supported API version is "
                f"{OLDEST_TAKEN}, please upgrade your client to a newer version\n"
            )
            return Whole(400, told.encode(), "text/plain; charset=utf-8")
        try:
            if request.version > SPOKEN:
                raise EngineError(
                    400,
                    f"client version {request.version} is too new. Maximum supported API version "
                    f"is {SPOKEN}",
                )
            return handler(state, request, *found.groups())
        except EngineError as error:
            return failed(error)
    return Whole(404, b'{"message":"page not found"}\n', "application/json", bare=True)
