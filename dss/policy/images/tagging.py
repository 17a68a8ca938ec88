"""
Tags given to images.
"""

from __future__ import annotations

from dss.errors import Denied
from dss.model.ruling import Forward, Judgement, Ruling, Stream
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
    after = yield from begin_all({wanted: before})
    yield from record_name(image, wanted, around.owner)
    return Forward(
        params={"name": image.id},
        query=(("repo", wanted.familiar_name), ("tag", wanted.tag)),
        reply=Stream(edit_error=as_asked(reference, image)),
        after=after,
    )
