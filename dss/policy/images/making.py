"""
Images made of a container or of a file system: stamped, and named as the owner may.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from dss.errors import Denied, Problem
from dss.model import gojson
from dss.model.facts import ContainerJson
from dss.model.owner import OWNER_LABEL
from dss.model.reference import Reference
from dss.model.ruling import Forward, Judgement, Ruling, ask
from dss.policy import dockerfile
from dss.policy.fields.tables import COMMIT
from dss.policy.growth import BROUGHT, brings_too_much
from dss.policy.images.pulling import pull
from dss.policy.images.resolving import begin_all, target, target_problems
from dss.policy.labels import reserved, stamp
from dss.policy.ownership import own_container
from dss.policy.queries import passed_on, text_of, texts_of
from dss.policy.request import Circumstances, QueryValue, Request
from dss.policy.shown import labels_of

#: A label's key that means itself in a Dockerfile.
_PLAIN = re.compile(r"[a-z.]+")


def create(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of making an image of what comes from elsewhere: by a pull, or by an import.
    """
    if text_of(request, "fromImage"):
        return (yield from pull(request, around))
    return (yield from _import(request, around))


def _import(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of importing a file system, which the client sends.

    @raise Denied: where the engine would fetch it, or the name is not the owner's to write.
    """
    problems = []
    if text_of(request, "fromSrc") != "-":
        problems.append(
            Problem(
                "image.import-url",
                "fromSrc",
                "the engine would fetch it, from its own network.",
                "Send it, with fromSrc=-.",
            )
        )
    wanted, wrong = yield from _target(request, around)
    changes, more = stamped_changes(request, around, {})
    problems += [*wrong, *more]
    if problems:
        raise Denied(problems)
    query: dict[str, QueryValue] = {
        name: request.query[name] for name in ("message", "platform") if name in request.query
    }
    query.update({"fromSrc": "-", "changes": changes, **_named(wanted)})
    after = yield from begin_all(wanted)
    return Forward(
        query=passed_on(query),
        # Of a form, the engine would read further parameters from the body (moby 28.5).
        headers=(("Content-Type", "application/x-tar"),),
        rewrites=("changes: stamped",),
        after=after,
    )


def commit(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of making an image of a container: the owner's own.

    @raise NotFound: where the container is missing or another owner's.
    @raise Denied: with all problems.
    """
    container = yield from own_container(text_of(request, "container"))
    body = None if request.body.strip() in (b"", b"null") else COMMIT.read(request.body)
    problems = list(COMMIT.problems(body, around.settings.containers)) if body else []
    wanted, wrong = yield from _target(request, around)
    shown = (yield from ask(ContainerJson(container.id))) or {}
    changes, more = stamped_changes(request, around, labels_of(shown.get("Config")))
    problems += [*wrong, *more]
    environments = ((shown.get("Config") or {}).get("Env"), (body or {}).get("Env"))
    if "$" in "".join(changes) and any(brings_too_much(each or ()) for each in environments):
        problems.append(
            Problem(
                "build.variables",
                "changes",
                "the container has variables that are too large to be put in.",
                f"Allowed: {BROUGHT // 1024} KiB each.",
            )
        )
    if problems:
        raise Denied(problems)
    if body is not None:
        body = {**COMMIT.cleaned(body), "Labels": stamp(body.get("Labels"), around.owner)}
    query: dict[str, QueryValue] = {
        name: request.query[name]
        for name in ("comment", "author", "pause")
        if name in request.query
    }
    query.update({"container": container.id, "changes": changes, **_named(wanted)})
    after = yield from begin_all(wanted)
    return Forward(
        query=passed_on(query),
        body=gojson.encode(body),
        rewrites=("changes: stamped",),
        after=after,
    )


def stamped_changes(
    request: Request, around: Circumstances, labels: Mapping[str, str]
) -> tuple[tuple[str, ...], list[Problem]]:
    """
    A client's changes with the one that stamps the image before them: the engine reads all
    of them as one Dockerfile, in which a line before it could swallow it (proved on 20.10
    and 28.5).

    @param labels: those that the image would get besides, of which dss's own are emptied.
    @return: the changes, and what is wrong with them.
    """
    given = [each for each in texts_of(request, "changes") if each]
    others = [key for key in labels if reserved(key) and key != OWNER_LABEL]
    problems = [
        Problem(
            "label.reserved",
            "container",
            f"its image brought the label {key[:64]!r}, which is like dss's own, and is none.",
            "Containers of images without such labels can be committed.",
        )
        for key in others
        if not _PLAIN.fullmatch(key)
    ]
    # Any other key could end this line, and stamp the image by the next (proved on 28.5).
    blank = [f'{key}=""' for key in others if _PLAIN.fullmatch(key)]
    first = " ".join(["LABEL", f"{OWNER_LABEL}={around.owner.name}", *blank])
    # Read from the second line on, as the engine does.
    text = "\n".join(["USER root", *given])
    return (first, *given), [*problems, *dockerfile.read(text.encode(), {}).problems]


def _target(
    request: Request, around: Circumstances
) -> Judgement[tuple[dict[Reference, str], list[Problem]]]:
    repository = text_of(request, "repo")
    if not repository:
        return {}, []
    wanted = target(repository, text_of(request, "tag"))
    before, problems = yield from target_problems(wanted, "repo", around.owner)
    return {wanted: before}, problems


def _named(wanted: Mapping[Reference, str]) -> dict[str, QueryValue]:
    found: dict[str, QueryValue] = {}
    for each in wanted:
        found = {"repo": each.familiar_name, "tag": each.tag}
    return found
