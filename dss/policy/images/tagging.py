"""
Tags given to images.
"""

from __future__ import annotations

from dss.errors import Denied
from dss.model.facts import ImageNamed
from dss.model.images import Release
from dss.model.ruling import Forward, Judgement, Ruling, Stream, ask
from dss.policy.images.resolving import (
    as_asked,
    begin_all,
    record_name,
    target,
    target_problems,
    usable_image,
)
from dss.policy.queries import text_of
from dss.policy.request import Circumstances, Request


def tag(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of giving a tag to an image, which is asked for by its id.

    @raise NotFound: where the image is missing or another owner's.
    @raise Denied: where the tag is shared or another owner's.
    """
    reference = request.params["name"]
    image = yield from usable_image(reference, around.owner)
    wanted = target(text_of(request, "repo"), text_of(request, "tag"))
    before, problems = yield from target_problems(wanted, "repo", around.owner)
    if problems:
        raise Denied(problems)
    end = yield from begin_all({wanted: before})
    yield from record_name(image, wanted, around.owner)

    def after(complete: bool) -> Judgement[None]:
        # Where the engine refused it, the name is free, and whoever gives it has it. Where
        # the client left, it may still come: what then doesn't is dropped later.
        found = (yield from ask(ImageNamed(image.id))) if complete else None
        if found is not None and str(wanted) not in found.tags:
            yield from ask(Release(image.id, (str(wanted),), holds=True))
        if end is not None:
            yield from end(complete)

    return Forward(
        params={"name": image.id},
        query=(("repo", wanted.familiar_name), ("tag", wanted.tag)),
        reply=Stream(edit_error=as_asked(reference, image)),
        after=after,
    )
