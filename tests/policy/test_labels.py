"""
Labels of dss can't be set by a client, and are always told by dss.
"""

from __future__ import annotations

import pytest

from dss.model.owner import IMAGE_LABEL, Owner
from dss.policy.labels import problems, reserved, stamp


@pytest.mark.parametrize(
    "key", ["com.dss.owner", "com.dss.", "COM.DSS.Owner", "com.d\u017fs.owner", " com.dss.owner"]
)
def test_reserved(key: str) -> None:
    assert reserved(key)
    (problem,) = problems(["a", key], "Labels")
    assert problem.rule == "label.reserved"
    assert repr(key) in problem.reason
    assert stamp({key: "x"}, Owner("ci")) == {"com.dss.owner": "ci"}


@pytest.mark.parametrize("key", ["com.dss", "com.dssx.owner", "xcom.dss.owner", ""])
def test_free(key: str) -> None:
    assert not reserved(key)
    assert list(problems([key], "Labels")) == []
    assert stamp({key: "x"}, Owner("ci")) == {key: "x", "com.dss.owner": "ci"}


def test_stamped() -> None:
    assert stamp(None, Owner("ci"), {IMAGE_LABEL: "busybox"}) == {
        "com.dss.owner": "ci",
        "com.dss.image": "busybox",
    }
