"""
The C{filters} parameter of lists and prunes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping

from attrs import frozen

from dss.testing.engine.message import EngineError, EngineRequest, truth


@frozen
class Filters:
    """
    What a client asked to see.

    @ivar values: each filter's values, in order, without repetitions.
    """

    values: Mapping[str, tuple[str, ...]]

    @classmethod
    def read(cls, request: EngineRequest, known: Collection[str] | None = None) -> Filters:
        """
        Read the parameter, in its list form or the older form of objects
        (C{{"label": {"a": true}}}).

        @param known: the filters that the operation has; L{None} for any.
        @raise EngineError: if it can't be read or names an unknown filter.
        """
        text = request.text("filters")
        if not text:
            return cls({})
        try:
            parsed = json.loads(text)
        except ValueError:
            raise EngineError(400, "invalid filter") from None
        if not isinstance(parsed, dict):
            raise EngineError(400, "invalid filter")
        values = {}
        for name, given in parsed.items():
            if isinstance(given, dict):
                # Their truth values mean nothing: moby looks at the keys alone.
                given = list(given)
            if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
                raise EngineError(400, "invalid filter")
            if known is not None and name not in known:
                raise EngineError(400, f"invalid filter '{name}'")
            values[name] = tuple(dict.fromkeys(given))
        return cls(values)

    def get(self, name: str) -> tuple[str, ...]:
        """
        One filter's values; none where it was not given.
        """
        return self.values.get(name, ())

    def flag(self, name: str) -> bool | None:
        """
        A filter that is true or false, or L{None} where it was not given.

        @raise EngineError: if it is neither.
        """
        given = self.get(name)
        if not given:
            return None
        if given[0] not in ("0", "1", "true", "false", "True", "False"):
            raise EngineError(400, f"invalid filter '{name}={list(given)}'")
        return truth(given[0])

    def exact(self, name: str, value: str) -> bool:
        """
        Whether a value is among those asked for, or none was asked for.
        """
        given = self.get(name)
        return not given or value in given

    def matches(self, name: str, *values: str) -> bool:
        """
        Whether one of these values equals one asked for, or contains it as a
        regular expression.
        """
        given = self.get(name)
        if not given:
            return True
        for wanted in given:
            if wanted in values:
                return True
            try:
                if any(re.search(wanted, value) for value in values):
                    return True
            except re.error:
                continue
        return False

    def labels(self, labels: Mapping[str, str]) -> bool:
        """
        Whether labels have all those of C{label} and none of C{label!}.
        """
        return all(_labelled(labels, each) for each in self.get("label")) and not any(
            _labelled(labels, each) for each in self.get("label!")
        )


def _labelled(labels: Mapping[str, str], wanted: str) -> bool:
    key, equals, value = wanted.partition("=")
    return key in labels and (not equals or labels[key] == value)
