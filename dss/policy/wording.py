"""
The engine's errors in the client's own words: dss asks by ids and by names of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from dss.model.ruling import EditError, Judgement, settled

_ID = re.compile(r"[0-9a-f]{12}|[0-9a-f]{64}")

#: Fields of C{HostConfig} in which names become ids.
_REFERENCES = ("NetworkMode", "IpcMode", "PidMode", "Links", "VolumesFrom")


def reworded(message: str, words: Mapping[str, str]) -> str:
    """
    A message with each key of C{words} replaced, wherever it stands by itself.
    """
    if not words:
        return message
    longest_first = sorted(words, key=len, reverse=True)
    keys = "|".join(map(re.escape, longest_first))
    return re.sub(
        rf"(?<![0-9A-Za-z])(?:{keys})(?![0-9A-Za-z])", lambda found: words[found[0]], message
    )


def instead(words: Mapping[str, str], then: EditError | None = None) -> EditError:
    """
    Edits an engine's error by L{reworded}, and then in another way.
    """

    def edit(status: int, message: str) -> Judgement[str]:
        found = reworded(message, words)
        return settled(found) if then is None else then(status, found)

    return edit


def words_of(sent: Mapping[str, Any], written: Mapping[str, Any]) -> dict[str, str]:
    """
    What the client of a create wrote for each id that the engine gets.

    @param sent: the body that the engine gets.
    @param written: the client's own.
    """
    found: dict[str, str] = {}
    ours, theirs = sent.get("HostConfig") or {}, written.get("HostConfig") or {}
    for name in _REFERENCES:
        found.update(_pairs(ours.get(name), theirs.get(name, "")))
    for mine, own in zip(_endpoints(sent).items(), _endpoints(written).items(), strict=False):
        found.update(_pairs(mine[0], own[0]))
        found.update(_pairs(mine[1].get("Links"), own[1].get("Links")))
    return found


def _endpoints(body: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    return (body.get("NetworkingConfig") or {}).get("EndpointsConfig") or {}


def _pairs(sent: Any, written: Any) -> Iterator[tuple[str, str]]:
    if isinstance(sent, list) and isinstance(written, list):
        for mine, own in zip(sent, written, strict=False):
            yield from _pairs(mine, own)
    elif isinstance(sent, str) and isinstance(written, str):
        for mine, own in zip(sent.split(":"), written.split(":"), strict=False):
            if _ID.fullmatch(mine):
                # What is not written, or "default", the engine calls by its name.
                yield mine, own if own not in ("", "default") else "bridge"
