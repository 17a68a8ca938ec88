"""
What every policy is given: the request, typed, and the circumstances.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import field, frozen

from dss.config.settings import OwnerSettings
from dss.model.message import RequestHead
from dss.model.owner import Owner
from dss.model.ruling import Judgement, Ruling
from dss.model.version import ApiVersion

#: C{{"label": ("a=b", "c")}}: the engine's C{filters} parameter, read.
Filters = Mapping[str, tuple[str, ...]]

#: One query parameter's value: its text; all its texts where it may be repeated;
#: or filters.
QueryValue = str | tuple[str, ...] | Filters


@frozen
class Request:
    """
    One request that matched a row of the route table.

    @ivar operation: the row's operation, such as C{ContainerCreate}.
    @ivar params: the path's parameters, decoded, by the template's names.
    @ivar query: the row's query parameters that the client sent, validated by kind:
        booleans are C{"1"} or C{"0"}.
    @ivar body: the whole body on routes that take JSON; empty on all others, whose
        body, if any, streams.
    @ivar version: the API version in force: the client's own, or the newest.
    """

    operation: str
    head: RequestHead
    version: ApiVersion
    params: Mapping[str, str] = field(factory=dict)
    query: Mapping[str, QueryValue] = field(factory=dict)
    body: bytes = b""


@frozen
class Circumstances:
    """
    What a judgement may know without asking.

    @ivar engine_version: the newest API version that the engine and dss both speak.
    """

    owner: Owner
    settings: OwnerSettings
    engine_version: ApiVersion


#: Judges one request: the ruling, or an error raised.
Policy = Callable[[Request, Circumstances], Judgement[Ruling]]
