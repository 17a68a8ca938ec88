"""
Rows of a login's body: the engine's C{registry.AuthConfig}.
"""

from __future__ import annotations

from dss.policy.fields import rules
from dss.policy.fields.field import Field

_secret = rules.allow("registry.login")
_told = "Goes to the registry that is named, and nowhere else."

AUTH_ROWS = (
    Field("username", "string", _secret, _told),
    Field("password", "string", _secret, _told),
    Field("auth", "string", _secret, _told, documented=False),
    Field("email", "string", rules.drop("registry.login"), "No registry needs it.", until="1.51"),
    Field(
        "serveraddress",
        "string",
        rules.elsewhere("registry.host", "registries of which something may be pulled or pushed"),
        "The engine connects to it.",
    ),
    Field("identitytoken", "string", _secret, _told, documented=False),
    Field("registrytoken", "string", _secret, _told, documented=False),
)
