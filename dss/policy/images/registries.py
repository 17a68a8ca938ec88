"""
What goes to registries: pushes, searches, logins and questions about an image.
"""

from __future__ import annotations

from dss.config.lines import allowing
from dss.config.registries import host_of
from dss.errors import Denied, Problem
from dss.model import gojson
from dss.model.facts import ImageNamed
from dss.model.reference import HUB, Reference
from dss.model.ruling import Answer, Forward, Judgement, Ruling, ask
from dss.policy.fields.tables import AUTH
from dss.policy.images.credentials import check_host, for_registry
from dss.policy.images.pulling import check_pull
from dss.policy.images.resolving import target
from dss.policy.images.saving import visible_tags
from dss.policy.queries import passed_on, text_of
from dss.policy.request import Circumstances, Request


def push(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of pushing an image: by a tag of one's own, to where it is allowed.

    @raise Denied: where it is shared, or may not be pushed.
    """
    name = Reference.parse(request.params["name"])
    if not text_of(request, "tag") and not name.tag:
        raise Denied(
            Problem(
                "image.push-all",
                "tag",
                "all tags of a repository can't be pushed at once.",
                "Each of them can be, by its name.",
            )
        )
    wanted = target(request.params["name"], text_of(request, "tag"))
    if not around.settings.registries.may_push(wanted):
        allowed = ", ".join(around.settings.registries.push) or "nothing"
        raise Denied(
            Problem(
                "image.push",
                "name",
                f"{wanted.familiar_name!r} is not where may be pushed to.",
                f"Allowed: {allowed}. "
                + allowing("registries.push", [wanted.repository], around.settings.registries),
            )
        )
    found = yield from ask(ImageNamed(wanted.familiar))
    if found is None or not found.is_usable(around.owner.name):
        return _nothing_to_push(wanted, bool((yield from visible_tags(wanted, around))))
    if found.claimants(str(wanted)) != {around.owner.name}:
        raise Denied(
            Problem(
                "image.shared",
                "name",
                f"{wanted.familiar!r} is not this owner's alone.",
                "A tag of one's own can be pushed.",
            )
        )
    query = {**request.query, "tag": wanted.tag}
    return Forward(
        params={"name": wanted.familiar_name},
        query=passed_on(query),
        headers=for_registry(request, wanted.domain, around),
    )


def _nothing_to_push(wanted: Reference, has_others: bool) -> Answer:
    """
    What the engine says where it has not what is to be pushed: with a status of success
    (moby 20.10 to 28.5).

    @param has_others: whether there are other tags of the repository.
    """
    error = f"An image does not exist locally with the tag: {wanted.familiar_name}"
    if has_others:
        error = f"tag does not exist: {wanted.familiar}"
    lines = (
        {"status": f"The push refers to repository [{wanted.repository}]"},
        {"errorDetail": {"message": error}, "error": error},
    )
    return Answer(200, b"".join(gojson.encode(each) + b"\r\n" for each in lines))


def search(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of searching a registry: one of which something may be pulled or pushed.

    @raise Denied: where it is another one.
    """
    term = text_of(request, "term")
    host, slash, _ = term.partition("/")
    is_host = slash and ("." in host or ":" in host or host == "localhost")
    registry = host_of(term if "://" in term else host if is_host else "")
    check_host(registry, around, "term")
    return Forward(query=passed_on(request.query), headers=for_registry(request, registry, around))
    yield  # pragma: no cover - makes this function a generator


def inspect(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of asking a registry about an image: one that may be pulled.

    @raise Denied: where it may not.
    """
    wanted = Reference.parse(request.params["name"]).named
    check_pull(wanted, around)
    return Forward(
        params={"name": wanted.familiar}, headers=for_registry(request, wanted.domain, around)
    )
    yield  # pragma: no cover - makes this function a generator


def login(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of a login, which only tells whether credentials are right: at a registry of
    which something may be pulled or pushed.

    @raise Denied: where it is another one.
    """
    body = AUTH.read(request.body or b"{}")
    address = body.get("serveraddress", "")
    host = host_of(address)
    check_host(host, around, "serveraddress")
    # What the engine would read of another form of the address could be another host.
    known = "https://index.docker.io/v1/" if host == HUB else host
    return Forward(body=gojson.encode({**AUTH.cleaned(body), "serveraddress": known}))
    yield  # pragma: no cover - makes this function a generator
