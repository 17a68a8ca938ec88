"""
Which engine it is: the API versions it speaks, asked once and again when it may
have changed.
"""

from __future__ import annotations

from typing import Any, NoReturn

from attrs import frozen
from treq.client import HTTPClient
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionClosed
from twisted.internet.interfaces import IProtocolFactory, IReactorTime, IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.client import Agent, ResponseFailed
from twisted.web.error import Error as WebError
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from dss.errors import DssError, EngineAway, EngineOdd
from dss.model.message import HeaderList
from dss.model.version import NEWEST, OLDEST, ApiVersion

#: For how long it holds. An engine that is replaced while nobody uses it is not
#: noticed otherwise.
IDENTITY_SECONDS = 60.0

#: How long the engine may take to say who it is, at most: every client waits for it.
PATIENCE_SECONDS = 20.0

#: What the engine says of itself in each of its answers, also in errors (engines 20.10, 26.1
#: and 28.5). Some clients read the version off any of them.
_TELLING = ("Docker-Experimental", "Ostype", "Server")

#: What a proxy in front of an engine that is away, or still starts, answers.
_STARTING = (502, 503, 504)


@frozen
class Identity:
    """
    What dss needs to know of the engine.

    @ivar newest: the newest API version that the engine and dss both speak.
    @ivar oldest: the oldest one.
    @ivar release: the engine's own version, such as C{28.5.2}, for the log.
    @ivar is_newer: whether the engine speaks newer ones that dss doesn't know.
    @ivar headers: those by which the engine tells in each of its answers who it is.
    @ivar is_podman: whether it is Podman, which serves the Docker Engine's API too.
    """

    newest: ApiVersion
    oldest: ApiVersion
    release: str
    is_newer: bool = False
    headers: HeaderList = ()
    is_podman: bool = False


@implementer(IAgentEndpointFactory, IStreamClientEndpoint)
class _OneEndpoint:
    """
    Sends every request to one endpoint, whatever its URI says, and logs no connection.
    """

    def __init__(self, endpoint: IStreamClientEndpoint) -> None:
        self._endpoint = endpoint

    def endpointForURI(self, uri: object) -> IStreamClientEndpoint:
        return self

    def connect(self, factory: IProtocolFactory) -> Deferred[Any]:
        if isinstance(factory, Factory):
            factory.noisy = False
        return self._endpoint.connect(factory)


def _went_away(failure: Failure) -> bool:
    """
    Whether a connection ended before the reply did: a starting engine may accept
    connections before it serves them.
    """
    return any(reason.check(ConnectionClosed) for reason in _reasons(failure))


def _distrusts(failure: Failure) -> bool:
    """
    Whether dss does not trust the engine's certificate, or the engine not dss's.
    """
    modules = [type(reason.value).__module__ for reason in _reasons(failure)]
    return any(module.startswith(("OpenSSL.", "service_identity.")) for module in modules)


def _reasons(failure: Failure) -> list[Failure]:
    reasons: list[Failure] = getattr(failure.value, "reasons", [])
    return reasons


def _names_podman(value: dict[str, Any]) -> bool:
    """
    Whether an engine's version names Podman among its components.
    """
    components = value.get("Components")
    return isinstance(components, list) and any("Podman" in str(each) for each in components)


def _too_slow(cancelled: object, seconds: float) -> NoReturn:
    raise EngineAway("the Docker Engine did not answer in time")


class EngineIdentity:
    """
    Knows the engine's identity, for a while and while its connections hold.
    """

    _log = Logger(namespace="dss.engine")

    def __init__(
        self,
        endpoint: IStreamClientEndpoint,
        reactor: IReactorTime,
        seconds: float,
    ) -> None:
        """
        @param seconds: how long the engine may take to answer a question; to say who it
            is it has L{PATIENCE_SECONDS} at most.
        """
        agent = Agent.usingEndpointFactory(reactor, _OneEndpoint(endpoint))
        self._client = HTTPClient(agent)
        self._reactor = reactor
        self._seconds = min(seconds, PATIENCE_SECONDS)
        self._known: Identity | None = None
        self._known_until = 0.0
        self._waiting: list[Deferred[Identity]] = []

    def get(self) -> Identity | Deferred[Identity]:
        """
        The identity, at once where it is known.

        @return: a Deferred fails with L{EngineAway} or L{EngineOdd}.
        """
        if self._known is not None and self._reactor.seconds() < self._known_until:
            return self._known
        waiting: Deferred[Identity] = Deferred(self._stopped_waiting)
        self._waiting.append(waiting)
        if len(self._waiting) == 1:
            asked = Deferred.fromCoroutine(self._ask())
            # treq's own time-out would end with the reply's head.
            asked.addTimeout(self._seconds, self._reactor, _too_slow)
            asked.addCallbacks(self._found, self._not_found)
        return waiting

    def forget(self) -> None:
        """
        The engine went away; what comes back may be another.
        """
        self._known = None

    def _stopped_waiting(self, waiting: Deferred[Identity]) -> None:
        if waiting in self._waiting:
            self._waiting.remove(waiting)

    async def _ask(self) -> Identity:
        reply = await self._client.get("http://docker/version", unbuffered=False)
        if reply.code in _STARTING:
            raise EngineAway(f"the Docker Engine answers its version with status {reply.code}")
        value: Any = await reply.json()
        if reply.code != 200 or not isinstance(value, dict):
            raise EngineOdd(f"the Docker Engine answers its version with status {reply.code}")
        try:
            newest = ApiVersion.parse(value["ApiVersion"])
            oldest = ApiVersion.parse(value.get("MinAPIVersion") or str(OLDEST))
        except (KeyError, TypeError, ValueError):
            raise EngineOdd("the Docker Engine does not say which API it speaks") from None
        told = [(name, reply.headers.getRawHeaders(name)) for name in _TELLING]
        identity = Identity(
            min(newest, NEWEST),
            max(oldest, OLDEST),
            str(value.get("Version")),
            newest > NEWEST,
            (
                ("Api-Version", str(min(newest, NEWEST))),
                *((name, values[0]) for name, values in told if values),
            ),
            reply.headers.hasHeader("Libpod-Api-Version") or _names_podman(value),
        )
        if identity.newest < identity.oldest:
            raise EngineOdd(
                f"the Docker Engine speaks API {oldest} to {newest}, dss {OLDEST} to {NEWEST}"
            )
        return identity

    def _found(self, identity: Identity) -> None:
        if identity != self._known:
            self._log.info(
                "the engine is {maker} {release}, API {oldest} to {newest}",
                maker="Podman" if identity.is_podman else "Docker",
                release=identity.release,
                oldest=str(identity.oldest),
                newest=str(identity.newest),
            )
        self._known = identity
        self._known_until = self._reactor.seconds() + IDENTITY_SECONDS
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(identity)

    def _not_found(self, failure: Failure) -> None:
        error = failure.value
        if not isinstance(error, DssError):
            if _went_away(failure):
                error = EngineAway("the Docker Engine went away before it said who it is")
            elif _distrusts(failure):
                error = EngineOdd("dss and the Docker Engine do not agree on TLS certificates")
            elif failure.check(ResponseFailed, WebError, ValueError):
                error = EngineOdd("what answers at the engine's address is no Docker Engine")
            else:
                error = EngineAway(f"dss can't reach the Docker Engine: {error}")
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.errback(error)
