"""
Rows of the bodies that make and change secrets and configs: the engine's C{swarm.SecretSpec}
and C{swarm.ConfigSpec}.
"""

from __future__ import annotations

from dss.policy.fields import rules
from dss.policy.fields.field import Field
from dss.policy.fields.labelled import labels

_own = rules.allow("store.own")


def _templating() -> tuple[Field, ...]:
    rule = rules.deny("store.templating", "the engine would run it as a template.")
    inside = rules.inside("store.templating")
    why = "A template can take all of the engine's memory, or end it."
    return (
        Field("Templating", "object", rule, why, "1.37"),
        Field("Templating.Name", "string", inside, why, "1.37"),
        Field("Templating.Options", "map", inside, why, "1.37"),
        Field("Templating.Options{}", "string", inside, why, "1.37"),
    )


def _rows(since: str) -> tuple[Field, ...]:
    return (
        Field("Name", "string", _own, "Names are the Swarm's: one that is taken is told.", since),
        *labels(since),
        Field("Data", "string", _own, "Is the client's own.", since),
    )


def _secret(since: str) -> tuple[Field, ...]:
    driver = rules.deny("store.driver", "a plugin would be asked for it.")
    inside = rules.inside("store.driver")
    why = "A plugin gives whatever it likes."
    return (
        *_rows(since),
        Field("Driver", "object", driver, why, "1.31"),
        Field("Driver.Name", "string", inside, why, "1.31"),
        Field("Driver.Options", "map", inside, why, "1.31"),
        Field("Driver.Options{}", "string", inside, why, "1.31"),
        *_templating(),
    )


SECRET_CREATE_ROWS = _secret("1.24")
SECRET_UPDATE_ROWS = _secret("1.26")
CONFIG_ROWS = (*_rows("1.30"), *_templating())
