"""
How much text an object may carry, in every body that has labels, variables or a command.
"""

from __future__ import annotations

from typing import Any

import pytest

from dss.errors import Denied
from dss.policy import build, dockerfile
from dss.policy.fields.field import Field, split
from dss.policy.fields.table import Table
from dss.policy.fields.tables import COMMIT, CREATE, EXEC_CREATE, SERVICE_CREATE, TABLES
from dss.policy.sizes import ENVIRONMENT, LABELS, WORDS, labels_size, size_of
from dss.testing.judging import circumstances, drive, request

#: Each place of labels.
PLACES = [
    (table, row)
    for table in TABLES
    for row in table.rows
    if row.type == "map" and row.path.split(".")[-1] == "Labels" and row.rule.check
]


def body_with(path: str, value: Any) -> dict[str, Any]:
    """
    A body in which only one field is set.
    """
    for name, into in reversed(split(path)):
        value = {name: [value] if into == "[]" else value}
    return dict(value)


def denied(table: Table, path: str, value: Any) -> list[str]:
    return [each.rule for each in table.problems(body_with(path, value))]


@pytest.mark.parametrize(
    ("table", "row"), PLACES, ids=lambda each: each.path if isinstance(each, Field) else each.name
)
def test_labels(table: Table, row: Field) -> None:
    fine = {"a": "\u00e9" * (LABELS // 4), "b" * (LABELS // 2 - 1): ""}
    assert labels_size(fine) == LABELS
    assert denied(table, row.path, fine) == []
    assert denied(table, row.path, {**fine, "c": ""}) == ["label.stamp"]


def test_all_that_is_made_is_among_them() -> None:
    places = {f"{table.name}: {row.path}" for table, row in PLACES}
    for each in ("Container create", "Network create", "Volume create", "Image commit"):
        assert f"{each}: Labels" in places
    for each in ("Service create", "Service update", "Secret create", "Config create"):
        assert f"{each}: Labels" in places
    assert "Service create: TaskTemplate.ContainerSpec.Labels" in places
    assert "Container create: HostConfig.Mounts[].VolumeOptions.Labels" in places


@pytest.mark.parametrize(
    ("table", "path", "most"),
    [
        (CREATE, "Env", ENVIRONMENT),
        (CREATE, "Cmd", WORDS),
        (CREATE, "Entrypoint", WORDS),
        (COMMIT, "Cmd", WORDS),
        (EXEC_CREATE, "Env", WORDS),
        (EXEC_CREATE, "Cmd", WORDS),
        (SERVICE_CREATE, "TaskTemplate.ContainerSpec.Command", WORDS),
        (SERVICE_CREATE, "TaskTemplate.ContainerSpec.Args", WORDS),
        (SERVICE_CREATE, "TaskTemplate.ContainerSpec.Env", WORDS),
    ],
    ids=lambda each: each.name if isinstance(each, Table) else str(each),
)
def test_texts(table: Table, path: str, most: int) -> None:
    fine = ["x" * (most - 2), "\u00e9"]
    assert size_of(fine) == most
    assert denied(table, path, fine) == []
    (rule,) = denied(table, path, [*fine, "y"])
    assert rule.endswith((".process", "service.template"))


def test_labels_of_a_build() -> None:
    labels = f'{{"a":"{"x" * LABELS}"}}'
    with pytest.raises(Denied, match=r"label\.size"):
        drive(build.judge(request(query={"labels": labels}), circumstances()), {})


def test_labels_of_a_dockerfile() -> None:
    """
    Also those of an import's and a commit's changes, which are read alike.
    """
    half = "FROM a\nLABEL a=" + "x" * (LABELS // 2 - 2)
    assert dockerfile.read(half.encode(), {}).problems == ()
    (problem,) = dockerfile.read(f"{half}\n{half}1".encode(), {}).problems
    assert problem.rule == "build.label"
