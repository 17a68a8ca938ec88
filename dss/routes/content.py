"""
Whether a request says that its body is JSON.
"""

from __future__ import annotations

from dss.errors import BadRequest
from dss.model.message import RequestHead
from dss.model.version import ApiVersion
from dss.routes.table import Route

#: By a path's first segment: where engines don't look (proved on 20.10, 26.1 and 28.5), and
#: where those before API 1.42 don't.
_ANY = frozenset({"auth"})
_ANY_BEFORE_1_42 = frozenset({"configs", "nodes", "plugins", "secrets", "services", "swarm"})

_V1_42 = ApiVersion(1, 42)


def check_type(route: Route, head: RequestHead, newest: ApiVersion) -> None:
    """
    A body that is judged as JSON has to be declared so, as the engine has it. Without a body
    nothing need be declared.

    @param newest: the newest API version that the engine speaks, which says in which words it
        would refuse.
    @raise BadRequest: if it is something else.
    """
    given = head.headers.get("content-type", ())
    declared = given[0] if given else ""
    if declared.partition(";")[0].strip().lower() == "application/json":
        return
    if not declared and head.length == 0:
        return
    first = route.segments[0]
    if first in _ANY or (newest < _V1_42 and first in _ANY_BEFORE_1_42):
        return
    if newest < _V1_42:
        raise BadRequest(f"Content-Type specified ({declared}) must be 'application/json'")
    if not declared:
        raise BadRequest("malformed Content-Type header (): mime: no media type")
    raise BadRequest(f"unsupported Content-Type header ({declared}): must be 'application/json'")
