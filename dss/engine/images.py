"""
Questions about images, answered by the engine and the ledger together.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from dss.engine.asking import Asker, text_in
from dss.errors import EngineSaid
from dss.ledger.ledger import AnyLedger
from dss.model.facts import ImageFacts, Json, is_named, names_of
from dss.model.images import RegistryDigest, RemoveImage
from dss.model.owner import owner_of
from dss.model.records import Records
from dss.model.reference import canonical

_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/@-]*")
_FULL_ID = re.compile(r"(?:sha256:)?[0-9a-f]{64}")


class Images:
    """
    Answers questions about images, which have no one owner: policy judges by what is told.
    """

    def __init__(self, asker: Asker, ledger: AnyLedger) -> None:
        self._asker = asker
        self._ledger = ledger

    async def named(self, reference: str) -> ImageFacts | None:
        """
        The image that a reference means, whoever owns it.
        """
        if not _IMAGE.fullmatch(reference) or "//" in reference or "/." in reference:
            return None
        value = (await self._asker.get(("images", reference, "json"))).object_if_any()
        if value is None:
            if _FULL_ID.fullmatch(reference):
                await self._ledger.missing(f"sha256:{reference.removeprefix('sha256:')}")
            return None
        config = value.get("Config") or {}
        checks = config.get("Healthcheck") or {}
        image = text_in(value, "Id")
        records = self._ledger.about(image)
        tags = names_of(value, "RepoTags")
        digests = names_of(value, "RepoDigests")
        return ImageFacts(
            image,
            owner_of(config.get("Labels")),
            is_named(value),
            config.get("WorkingDir") or "",
            tuple(config.get("Volumes") or ()),
            {name: checks[name] for name in ("Interval", "StartInterval") if checks.get(name)},
            tuple(config.get("OnBuild") or ()),
            "/".join(value[key] for key in ("Os", "Architecture", "Variant") if value.get(key)),
            tags,
            digests,
            _found_by(reference, tags, digests),
            value.get("Parent") or "",
            records if isinstance(records, Records) else await records,
            tuple(config.get("ExposedPorts") or ()),
            tuple(checks.get("Test") or ()),
            tuple(config.get("Env") or ()),
        )

    async def all(self, with_steps: bool) -> Sequence[Json]:
        """
        All entries of the engine's list.
        """
        answer = await self._asker.get(("images", "json"), {"all": "1" if with_steps else "0"})
        return answer.expect_list()

    async def remove(self, question: RemoveImage) -> tuple[int, Json]:
        """
        Remove a tag or an image: the engine's status and its answer.
        """
        query = {"noprune": "0" if question.prunes else "1"}
        answer = await self._asker.delete(("images", question.reference), query)
        return answer.status, answer.value

    async def registry_digest(self, question: RegistryDigest) -> str:
        """
        The digest that a registry has for a reference.

        @raise EngineSaid: where it has none.
        """
        name = question.reference.familiar
        answer = await self._asker.get(("distribution", name, "json"), headers=question.headers)
        if answer.status != 200:
            raise EngineSaid(answer.status, answer.message)
        described = answer.value.get("Descriptor") if isinstance(answer.value, dict) else None
        return text_in(described or {}, "digest")


def _found_by(reference: str, tags: tuple[str, ...], digests: tuple[str, ...]) -> str:
    """
    The tag or the digest that a reference means, or empty where it is an id: the engine
    looks for names first (proved on 20.10, 26.1 and 28.5), but for full ids.
    """
    if _FULL_ID.fullmatch(reference):
        return ""
    name = canonical(reference)
    if name in tags or name in digests:
        return name
    # Of a name with both, the digest counts.
    bare = canonical(re.sub(r":[^:/@]*@", "@", reference))
    return bare if bare in digests else ""
