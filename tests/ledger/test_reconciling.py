"""
The ledger is compared with the engine again and again.
"""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from dss.engine.facts import EngineFacts
from dss.errors import EngineAway
from dss.ledger.ledger import Ledger
from dss.model.images import AllImages
from dss.proxy.reconciling import INTERVAL, LedgerService

IMAGES = [
    {"Id": "sha256:1", "RepoTags": ["a:1", "<none>:<none>"], "RepoDigests": None, "Labels": None},
    {"Id": "sha256:2", "RepoTags": None, "Labels": {"com.dss.owner": "ci"}},
]


class Book:
    """
    A ledger that remembers what it is compared with.
    """

    def __init__(self) -> None:
        self.compared: list[Any] = []
        self.closed = False

    def reconcile(self, images: Any, labelled: Any) -> Deferred[int]:
        """
        Remember it.
        """
        self.compared.append((images, labelled))
        return succeed(0)

    def close(self) -> None:
        """
        Nothing more may come.
        """
        self.closed = True


class Facts:
    """
    An engine that answers, is away, or is silent.
    """

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.cancelled = False

    def answer(self, question: object) -> Deferred[Any]:
        """
        Its list of images.
        """
        assert question == AllImages(with_steps=True)
        return self.answers.pop(0) if self.answers else Deferred(self._cancel)

    def _cancel(self, asked: Deferred[Any]) -> None:
        self.cancelled = True


def test_at_the_start_and_every_few_minutes() -> None:
    """
    Where the engine is away, the next time will do; at the end nothing is under way.
    """
    clock, book, facts = Clock(), Book(), Facts()
    service = LedgerService(cast(Ledger, book), cast(EngineFacts, facts), clock)
    facts.answers = [succeed(IMAGES), fail(EngineAway("away")), succeed(IMAGES)]
    service.startService()
    images = {"sha256:1": ("docker.io/library/a:1",), "sha256:2": ()}
    assert book.compared == [(images, {"sha256:2"})]
    clock.advance(INTERVAL)
    assert len(book.compared) == 1
    clock.advance(INTERVAL)
    assert len(book.compared) == 2
    clock.advance(INTERVAL)
    assert not facts.cancelled
    service.stopService()
    assert facts.cancelled
    assert book.closed
    assert not clock.getDelayedCalls()
