"""
The tables of fields: complete, well formed, and documented.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dss.errors import Denied
from dss.model.gojson import SHAPES, fold
from dss.policy.fields.field import Field, split
from dss.policy.fields.render import page
from dss.policy.fields.table import Table
from dss.policy.fields.tables import (
    AUTH,
    COMMIT,
    CONFIG_CREATE,
    CONFIG_UPDATE,
    CREATE,
    DOCUMENTED_OTHERWISE,
    EXEC_CREATE,
    EXEC_START,
    NETWORK_CONNECT,
    NETWORK_CREATE,
    NETWORK_DISCONNECT,
    NODE_UPDATE,
    SECRET_CREATE,
    SECRET_UPDATE,
    SERVICE_CREATE,
    SERVICE_UPDATE,
    SWARM_INIT,
    SWARM_JOIN,
    SWARM_UNLOCK,
    SWARM_UPDATE,
    TABLES,
    UPDATE,
    VOLUME_CREATE,
    VOLUME_UPDATE,
)

ROOT = Path(__file__).parent.parent.parent
FACTS = json.loads((ROOT / "tests/data/docker-api-facts.json").read_text("utf-8"))["endpoints"]

OPERATIONS = {
    "POST /containers/create": CREATE,
    "POST /containers/{id}/update": UPDATE,
    "POST /containers/{id}/exec": EXEC_CREATE,
    "POST /exec/{id}/start": EXEC_START,
    "POST /networks/create": NETWORK_CREATE,
    "POST /commit": COMMIT,
    "POST /auth": AUTH,
    "POST /networks/{id}/connect": NETWORK_CONNECT,
    "POST /networks/{id}/disconnect": NETWORK_DISCONNECT,
    "POST /services/create": SERVICE_CREATE,
    "POST /services/{id}/update": SERVICE_UPDATE,
    "POST /secrets/create": SECRET_CREATE,
    "POST /secrets/{id}/update": SECRET_UPDATE,
    "POST /configs/create": CONFIG_CREATE,
    "POST /configs/{id}/update": CONFIG_UPDATE,
    "POST /swarm/init": SWARM_INIT,
    "POST /swarm/join": SWARM_JOIN,
    "POST /swarm/update": SWARM_UPDATE,
    "POST /swarm/unlock": SWARM_UNLOCK,
    "POST /nodes/{id}/update": NODE_UPDATE,
    "POST /volumes/create": VOLUME_CREATE,
    "PUT /volumes/{name}": VOLUME_UPDATE,
}

#: What types of ours a published type may be.
TYPES = {
    "string": {"string"},
    "boolean": {"boolean"},
    "number": {"number"},
    "integer": {"int", "int64", "uint", "uint16", "uint32", "uint64"},
    "object": {"object"},
    "object enum {}": {"nothing"},
    "map": {"map"},
    "array of string": {"array of string", "words"},
    "array of integer": {"pair of uint"},
}

ROWS = [
    pytest.param(table, row, id=f"{table.name}:{row.path}")
    for table in TABLES
    for row in table.rows
]


def published(operation: str) -> list[object]:
    return [
        pytest.param(OPERATIONS[operation], path, facts, id=f"{operation}:{path}")
        for path, facts in FACTS[operation]["body"].items()
        # Some descriptions write a body as two objects in one.
        if path != "."
    ]


@pytest.mark.parametrize(
    ("table", "path", "facts"),
    [each for operation in OPERATIONS for each in published(operation)],
)
def test_each_published_field_has_its_row(table: Table, path: str, facts: dict[str, str]) -> None:
    rows = {row.path: row for row in table.rows}
    if path in DOCUMENTED_OTHERWISE:
        assert path not in rows
        assert DOCUMENTED_OTHERWISE[path] in rows
        return
    row = rows[path]
    assert row.documented
    assert row.since == ("1.24" if facts["since"] == "<=1.25" else facts["since"])
    assert row.until == facts.get("until")
    assert row.type in TYPES[facts["type"] if facts["type"] in TYPES else "string"]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_is_not_published_says_so(operation: str) -> None:
    own = {row.path for row in OPERATIONS[operation].rows if row.documented}
    assert own <= set(FACTS[operation]["body"])


@pytest.mark.parametrize(("table", "row"), ROWS)
def test_each_row_is_well_formed(table: Table, row: Field) -> None:
    assert split(row.path) == row.segments
    assert row.type in {*SHAPES, "object", "map"}
    assert row.why.endswith(".")
    assert row.rule.verdict in ("allow", "rewrite", "limit", "deny", "drop")


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_no_field_has_two_rows(table: Table) -> None:
    folded = [fold(row.path) for row in table.rows]
    assert len(set(folded)) == len(folded)


@pytest.mark.parametrize("path", ["", "A..B", "A[", "A[]{", "A.b-c", "A{}x"])
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(ValueError, match="no path"):
        split(path)


def test_spots_tell_where_they_are() -> None:
    row = next(each for each in CREATE.rows if each.path.endswith("PortBindings{}[].HostPort"))
    body = {
        "HostConfig": {
            "PortBindings": {"80/tcp": [{"HostPort": "1"}, {}, {"HostPort": "2"}], "81/udp": []}
        }
    }
    assert [(spot.path, spot.value, spot.keys) for spot in row.spots(body)] == [
        ("HostConfig.PortBindings['80/tcp'][0].HostPort", "1", ("80/tcp",)),
        ("HostConfig.PortBindings['80/tcp'][2].HostPort", "2", ("80/tcp",)),
    ]


def test_unknown_fields_are_denied_by_name_all_at_once() -> None:
    with pytest.raises(Denied) as caught:
        CREATE.read(b'{"HostConfig":{"Foo":1,"Bar":true,"Baz":0}}')
    assert [(each.rule, each.field) for each in caught.value.problems] == [
        ("field.unknown", "HostConfig.Foo"),
        ("field.unknown", "HostConfig.Bar"),
    ]


def test_the_page_is_up_to_date() -> None:
    """
    Written by C{python -m dss.policy.fields.render > doc/fields.rst}.
    """
    assert (ROOT / "doc/fields.rst").read_text("utf-8") == page()
