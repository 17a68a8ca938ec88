"""
What the ledger says of images: whose they are, where labels can't tell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import field, frozen

from dss.model.reference import repository_of

#: Stands for an owner where it is not known yet whose something is: no owner has this name.
#: Who has a pull under way must not get what another one's brings.
NOBODY_YET = ""

_NOBODY: frozenset[str] = frozenset()
_NOT_KNOWN = frozenset([NOBODY_YET])


@frozen
class Write:
    """
    A write to a reference that is under way.

    @ivar before: the id of the image that the reference named before, or empty.
    @ivar pulling: whether it is a pull, whose image nobody knows yet.
    @ivar image: the id of the image that a load gives this name to; empty for all others.
    """

    name: str
    owner: str
    before: str
    pulling: bool
    image: str = ""

    def may_bring(self, image: str) -> bool:
        """
        Whether an image may be there by this pull or this load, of which nothing is recorded
        yet.
        """
        return (self.pulling or self.image == image) and self.before != image


@frozen
class Records:
    """
    Records of images. References in them are canonical.

    @ivar holders: for an image's id, who pulled or loaded it.
    @ivar names: for a reference and the id of the image that it names, who made it.
    @ivar writes: the writes under way.
    """

    holders: Mapping[str, frozenset[str]] = field(factory=dict)
    names: Mapping[tuple[str, str], frozenset[str]] = field(factory=dict)
    writes: tuple[Write, ...] = ()

    def owners(self, image: str, label: str | None) -> frozenset[str]:
        """
        Whose an image is. What is recorded stands before its label, which is not to be
        believed of an image that somebody pulled or loaded.

        @param label: the owner that its label tells of.
        """
        held = self.holders.get(image)
        return held or (_NOBODY if label is None else frozenset([label]))

    def has(self, image: str) -> bool:
        """
        Whether anything is recorded of an image.
        """
        return image in self.holders or any(key == image for _, key in self.names)

    def claimants(self, name: str, image: str, label: str | None) -> frozenset[str]:
        """
        Whose a tag is, by which an image is named; nobody's where it is shared.
        """
        recorded = self.names.get((name, image))
        if recorded:
            return recorded
        if label is not None and not self.holders.get(image):
            return frozenset([label])
        return self._brought(image, lambda each: each.name == name)

    def claimants_of_digest(self, name: str, image: str) -> frozenset[str]:
        """
        Whose a digest is, by which an image is named; nobody's where it is shared.
        """
        repository = repository_of(name)
        return self.names.get((name, image)) or self._brought(
            image, lambda each: each.pulling and repository_of(each.name) == repository
        )

    def _brought(self, image: str, fits: Callable[[Write], bool]) -> frozenset[str]:
        """
        L{NOBODY_YET} where a pull or a load is under way, or was broken off, that may have
        brought an image.
        """
        brought = any(each.may_bring(image) and fits(each) for each in self.writes)
        return _NOT_KNOWN if brought else _NOBODY


NO_RECORDS = Records()
