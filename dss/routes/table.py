"""
The route table's columns: what a row says of one operation of the Docker Engine API.
"""

from __future__ import annotations

import enum
import re

from attrs import field, frozen

from dss.model.version import OLDEST, ApiVersion
from dss.policy.fields.table import Table
from dss.policy.request import Policy


class Family(enum.Enum):
    """
    What an operation is about.
    """

    CONTAINERS = "containers"
    EXECS = "execs"
    IMAGES = "images"
    NETWORKS = "networks"
    VOLUMES = "volumes"
    SYSTEM = "system"
    BUILD = "build"
    SWARM = "swarm"
    STORES = "stores"
    PLUGINS = "plugins"
    DISTRIBUTION = "distribution"


class Access(enum.Enum):
    """
    What an owner reaches by an operation.
    """

    #: One object, which must be the owner's, or an image, a network or the like that all
    #: may see. Others' are answered as if they were not there.
    OWN = "own"
    #: All objects of a kind, as if others' were not there.
    FILTERED = "filtered"
    #: Something new, or something outside of the engine: what is asked for is judged.
    JUDGED = "judged"
    #: What is everybody's, cut down to what a build may know.
    REDUCED = "reduced"
    #: Nothing, unless the operator grants the operation by its name.
    GRANTED = "granted"
    #: As if the engine had none, unless the operator grants the operation by its name.
    HIDDEN = "hidden"
    #: Nothing.
    DENIED = "denied"


class Body(enum.Enum):
    """
    What becomes of a request's body.
    """

    #: Nothing goes to the engine. Some clients send C{{}} or C{null} where the API
    #: knows no body: what they send is read and dropped.
    NONE = "none"
    #: One JSON value: collected whole, judged, and written anew.
    JSON = "json"
    #: Bytes that stream on as they are, such as a tarball.
    STREAM = "stream"


class Kind(enum.Enum):
    """
    How a query parameter is read.
    """

    #: Go's C{httputils.BoolValue} (moby 28.5): false for nothing, C{0}, C{no}, C{false}
    #: and C{none}, trimmed and in any case; true for all else. Read as C{"1"} or C{"0"},
    #: and as an empty text where it was sent empty: some operations tell that from
    #: both, such as C{rm=} of a build.
    BOOL = "bool"
    #: A decimal number; sent empty, it is as if absent.
    INT = "int"
    #: Any text, once.
    TEXT = "text"
    #: Any text, as often as the client likes.
    TEXTS = "texts"
    #: The engine's filters: a JSON object, in either of its two forms.
    FILTERS = "filters"
    #: Something that clients send and no engine since API 1.24 reads: dropped.
    IGNORED = "ignored"


@frozen
class Param:
    """
    One query parameter of an operation.

    @ivar since: the API version that it came with; L{OLDEST} where it was always there.
    @ivar until: the last API version that has it, or L{None}.
    """

    name: str
    kind: Kind
    since: ApiVersion = OLDEST
    until: ApiVersion | None = None


#: What a template's segment may be.
_SEGMENT = re.compile(r"[a-z_]+|\{[a-z]+(?:\.\.\.)?\}")


@frozen
class Route:
    """
    One operation of the API.

    The versions are facts for the reader: an engine serves its newest operations also
    below an older version's prefix, or says itself that it does not, so matching
    does not look at them.

    @ivar operation: the operation's name in the API's own description, such as
        C{ContainerCreate}.
    @ivar template: the path, without the version. C{{id}} is one segment, C{{name...}}
        one or more, since names of images hold slashes.
    @ivar access: what an owner reaches.
    @ivar policy: judges a request that matched.
    @ivar treatment: what the policy does, in one short phrase.
    @ivar since: the API version that it came with; L{OLDEST} where it was always there.
    @ivar until: the last API version that has it, or L{None}.
    @ivar params: the query parameters that are understood. Any other is denied.
    @ivar body: what becomes of the body.
    @ivar headers: lower-case names of the client's headers that the exchange passes on to
        the engine, each only where it was sent once.
    @ivar hijack: whether the exchange may become a raw connection. No other may.
    @ivar segments: the template's segments, such as C{("containers", "{id}", "json")}.
    """

    operation: str
    method: str
    template: str = field()
    family: Family
    access: Access
    policy: Policy
    treatment: str
    since: ApiVersion = OLDEST
    until: ApiVersion | None = None
    params: tuple[Param, ...] = ()
    body: Body = Body.NONE
    headers: tuple[str, ...] = ()
    hijack: bool = False
    segments: tuple[str, ...] = field(init=False, repr=False, eq=False)

    @template.validator
    def _check(self, attribute: object, value: str) -> None:
        head, *segments = value.split("/")
        if head or not segments or not all(_SEGMENT.fullmatch(each) for each in segments):
            raise ValueError(f"{value!r} is no template of a path")

    @segments.default
    def _split(self) -> tuple[str, ...]:
        return tuple(self.template.split("/")[1:])

    def __str__(self) -> str:
        return f"{self.method} {self.template}"


def api(text: str) -> ApiVersion:
    """
    A version, from its text: for tables.
    """
    return ApiVersion.parse(text)


def row(
    family: Family,
    operation: str,
    method: str,
    template: str,
    access: Access,
    policy: Policy,
    treatment: str,
    params: tuple[Param, ...] = (),
    body: Body = Body.NONE,
    since: str = "1.24",
) -> Route:
    """
    A row with what most of them have, in the order in which it is read.
    """
    return Route(
        operation,
        method,
        template,
        family,
        access,
        policy,
        treatment,
        since=api(since),
        params=params,
        body=body,
    )


def boolean(name: str, since: str = "1.24") -> Param:
    """
    A parameter that is true or false.
    """
    return Param(name, Kind.BOOL, api(since))


def integer(name: str, since: str = "1.24", until: str | None = None) -> Param:
    """
    A parameter that is a number.
    """
    return Param(name, Kind.INT, api(since), api(until) if until else None)


def text(name: str, since: str = "1.24", until: str | None = None) -> Param:
    """
    A parameter that is any text.
    """
    return Param(name, Kind.TEXT, api(since), api(until) if until else None)


def texts(name: str, since: str = "1.24") -> Param:
    """
    A parameter that may be repeated.
    """
    return Param(name, Kind.TEXTS, api(since))


def filters(since: str = "1.24") -> Param:
    """
    The parameter C{filters}.
    """
    return Param("filters", Kind.FILTERS, api(since))


def ignored(name: str) -> Param:
    """
    A parameter that is dropped.
    """
    return Param(name, Kind.IGNORED)


def repeated(table: Table) -> tuple[Param, ...]:
    """
    The fields of a body as parameters that are dropped: dockerode, and so all clients in
    Node, repeats a whole body in the query.
    """
    names = dict.fromkeys(row.segments[0][0] for row in table.rows if row.documented)
    return tuple(ignored(name) for name in names)
