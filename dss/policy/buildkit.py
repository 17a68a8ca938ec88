"""
BuildKit, which dss does not mediate yet: whoever wants it is told how to build without.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dss.errors import BadRequest, Denied, Problem
from dss.model.reference import Reference

#: What a client can do instead.
CLASSIC = "Set DOCKER_BUILDKIT=0 to use the classic builder."

#: What buildx calls the containers of its builders, and where it has their image from (buildx
#: 0.29).
_NAMES = "buildx_buildkit_"
_REPOSITORY = "docker.io/moby/buildkit"
_TAGS = "buildx-"


def check_create(name: str, body: Mapping[str, Any]) -> None:
    """
    Judge a new container: where an engine has no BuildKit for it, buildx makes a privileged
    container with one.

    @raise Denied: for such a container, with this one problem: others would only tell of ways
        that lead nowhere.
    """
    wanted = _parsed(body.get("Image", ""))
    host = body.get("HostConfig") or {}
    if name.removeprefix("/").startswith(_NAMES) or (
        wanted is not None
        and wanted.repository == _REPOSITORY
        and (wanted.tag.startswith(_TAGS) or host.get("Privileged"))
    ):
        raise Denied(_problem("Image"))


def check_pull(wanted: Reference) -> None:
    """
    Judge a pull: before buildx makes its container it pulls the image.

    @raise Denied: for the image that buildx pulls.
    """
    if wanted.repository == _REPOSITORY and wanted.tag.startswith(_TAGS):
        raise Denied(_problem("fromImage"))


def _parsed(text: str) -> Reference | None:
    try:
        return Reference.parse(text)
    except BadRequest:
        return None


def _problem(field: str) -> Problem:
    return Problem(
        "build.buildkit",
        field,
        "dss does not mediate BuildKit yet, so buildx can't build here.",
        f"{CLASSIC} Then docker build and docker compose build work.",
    )
