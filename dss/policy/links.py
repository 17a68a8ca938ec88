"""
What names another container in a body: namespace modes and links.
"""

from __future__ import annotations

from collections.abc import Sequence

from dss.errors import BadRequest
from dss.model.facts import ContainerNamed
from dss.model.ruling import Judgement, ask


def resolved_container(reference: str, wording: str = "{}") -> Judgement[str]:
    """
    The full id of one's own container that a body names.

    @param wording: the message for a missing one, with a place for what is missing.
    @raise BadRequest: where it is missing or another owner's. The engine would say it with
        404, which the CLI takes for a missing image.
    """
    found = yield from ask(ContainerNamed(reference))
    if found is None:
        raise BadRequest(wording.format(f"No such container: {reference}"))
    return found.id


def resolved_links(links: Sequence[str], length: int = 64) -> Judgement[list[str]]:
    """
    Links with ids in place of names, each with its alias.

    @param length: how many digits of an id. A link of an endpoint is an alias that is
        looked up among the names of its network, where a container is known by its name
        and the twelve digits of its short id (proved on 20.10, 26.1 and 28.5). No container
        of an owner can have such digits as its name.
    @raise BadRequest: where the engine would not read one, and where the container is
        missing or another owner's, in the engine's words (moby 20.10 to 28.5).
    """
    found = []
    for link in links:
        parts = link.split(":")
        if not link or len(parts) > 2:
            raise BadRequest(f"bad format for links: {link}")
        reference, alias = parts[0], parts[-1]
        if reference.startswith("/"):
            # As inspect shows it: /web:/app/web.
            reference, alias = reference[1:], alias.rpartition("/")[2]
        wording = f"could not get container for {reference}: {{}}"
        id = yield from resolved_container(reference, wording)
        found.append(f"{id[:length]}:{alias}")
    return found
