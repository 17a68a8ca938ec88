"""
Loads of archives: each image and each name judged while the archive streams, before the
engine has its end.
"""

from __future__ import annotations

from attrs import frozen

from dss.errors import Denied, Problem
from dss.model.archives import ArchiveFiles
from dss.model.facts import ImageNamed, Json
from dss.model.images import Begin, End, Keep
from dss.model.owner import OWNER_LABEL, Owner
from dss.model.records import NOBODY_YET
from dss.model.reference import Reference, canonical
from dss.model.ruling import EditLines, Forward, ImagesWatch, Judgement, Ruling, ask
from dss.policy.images.archives import Loaded, read
from dss.policy.images.pulling import record
from dss.policy.images.resolving import needs_record, target_problems
from dss.policy.queries import passed_on
from dss.policy.request import Circumstances, Request

#: What the engine says of each name that it gave, and of each image where the last one has no
#: name (moby 20.10 to 28.5, C{image/tarexport}). It takes the images in their order.
_NAMED = "Loaded image: "
_LOADED = "Loaded image ID: "


def load(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of loading images. What they have is the client's own, since it sent it, and the
    ledger records whose they are: once the engine has them, and before the client learns of it.
    """
    loading = _Loading(around.owner)
    return Forward(
        query=passed_on(request.query),
        # Of a form, the engine would read further parameters from the body (moby 28.5).
        headers=(("Content-Type", "application/x-tar"),),
        reply=EditLines(loading.line),
        watch=ImagesWatch(loading.judge),
        after=loading.end,
    )
    yield  # pragma: no cover - makes this function a generator


@frozen
class _Coming:
    """
    An image that the engine is to load.

    @ivar was_there: whether the engine has it already.
    @ivar new: canonical names that it does not have yet.
    @ivar names: those by which the owner is to have it.
    """

    id: str
    tags: tuple[Reference, ...]
    was_there: bool
    new: tuple[str, ...]
    names: tuple[str, ...]


class _Loading:
    """
    Watches one load, from its archive to the end of its progress.
    """

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._tokens: list[str] = []
        self._coming: list[_Coming] = []
        self._settled = 0
        self._allowed = False

    def judge(self, archive: ArchiveFiles) -> Judgement[None]:
        """
        Judge an archive, and keep others off the names that it is about to give.

        @raise Denied: where a name or a label is not the owner's to write.
        @raise BadRequest: where it can't be read in one way.
        """
        images = read(archive)
        problems: list[Problem] = []
        written: dict[Reference, str] = {}
        given: dict[Reference, str] = {}
        for image in images:
            problems += _label_problems(image, self._owner)
            for tag in image.tags:
                if tag in written:
                    problems.append(
                        Problem("image.load", "manifest.json", f"{tag.familiar!r} stands twice.")
                    )
                given[tag] = image.id
                found = yield from ask(ImageNamed(tag.familiar))
                if found is not None and found.id == image.id and not tag.like_an_id:
                    # It names this image already, whosever it is.
                    continue
                written[tag], wrong = yield from target_problems(tag, "manifest.json", self._owner)
                problems += wrong
        if problems:
            raise Denied(problems)
        for tag, id in given.items():
            begin = Begin(str(tag), written.get(tag, id), image=id)
            self._tokens.append((yield from ask(begin)))
        for image in images:
            self._coming.append((yield from _expected(image, written)))
        self._allowed = True

    def line(self, line: Json) -> Judgement[Json]:
        """
        One line of the progress.
        """
        told = line.get("stream") if isinstance(line, dict) else None
        if isinstance(told, str):
            for each in told.splitlines():
                yield from self._told(each)
        return line

    def _told(self, text: str) -> Judgement[None]:
        rest = self._coming[self._settled :]
        if text.startswith(_LOADED):
            id = text.removeprefix(_LOADED).strip()
            here = [number for number, each in enumerate(rest) if each.id == id]
        elif text.startswith(_NAMED):
            name = canonical(text.removeprefix(_NAMED).strip())
            here = [n for n, each in enumerate(rest) if name in map(str, each.tags)]
        else:
            return
        if not here:
            return
        # Those before it were loaded before it. Of itself there may be more names to come.
        for image in rest[: here[0] + 1]:
            yield from self._settle(image)
        self._settled += here[0]

    def _settle(self, image: _Coming) -> Judgement[None]:
        facts = yield from ask(ImageNamed(image.id))
        if facts is None:
            # It was removed meanwhile.
            return
        names = [each for each in image.names if each in facts.tags]
        yield from record(facts, self._owner, names, image.was_there, list(image.new))

    def end(self, complete: bool) -> Judgement[None]:
        """
        The exchange is over. The engine goes on with a load that has its archive, whoever has
        left, so that what keeps the names from meaning anything to anybody stays then.
        """
        if self._allowed and not complete:
            return
        for image in self._coming[self._settled :] if self._allowed else ():
            yield from self._untold(image)
        for token in self._tokens:
            yield from ask(End(token))

    def _untold(self, image: _Coming) -> Judgement[None]:
        """
        What the engine has now and was not heard to load may be another one's, so it is
        nobody's.
        """
        facts = yield from ask(ImageNamed(image.id))
        if facts is None or not needs_record(facts, self._owner):
            return
        names = [each for each in image.new if facts.claimants(each) == {NOBODY_YET}]
        if names:
            yield from ask(Keep(NOBODY_YET, image.id, tuple(names), not image.was_there))


def _label_problems(image: Loaded, owner: Owner) -> list[Problem]:
    if image.owner in (None, owner.name):
        return []
    return [
        Problem(
            "image.load-label",
            "manifest.json",
            f"the image {image.id[7:19]} has the label {OWNER_LABEL}={image.owner}: what is built "
            "on it would be that owner's.",
            "Images without this label, or with one's own name in it, are allowed.",
        )
    ]


def _expected(image: Loaded, written: dict[Reference, str]) -> Judgement[_Coming]:
    found = yield from ask(ImageNamed(image.id))
    new = tuple(str(each) for each in image.tags if each in written)
    # Others have it by these names, and now the owner does, too.
    shared = tuple(
        str(tag)
        for tag in image.tags
        if tag not in written and found is not None and found.claimants(str(tag))
    )
    return _Coming(image.id, image.tags, found is not None, new, (*new, *shared))
