"""
Errors as clients are told of them.
"""

from __future__ import annotations

from dss.errors import CHARACTERS_TOLD, Problem
from dss.policy.fields.tables import NETWORK_CREATE


def test_advice_is_not_cut_off() -> None:
    """
    A long list of what is allowed gives way to what the operator can do.
    """
    body = {"Name": "a", "Options": {"com.docker.network.bridge.name": "x"}}
    (only,) = NETWORK_CREATE.problems(body)
    assert len(only.hint) > CHARACTERS_TOLD
    assert (
        ", … The operator can allow it with networks.options = "
        '["com.docker.network.bridge.name=x"] in the settings file. [rule network.options]'
    ) in str(only)
    assert str(only).count("com.docker.network.") > 3


def test_what_a_client_wrote_is_cut() -> None:
    """
    Also where it is in the advice.
    """
    told = str(Problem("a", "b", "c", f"d The operator can {'x' * 600}"))
    assert "x" * 400 in told
    assert len(told) < CHARACTERS_TOLD + 30
