"""
How much text an object may carry: what one owner writes, others' lists and events must hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from dss.errors import Problem

#: Bytes of all labels of one object, keys and values.
LABELS = 64 * 1024

#: Bytes of all words of one command: lists of containers and services show it whole.
WORDS = 256 * 1024

#: Bytes of all environment variables of one container.
ENVIRONMENT = 1024 * 1024


def size_of(texts: str | Iterable[str]) -> int:
    """
    The bytes of a text, or of all of some texts.
    """
    return sum(
        len(each.encode("utf-8", "surrogatepass"))
        for each in ((texts,) if isinstance(texts, str) else texts)
    )


def labels_size(labels: Mapping[str, str]) -> int:
    """
    The bytes of all keys and values.
    """
    return size_of(labels) + size_of(labels.values())


def too_large(size: int, most: int) -> str | None:
    """
    Why a size is denied, or L{None}.
    """
    return None if size <= most else f"it has {size} bytes of text, of which {most} are the most."


def label_problems(labels: Mapping[str, str], field: str) -> Iterator[Problem]:
    """
    What is wrong with the size of labels.

    @param field: the body field or query parameter that holds them.
    """
    reason = too_large(labels_size(labels), LABELS)
    if reason is not None:
        yield Problem("label.size", field, reason, f"Allowed: {LABELS // 1024} KiB in all.")
