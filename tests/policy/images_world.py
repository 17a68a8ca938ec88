"""
A small world of images for tests of policies: an engine and a ledger, of values only.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, evolve, field

from dss.errors import Denied, Problem
from dss.ledger import tables
from dss.model.facts import HooksOnEntry, ImageFacts, ImageNamed, Json, OwnContainers
from dss.model.images import (
    AllImages,
    AllRecords,
    Begin,
    End,
    Gone,
    HasLedger,
    Keep,
    Now,
    Pause,
    RegistryDigest,
    Release,
    RemoveImage,
)
from dss.model.records import Write
from dss.model.reference import canonical
from dss.model.ruling import Judgement, Result, Ruling
from dss.policy.request import Policy, QueryValue
from dss.testing.judging import circumstances, drive, request

NOW = 1_700_000_000.0


def image_id(digit: str) -> str:
    """
    An id, by one hexadecimal digit.
    """
    return "sha256:" + digit * 64


@define
class World:
    """
    Images by their references, and the tables of a ledger.

    @ivar images: by id.
    @ivar registry: the digest that a registry has, by familiar reference.
    @ivar removed: what the engine was told to remove by dss itself.
    """

    images: dict[str, ImageFacts] = field(factory=dict)
    registry: dict[str, str] = field(factory=dict)
    removed: list[str] = field(factory=list)
    containers: list[Json] = field(factory=list)
    created: dict[str, float] = field(factory=dict)
    _cursor: sqlite3.Cursor = field(init=False)
    _tokens: int = 0

    def __attrs_post_init__(self) -> None:
        self._cursor = sqlite3.connect(":memory:").cursor()
        tables.create(self._cursor)

    def add(self, digit: str, *names: str, label: str | None = None, **more: Any) -> str:
        """
        Put an image into the engine, behind dss's back.

        @return: its id.
        """
        id = image_id(digit)
        known = [canonical(each) for each in names]
        tags = tuple(each for each in known if "@" not in each)
        digests = tuple(each for each in known if "@" in each)
        self.images[id] = ImageFacts(id, label, bool(names), tags=tags, digests=digests, **more)
        return id

    def keep(self, owner: str, digit: str, *names: str, holds: bool = True) -> None:
        """
        Record an image.
        """
        what = Keep(owner, image_id(digit), tuple(map(canonical, names)), holds)
        tables.keep(self._cursor, what, NOW)

    def seen(self, reference: str) -> ImageFacts | None:
        """
        What dss is told of a reference.
        """
        name = canonical(reference)
        for image in self.images.values():
            found_by = name if name in (*image.tags, *image.digests) else ""
            if found_by or image.id.startswith((reference, f"sha256:{reference}")):
                records = tables.records(self._cursor, image.id)
                return evolve(image, found_by=found_by, records=records)
        return None

    def facts(self, digit: str) -> ImageFacts:
        """
        What dss is told of an image.
        """
        found = self.seen(image_id(digit))
        assert found is not None
        return found

    def untag(self, reference: str) -> None:
        """
        Take a name off, and the image with its last one, as the engine does.
        """
        name = canonical(reference)
        for image in list(self.images.values()):
            rest = tuple(each for each in image.tags if each != name)
            if reference == image.id or (name in image.tags and not rest):
                del self.images[image.id]
            else:
                self.images[image.id] = evolve(image, tags=rest)

    def answers(self, owner: str) -> Mapping[Any, Callable[[Any], Any]]:
        """
        What answers an owner's questions.
        """
        cursor = self._cursor

        def begin(asked: Begin) -> str:
            self._tokens += 1
            write = Write(asked.name, owner, asked.before, asked.pulling, asked.image)
            if not tables.begin(cursor, write, str(self._tokens), NOW):
                raise Denied(Problem("image.name-busy", "", "busy"))
            return str(self._tokens)

        def remove(asked: RemoveImage) -> tuple[int, Json]:
            self.removed.append(asked.reference)
            self.untag(asked.reference)
            return 200, [{"Untagged": asked.reference}]

        return {
            ImageNamed: lambda asked: self.seen(asked.reference),
            AllImages: lambda asked: [self.entry(each) for each in self.images.values()],
            AllRecords: lambda asked: tables.records(cursor),
            HasLedger: lambda asked: True,
            Begin: begin,
            End: lambda asked: tables.end(cursor, asked.token),
            Keep: lambda asked: tables.keep(cursor, asked, NOW),
            Release: lambda asked: tables.release(cursor, asked, owner, NOW),
            Gone: lambda asked: tables.forget(cursor, asked.image),
            RemoveImage: remove,
            RegistryDigest: lambda asked: self.registry[asked.reference.familiar],
            Now: lambda asked: NOW,
            Pause: lambda asked: None,
            OwnContainers: lambda asked: self.containers,
            HooksOnEntry: lambda asked: True,
        }

    def entry(self, image: ImageFacts) -> Json:
        """
        An image as the engine's list has it.
        """
        return {
            "Id": image.id,
            "ParentId": image.parent,
            "RepoTags": [each.removeprefix("docker.io/library/") for each in image.tags],
            "RepoDigests": [each.removeprefix("docker.io/library/") for each in image.digests],
            "Labels": {} if image.owner is None else {"com.dss.owner": image.owner},
            "Created": self.created.get(image.id, NOW - 60),
            "Size": 10,
            "SharedSize": 4,
        }

    def drive(self, judgement: Judgement[Result], owner: str = "ci") -> Result:
        """
        Run a judgement for an owner.
        """
        return drive(judgement, self.answers(owner))

    def judged(
        self,
        policy: Policy,
        name: str = "",
        owner: str = "ci",
        body: bytes = b"",
        around: Any = None,
        **query: QueryValue,
    ) -> Any:
        """
        An owner's request, judged.
        """
        params = {"name": name} if name else {}
        asked = request(params=params, query=query, body=body)
        ruling: Ruling = self.drive(policy(asked, around or circumstances(owner)), owner)
        return ruling

    @property
    def writes(self) -> int:
        """
        How many writes are under way.
        """
        return len(tables.records(self._cursor).writes)
