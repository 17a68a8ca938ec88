"""
Questions about images beyond which one a reference means, and what is asked of the ledger.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from dss.model.facts import Json, Question
from dss.model.message import HeaderList
from dss.model.records import Records
from dss.model.reference import Reference


@frozen
class AllImages(Question[Sequence[Json]]):
    """
    All entries of the engine's C{GET /images/json}, whoever owns them.

    @ivar with_steps: whether also those that are steps of others.
    """

    with_steps: bool = False


@frozen
class AllRecords(Question[Records]):
    """
    All that the ledger has.
    """


@frozen
class HasLedger(Question[bool]):
    """
    Whether there is a ledger.
    """


@frozen
class Begin(Question[str]):
    """
    Begin a write to a reference, which lasts until its L{End}. Without a ledger only a
    write that needs no record begins.

    @ivar name: the canonical reference.
    @ivar before: the id of the image that it names, or empty.
    @ivar pulling: whether it is a pull. Several owners may pull one reference at once.
    @ivar image: the id of the image that a load is about to give the reference to.
    @raise dss.errors.Denied: where another owner writes to it, or a ledger is missing.
    """

    name: str
    before: str = ""
    pulling: bool = False
    image: str = ""


@frozen
class End(Question[None]):
    """
    A write is over.

    @ivar token: what L{Begin} gave.
    """

    token: str


@frozen
class Pause(Question[None]):
    """
    Wait for a while, in what follows an exchange.
    """

    seconds: float


@frozen
class Keep(Question[None]):
    """
    Record that an owner has an image.

    @ivar owner: whose it is now.
    @ivar image: the full id.
    @ivar names: canonical references by which the owner has it.
    @ivar holds: whether the owner has it also without a name.
    @raise dss.errors.Denied: where a ledger is missing.
    """

    owner: str
    image: str
    names: tuple[str, ...] = ()
    holds: bool = True


@frozen
class Release(Question[None]):
    """
    Record that the asking owner gives references up, or an image.

    @ivar names: canonical references, which go to the heirs where they are nobody else's.
    @ivar holds: whether it keeps the image itself.
    @ivar heirs: owners who keep the image.
    """

    image: str
    names: tuple[str, ...]
    holds: bool
    heirs: frozenset[str] = frozenset()


@frozen
class Gone(Question[None]):
    """
    Record that an image is no longer in the engine.
    """

    image: str


@frozen
class RemoveImage(Question[tuple[int, Json]]):
    """
    Let the engine remove a tag or an image, without force: its status and its answer.

    @ivar prunes: whether untagged images below it may go, too.
    """

    reference: str
    prunes: bool = True


@frozen
class RegistryDigest(Question[str]):
    """
    The digest that a registry has for a reference now.

    @ivar headers: with credentials, where there are some.
    @raise dss.errors.DssError: in the engine's words, where there is none.
    """

    reference: Reference
    headers: HeaderList = ()


@frozen
class Now(Question[float]):
    """
    The time, in seconds since 1970.
    """
