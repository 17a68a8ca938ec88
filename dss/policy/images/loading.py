"""
Loads of archives: each image and each name judged while the archive streams, before the
engine has its end.
"""

from __future__ import annotations

from functools import partial

from dss.errors import Denied, Problem
from dss.model.archives import ArchiveFiles
from dss.model.facts import ImageFacts, ImageNamed
from dss.model.images import Begin, End
from dss.model.owner import Owner
from dss.model.reference import Reference
from dss.model.ruling import Forward, ImagesWatch, Judgement, Ruling, ask
from dss.policy.images.archives import Loaded, read
from dss.policy.images.pulling import record
from dss.policy.images.resolving import target_problems
from dss.policy.queries import passed_on
from dss.policy.request import Circumstances, Request


def load(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of loading images. What they have is the client's own, since it sent it; their
    labels tell nothing, and the ledger records whose they are.
    """
    tokens: list[str] = []

    def after(complete: bool) -> Judgement[None]:
        for token in tokens:
            yield from ask(End(token))

    return Forward(
        query=passed_on(request.query),
        # Of a form, the engine would read further parameters from the body (moby 28.5).
        headers=(("Content-Type", "application/x-tar"),),
        watch=ImagesWatch(partial(_judge, around.owner, tokens)),
        after=after,
    )
    yield  # pragma: no cover - makes this function a generator


def _judge(owner: Owner, tokens: list[str], archive: ArchiveFiles) -> Judgement[None]:
    """
    Judge an archive, and record what it is about to make.

    @raise Denied: where a name is not the owner's to write.
    @raise BadRequest: where it can't be read in one way.
    """
    images = read(archive)
    problems: list[Problem] = []
    written: dict[Reference, str] = {}
    kept: dict[Reference, str] = {}
    for image in images:
        for tag in image.tags:
            if tag in written:
                problems.append(
                    Problem("image.load", "manifest.json", f"{tag.familiar!r} stands twice.")
                )
            found = yield from ask(ImageNamed(tag.familiar))
            if found is not None and found.id == image.id and not tag.like_an_id:
                # It names this image already, whosever it is.
                kept[tag] = found.id
                continue
            written[tag], wrong = yield from target_problems(tag, "manifest.json", owner)
            problems += wrong
    if problems:
        raise Denied(problems)
    for tag, before in (*kept.items(), *written.items()):
        tokens.append((yield from ask(Begin(str(tag), before))))
    for image in images:
        yield from _record(image, owner, written)


def _record(image: Loaded, owner: Owner, written: dict[Reference, str]) -> Judgement[None]:
    found = yield from ask(ImageNamed(image.id))
    facts = ImageFacts(image.id, image.owner) if found is None else found
    new = [str(each) for each in image.tags if each in written]
    names = [*new]
    for tag in image.tags:
        if tag not in written and facts.claimants(str(tag)):
            # Others have it by this name, and now the owner does, too.
            names.append(str(tag))
    yield from record(facts, owner, names, found is not None, new)
