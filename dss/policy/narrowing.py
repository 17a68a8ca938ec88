"""
Requests about all of a kind at once, lists and prunes: narrowed to what is the owner's own, by
its label.
"""

from __future__ import annotations

from collections.abc import Collection

from dss.errors import BadRequest
from dss.model.ruling import Edit, EditJson, Forward
from dss.policy.filters import narrowed
from dss.policy.queries import filters_of, passed_on
from dss.policy.request import Circumstances, Filters, Request

_REWRITES = ("filters: owner's label added",)


def list_own(
    request: Request,
    around: Circumstances,
    edit: Edit,
    filters: Filters | None = None,
) -> Forward:
    """
    A list of the owner's own.

    @param edit: edits the list, which it filters again.
    @param filters: those to ask with; the client's own where L{None}.
    """
    narrow = narrowed(filters_of(request) if filters is None else filters, around.owner.labels)
    return Forward(
        query=passed_on({**request.query, "filters": narrow}),
        reply=EditJson(edit),
        rewrites=_REWRITES,
    )


def prune_own(
    request: Request, around: Circumstances, known: Collection[str], invalid: str = "invalid"
) -> Forward:
    """
    A prune of the owner's own.

    @param known: the filters that the operation has.
    @param invalid: how the engine begins its answer to any other one.
    @raise BadRequest: for a filter that the operation does not have, in the engine's words.
    """
    filters = filters_of(request)
    for name in filters:
        if name not in known:
            raise BadRequest(f"{invalid} filter '{name}'")
    narrow = narrowed(filters, around.owner.labels)
    return Forward(query=passed_on({"filters": narrow}), rewrites=_REWRITES)
