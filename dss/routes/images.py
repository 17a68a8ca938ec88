"""
Rows of the operations on images.
"""

from __future__ import annotations

from dss.policy.images import pruning, removing, saving, showing, tagging
from dss.policy.later import later
from dss.routes.table import (
    Body,
    Family,
    Route,
    api,
    boolean,
    filters,
    ignored,
    integer,
    text,
    texts,
)

_LATER = "denied for now"
_VISIBLE = "own images and those that nobody owns"
_IMAGES = later("this operation on images")
_REGISTRY = later("registries")
_PULL = later(
    "registries",
    # Where BuildKit is denied, buildx 0.13 pulls an image of BuildKit, and ends here.
    hint="If this comes from docker build: set DOCKER_BUILDKIT=0 to use the classic builder.",
)
_ARCHIVES = later("archives of images")

ROUTES = (
    Route(
        "ImageList",
        "GET",
        "/images/json",
        Family.IMAGES,
        showing.listing,
        _VISIBLE,
        params=(
            boolean("all"),
            filters(),
            boolean("digests"),
            boolean("shared-size", "1.42"),
            boolean("manifests", "1.47"),
            boolean("identity", "1.54"),
            # Sent by docker-py, and read by no engine since API 1.24.
            ignored("only_ids"),
        ),
    ),
    Route(
        "ImageInspect",
        "GET",
        "/images/{name...}/json",
        Family.IMAGES,
        showing.inspect,
        _VISIBLE,
        params=(boolean("manifests", "1.48"), text("platform", "1.49")),
    ),
    Route(
        "ImageCreate",
        "POST",
        "/images/create",
        Family.IMAGES,
        _PULL,
        _LATER,
        params=(
            text("fromImage"),
            text("fromSrc"),
            text("repo"),
            text("tag"),
            text("platform", "1.32"),
            text("message", "1.39"),
            texts("changes", "1.40"),
        ),
        body=Body.STREAM,
    ),
    Route(
        "ImageHistory",
        "GET",
        "/images/{name...}/history",
        Family.IMAGES,
        showing.history,
        _VISIBLE,
        params=(text("platform", "1.48"),),
    ),
    Route(
        "ImagePush",
        "POST",
        "/images/{name...}/push",
        Family.IMAGES,
        _REGISTRY,
        _LATER,
        params=(text("tag"), text("platform", "1.46")),
    ),
    Route(
        "ImageTag",
        "POST",
        "/images/{name...}/tag",
        Family.IMAGES,
        tagging.tag,
        "own and shared ones, by tags that are free or own",
        params=(text("repo"), text("tag")),
    ),
    Route(
        "ImageDelete",
        "DELETE",
        "/images/{name...}",
        Family.IMAGES,
        removing.delete,
        "own ones, as far as no other owner has them",
        params=(boolean("force"), boolean("noprune"), texts("platforms", "1.50")),
    ),
    Route(
        "ImageSearch",
        "GET",
        "/images/search",
        Family.IMAGES,
        _REGISTRY,
        _LATER,
        params=(text("term"), integer("limit"), filters()),
    ),
    Route(
        "ImagePrune",
        "POST",
        "/images/prune",
        Family.IMAGES,
        pruning.prune,
        "own ones, one by one",
        params=(filters(),),
    ),
    Route(
        "ImageCommit",
        "POST",
        "/commit",
        Family.IMAGES,
        _IMAGES,
        _LATER,
        params=(
            text("container"),
            text("repo"),
            text("tag"),
            text("comment"),
            text("author"),
            boolean("pause"),
            texts("changes"),
        ),
        body=Body.JSON,
    ),
    Route(
        "ImageGet",
        "GET",
        "/images/{name...}/get",
        Family.IMAGES,
        saving.get,
        _VISIBLE,
        params=(texts("platform", "1.48"),),
    ),
    Route(
        "ImageGetAll",
        "GET",
        "/images/get",
        Family.IMAGES,
        saving.get_all,
        _VISIBLE,
        params=(texts("names"), texts("platform", "1.48")),
    ),
    Route(
        "ImageLoad",
        "POST",
        "/images/load",
        Family.IMAGES,
        _ARCHIVES,
        _LATER,
        params=(boolean("quiet"), texts("platform", "1.48")),
        body=Body.STREAM,
    ),
    Route(
        "ImageAttestations",
        "GET",
        "/images/{name...}/attestations",
        Family.IMAGES,
        showing.attestations,
        _VISIBLE,
        since=api("1.55"),
        params=(texts("platform", "1.55"), texts("type", "1.55"), boolean("statement", "1.55")),
    ),
)
