"""
Lines of the settings file, as denials tell them.
"""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dss.config.containers import Containers
from dss.config.lines import allowing, toml
from dss.config.load import load
from dss.config.registries import Registries
from dss.config.settings import Root
from dss.config.values import Device
from dss.config.volumes import FileSystem
from dss.model.owner import Owner

_TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
_VALUES = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | _TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(_TEXTS, inner),
)


@given(_VALUES)
def test_it_is_toml(value: object) -> None:
    assert tomllib.loads(f"x = {toml(value)}") == {"x": value}


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (Owner("ci"), '"ci"'),
        (Root("/srv/ci", read_only=True), '"/srv/ci:ro"'),
        ((Device("/dev/kvm", "rw"),), '["/dev/kvm:rw"]'),
        (FileSystem("nfs", (":/x",)), '{ type = "nfs", devices = [":/x"] }'),
        (1.5, "1.5"),
    ],
)
def test_values_of_settings(value: object, told: str) -> None:
    assert toml(value) == told


@pytest.mark.parametrize(
    ("setting", "wanted", "present", "told"),
    [
        ("registries.pull", ["ghcr.io/a/b"], Registries(), '["docker.io", "ghcr.io/a/b"]'),
        ("registries.pull", ["docker.io"], Registries(), '["docker.io"]'),
        ("registries.push", ["ghcr.io/a/b"], Registries(push=("x.io",)), '["x.io", "ghcr.io/a/b"]'),
        (
            "containers.capabilities",
            ["NET_ADMIN"],
            Containers(capabilities=("SYS_PTRACE",)),
            '["SYS_PTRACE", "NET_ADMIN"]',
        ),
        ("containers.ports.ranges", ["80"], Containers(), '["1024-65535", "80"]'),
    ],
)
def test_a_line_takes_nothing_away(setting: str, wanted: Any, present: Any, told: str) -> None:
    found = allowing(setting, wanted, present)
    assert found == f"The operator can allow it with {setting} = {told} in the settings file."
    load(f"{setting} = {told}", "line")


def test_other_drivers_stay_and_their_options_are_not_told() -> None:
    settings = Containers(log_drivers={"splunk": ("splunk-token=secret",)})
    assert (
        allowing("containers.log_drivers", {"gelf": ["tag"]}, settings)
        == 'The operator can allow it with containers.log_drivers.gelf = ["tag"] in the settings '
        "file."
    )
    assert (
        allowing("containers.log_drivers", {"splunk": ["tag"]}, settings)
        == 'The operator can allow it with "tag" added to containers.log_drivers.splunk in the '
        "settings file."
    )
