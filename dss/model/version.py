"""
Versions of the Docker Engine API.
"""

from __future__ import annotations

import re
from functools import lru_cache

from attrs import frozen

_FORM = re.compile(r"(0|[1-9][0-9]{0,3})\.(0|[1-9][0-9]{0,3})")


@frozen(order=True)
class ApiVersion:
    """
    One version of the API, such as 1.45. Versions compare as numbers: 1.9 is
    older than 1.10.
    """

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"

    @classmethod
    def parse(cls, text: str) -> ApiVersion:
        """
        Read the one canonical spelling, such as C{"1.45"}.

        @raise ValueError: for any other spelling. The engine itself takes
            C{1.045}, C{1.45.0} and C{1.45.} for the same (moby 28.5,
            C{api/server/middleware/version.go}); dss does not, so that each
            version has one name.
        """
        return _parse(text)


@lru_cache(maxsize=256)
def _parse(text: str) -> ApiVersion:
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no API version: it should look like 1.45")
    return ApiVersion(int(found[1]), int(found[2]))


#: The oldest version that dss serves: Docker 1.12.
OLDEST = ApiVersion(1, 24)

#: The newest version whose operations and fields dss knows. A client is never
#: told that the engine speaks a newer one.
NEWEST = ApiVersion(1, 55)
