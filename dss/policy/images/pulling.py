"""
Pulls: from registries that are allowed, under names that may be written.
"""

from __future__ import annotations

from attrs import evolve

from dss.config.lines import allowing
from dss.errors import Denied, EngineOdd, Problem
from dss.model.facts import ImageFacts, ImageNamed, Json
from dss.model.images import AllImages, Begin, End, Keep, Pause, RegistryDigest
from dss.model.message import HeaderList
from dss.model.owner import Owner
from dss.model.records import NOBODY_YET
from dss.model.reference import Reference
from dss.model.ruling import Edit, EditLines, Forward, Judgement, Ruling, ask
from dss.policy import buildkit
from dss.policy.images.credentials import for_registry
from dss.policy.images.resolving import needs_record
from dss.policy.queries import text_of
from dss.policy.request import Circumstances, Request

_DIGEST = "Digest: "

#: How long the engine may take to give up a pull whose client has left, or to end it, in
#: seconds.
BREAK_SECONDS = 10.0


def pull(request: Request, around: Circumstances) -> Judgement[Ruling]:
    """
    The policy of pulling an image.

    A name that is free or the owner's own is pulled, and its image recorded as the owner's.
    One that is shared or that others have is never moved: where the registry has just the
    image that it names, the pull goes by that image's digest and changes nothing; the owner
    then has it, too. Where it has another one by now, the pull is denied.

    @raise Denied: where the registry, the repository or the digest is not allowed.
    """
    wanted = wanted_reference(request)
    buildkit.check_pull(wanted)
    check_pull(wanted, around)
    headers = for_registry(request, wanted.domain, around)
    platform = text_of(request, "platform")
    found = yield from ask(ImageNamed(wanted.familiar))
    owner = around.owner
    moves = found is None or found.claimants(found.found_by or str(wanted)) == {owner.name}
    asked = wanted
    if found is not None and not moves:
        asked = yield from _unmoved(wanted, found, headers, platform)
    query = [("fromImage", asked.familiar_name), ("tag", asked.digest or asked.tag)]
    if platform:
        query.append(("platform", platform))
    if found is not None and not moves and found.is_usable(owner.name):
        # A shared one, or one's own: there is nothing to record.
        reply = EditLines(_named_as(wanted, asked))
        return Forward(query=tuple(query), headers=headers, reply=reply)
    known = frozenset(each.get("Id") for each in (yield from ask(AllImages(with_steps=True))))
    before = "" if found is None or not moves else found.id
    token = yield from ask(Begin(str(wanted), before, pulling=True))
    record = _Recording(wanted, asked, owner, known, token)
    return Forward(
        query=tuple(query), headers=headers, reply=EditLines(record.line), after=record.end
    )


def wanted_reference(request: Request) -> Reference:
    """
    What a pull asks for: one tag, or one digest.

    @raise BadRequest: where that is no reference.
    @raise Denied: for all tags of a repository at once.
    """
    found = Reference.parse(text_of(request, "fromImage").removesuffix(":"))
    tag = text_of(request, "tag")
    if tag:
        kind = "@" if ":" in tag else ":"
        found = Reference.parse(f"{found.repository}{kind}{tag}")
    if found.digest:
        return evolve(found, tag="")
    if not found.tag:
        raise Denied(
            Problem(
                "image.pull-all",
                "tag",
                "all tags of a repository can't be pulled at once.",
                "Each of them can be, by its name.",
            )
        )
    return found


def check_pull(wanted: Reference, around: Circumstances) -> None:
    """
    Judge what is to be asked of a registry.

    @raise Denied: where that is not allowed.
    """
    if not around.settings.registries.may_pull(wanted):
        allowed = ", ".join(around.settings.registries.pull) or "nothing"
        raise Denied(
            Problem(
                "image.pull",
                "fromImage",
                f"{wanted.familiar!r} is not what may be pulled.",
                f"Allowed: {allowed}. "
                + allowing("registries.pull", [wanted.repository], around.settings.registries),
            )
        )


def _unmoved(
    wanted: Reference, found: ImageFacts, headers: HeaderList, platform: str
) -> Judgement[Reference]:
    """
    A reference that others use too, by the digest of the image that it names.

    @raise Denied: where the pull would move it.
    """
    if platform and not f"{found.platform}/".startswith(f"{platform.lower()}/"):
        raise _moved(wanted, "of another platform", _by_digest(wanted))
    if not wanted.digest and not any(
        each.startswith(f"{wanted.repository}@") for each in found.digests
    ):
        # The registry can't have just this one.
        raise _moved(wanted, "since this one did not come from there", _by_digest(wanted))
    digest = wanted.digest or (yield from ask(RegistryDigest(wanted, headers)))
    asked = evolve(wanted, tag="", digest=digest)
    if str(asked) not in found.digests:
        raise _moved(wanted, f"{digest} in the registry", f"Pull {asked.familiar} instead.")
    return asked


def _by_digest(wanted: Reference) -> str:
    return (
        f"Pull it by its digest, {wanted.familiar_name}@sha256:…, which docker manifest inspect "
        "--verbose tells."
    )


def _moved(wanted: Reference, what: str, hint: str) -> Denied:
    return Denied(
        Problem(
            "image.pull-moves",
            "tag",
            f"{wanted.familiar!r} is not this owner's alone, and would become another image, "
            f"{what}.",
            hint,
        )
    )


def _named_as(wanted: Reference, asked: Reference) -> Edit:
    """
    Edits the engine's progress so that it names what the client asked for.
    """

    def edit(line: Json) -> Judgement[Json]:
        return _renamed(line, wanted, asked)
        yield  # pragma: no cover - makes this function a generator

    return edit


def _renamed(line: Json, wanted: Reference, asked: Reference) -> Json:
    if asked == wanted or not isinstance(line, dict):
        return line
    status = line.get("status")
    if not isinstance(status, str):
        return line
    shown = dict(line)
    if status.startswith("Status: "):
        shown["status"] = status.replace(asked.familiar, wanted.familiar)
    elif status.startswith("Pulling from ") and line.get("id") == asked.familiar:
        shown["id"] = wanted.tag
    return line if shown == line else shown


class _Recording:
    """
    Watches a pull's progress, and records its image before the client learns that it is
    there.
    """

    def __init__(
        self,
        wanted: Reference,
        asked: Reference,
        owner: Owner,
        known: frozenset[str],
        token: str,
    ) -> None:
        """
        @param known: ids of all images that were there before.
        """
        self._wanted = wanted
        self._asked = asked
        self._owner = owner
        self._known = known
        self._token = token
        self._digest = ""
        self._done = False

    def line(self, line: Json) -> Judgement[Json]:
        """
        One line of the progress.
        """
        status = line.get("status") if isinstance(line, dict) else None
        if isinstance(status, str):
            if status.startswith(_DIGEST):
                self._digest = status.removeprefix(_DIGEST)
            elif status.startswith("Status: ") and self._digest and not self._done:
                yield from self._record()
                self._done = True
        return _renamed(line, self._wanted, self._asked)

    def _record(self) -> Judgement[None]:
        by_digest = evolve(self._wanted, tag="", digest=self._digest)
        image = yield from ask(ImageNamed(by_digest.familiar))
        if image is None:
            raise EngineOdd(f"the engine pulled {by_digest.familiar}, and does not have it")
        names = [str(by_digest)]
        if str(self._wanted) in image.tags:
            names.append(str(self._wanted))
        # By a tag, the pull may have given it: its label's owner had it then not by that.
        new = names if self._asked == self._wanted else []
        yield from record(image, self._owner, names, image.id in self._known, new)

    def end(self, complete: bool) -> Judgement[None]:
        """
        The exchange is over. The engine gives up a pull that broke off, and names the digest
        just before it gives the image its name (moby 20.10 to 28.5): what comes without that
        may be another one's, so it is nobody's.
        """
        if not self._done:
            if not complete:
                yield from ask(Pause(BREAK_SECONDS))
            yield from self._broken_off()
        yield from ask(End(self._token))

    def _broken_off(self) -> Judgement[None]:
        image = yield from ask(ImageNamed(self._asked.familiar))
        if image is None or image.id in self._known or image.records.has(image.id):
            return
        by_digest = str(evolve(self._wanted, tag="", digest=self._digest))
        if self._digest and by_digest in image.digests:
            yield from self._record()
        elif image.owner is None:
            yield from ask(Keep(NOBODY_YET, image.id, (str(self._wanted),)))


def record(
    image: ImageFacts, owner: Owner, names: list[str], was_there: bool, new: list[str]
) -> Judgement[None]:
    """
    Record that an owner has an image that came from elsewhere.

    @param names: canonical references by which it has it.
    @param was_there: whether the engine had the image before: its label is to be believed
        then, and its owner keeps it.
    @param new: those of the names that it had not before.
    """
    if not needs_record(image, owner):
        return
    label = image.owner
    if was_there and label not in (None, owner.name) and not image.records.holders.get(image.id):
        assert label is not None
        theirs = [each for each in image.tags if image.claimants(each) == {label}]
        kept = [each for each in (*theirs, *image.digests) if each not in new]
        yield from ask(Keep(label, image.id, tuple(kept)))
    yield from ask(Keep(owner.name, image.id, tuple(names), holds=not image.is_shared))
