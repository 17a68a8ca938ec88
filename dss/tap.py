"""
C{twist dss}: joins the parts into a service.
"""

from __future__ import annotations

import gc
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from twisted.application.service import IService, MultiService, Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.logger import Logger

from dss.config.settings import OwnerSettings
from dss.engine.endpoint import engine_endpoint
from dss.errors import StartError
from dss.hooks.chain import HookChain
from dss.hooks.discovery import HookError, find_hooks
from dss.ledger.ledger import AnyLedger, Ledger, LedgerError, NoLedger
from dss.options import Options
from dss.proxy.container_socket import ContainerListener
from dss.proxy.guard import Guard
from dss.proxy.host import lacking
from dss.proxy.listener import Listener
from dss.proxy.reconciling import LedgerService

#: The engine address that means the small engine in memory.
MEMORY = "memory:"

_log = Logger(namespace="dss")

#: What Twisted looks for here.
__all__ = ["Options", "makeService"]


class _Program(MultiService):
    """
    All services of dss. Where one can't start, those that have started leave nothing
    behind.
    """

    def __init__(self) -> None:
        MultiService.__init__(self)

    def privilegedStartService(self) -> None:
        with self._whole():
            MultiService.privilegedStartService(self)

    def startService(self) -> None:
        with self._whole():
            MultiService.startService(self)

    @contextmanager
    def _whole(self) -> Iterator[None]:
        try:
            yield
        except StartError:
            MultiService.stopService(self)
            raise


class _GuardService(Service):
    """
    Says what is guarded, and stops the guard.
    """

    def __init__(self, guard: Guard, engine: str, hooks: HookChain, without: str) -> None:
        """
        @param without: why there is no socket for containers.
        """
        self._guard = guard
        self._engine = engine
        self._without = without
        self._hooks = hooks

    def startService(self) -> None:
        Service.startService(self)
        _raise_file_limit()
        # What there is by now stays: the collector of garbage need not look at it.
        gc.freeze()
        settings = self._guard.settings
        _log.info(
            "guarding {engine} for owner {owner}; allowed host directories: {roots}",
            engine=self._engine,
            owner=settings.owner.name,
            roots=", ".join(str(root) for root in settings.roots) or "none",
        )
        for root in settings.roots:
            missing = "" if root.read_only else lacking(root.path)
            if missing:
                _log.warn(
                    "{path} is mounted without {missing}: what a container leaves there can make "
                    "a user of the host, who reaches it, root (doc/security.rst). "
                    "mount -o bind,{missing} {path} {path} mends it, before dss starts",
                    path=root.path,
                    missing=missing,
                )
        if settings.engine_socket.replacement is None:
            _log.info(
                "containers get no socket in place of the engine's: {reason}", reason=self._without
            )
        if self._hooks.hooks:
            _log.info(
                "policy hooks, in order: {hooks}",
                hooks=", ".join(hook.name for hook in self._hooks.hooks),
            )

    def stopService(self) -> Deferred[None] | None:
        Service.stopService(self)
        self._guard.stop()
        return None


def _raise_file_limit() -> None:
    """
    Every stream takes two descriptors, and the usual soft limit, for programs that
    use select(2), is low (systemd documents the reason under C{LimitNOFILE=}).
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def makeService(options: Options, reactor: Any = None) -> IService:
    """
    Make the service that C{twist} runs.
    """
    if reactor is None:
        from twisted.internet import reactor
    settings: OwnerSettings = options["settings"]
    try:
        hooks = HookChain(find_hooks(), reactor, settings.limits.hook_seconds)
    except HookError as error:
        raise StartError(f"dss: {error}") from error
    service: MultiService = _Program()
    ledger: AnyLedger = NoLedger()
    if options["ledger"] is not None:
        try:
            ledger = Ledger(options["ledger"], reactor)
        except LedgerError as error:
            raise StartError(f"dss: {error}") from error
    guard = Guard(
        settings,
        _engine_endpoint(options["engine"], reactor),
        hooks,
        reactor,
        ledger,
    )
    without = options["no-container-socket"]
    service.addService(_GuardService(guard, options["engine"], hooks, without))
    if isinstance(ledger, Ledger):
        service.addService(LedgerService(ledger, guard.facts, reactor))
    replacement = settings.engine_socket.replacement
    if replacement is not None:
        # It is there before the first client is.
        service.addService(ContainerListener(replacement, guard.listener(), reactor))
    for description in options["listen"]:
        try:
            listener = Listener(description, guard.listener(), options["access"], reactor)
        except ValueError as error:
            raise StartError(f"dss can't listen on {description}: {error}") from error
        # Here all of a message is shown, also where a daemon is about to be made.
        listener.check()
        service.addService(listener)
    return service


def _engine_endpoint(description: str, reactor: Any) -> IStreamClientEndpoint:
    if description == MEMORY:
        # Only who asks for it pays for it.
        from dss.testing.engine.endpoint import MemoryEngineEndpoint
        from dss.testing.engine.memory import MemoryEngine

        _log.info(
            "the engine is a small one in memory: it runs nothing, its containers are toys, and "
            "all is forgotten at the end"
        )
        return MemoryEngineEndpoint(MemoryEngine(reactor), reactor)
    try:
        return engine_endpoint(description, reactor)
    except ValueError as error:
        raise StartError(f"dss can't reach an engine at {description!r}: {error}") from error
