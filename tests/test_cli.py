"""
The commands of C{dss}.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dss import __version__
from dss.cli import main
from dss.config.load import load
from dss.policy.fields.tables import TABLES
from dss.routes import ROUTES


def ran(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_fields_without_a_name_lists_all() -> None:
    found = ran("fields")
    assert found.exit_code == 0
    for table in TABLES:
        assert table.name in found.output.splitlines()
        for row in table.rows:
            assert f" {row.path}" in found.output
    assert "HostConfig.CapAdd  [containers.capabilities]" in found.output


@pytest.mark.parametrize("name", ["capadd", "HostConfig.CapAdd", "hostconfig.capadd"])
def test_one_field_is_told_in_full(name: str) -> None:
    found = ran("fields", name)
    assert found.exit_code == 0
    assert found.output.startswith("HostConfig.CapAdd (Container create; words; always there)\n")
    assert "  Settings: containers.capabilities\n" in found.output
    assert "  Rule: container.capabilities\n" in found.output


def test_an_exact_name_comes_before_what_it_is_a_part_of() -> None:
    found = ran("fields", "Memory")
    assert "Memory (Container update" in found.output
    assert "HostConfig.Memory (Container create" in found.output
    assert "MemorySwap" not in found.output
    assert "HostConfig.Privileged (Container create" in ran("fields", "privileged").output


def test_a_field_that_there_is_not() -> None:
    found = ran("fields", "CapAd_d")
    assert found.exit_code == 1
    assert "no field is called 'CapAd_d', so it is denied. Did you mean 'CapAdd'?" in found.output


def test_routes() -> None:
    found = ran("routes")
    assert found.exit_code == 0
    assert len(found.output.splitlines()) == len(ROUTES)
    assert "POST   /containers/create" in found.output


def test_check_of_a_good_file(tmp_path: Path) -> None:
    file = tmp_path / "dss.toml"
    file.write_text(
        "[owner]\nname = 'ci'\n[containers]\nipc_modes = ['host']\ndevices = ['/dev/fuse']\n"
        "[[volumes.file_systems]]\ntype = 'nfs'\ndevices = [':/x']\n"
    )
    found = ran("check", str(file))
    assert found.exit_code == 0
    *lines, last = found.output.splitlines()
    # They can be pasted.
    assert load("\n".join(lines), "pasted") == load(file.read_text(), "file")
    assert lines == [
        'owner.name = "ci"',
        'containers.devices = ["/dev/fuse:rwm"]',
        'containers.ipc_modes = ["host"]',
        'volumes.file_systems = [{ type = "nfs", devices = [":/x"] }]',
    ]
    assert last == f"{file}: 4 keys, nothing wrong"


def test_check_of_a_bad_file(tmp_path: Path) -> None:
    file = tmp_path / "dss.toml"
    file.write_text("[containers]\nipc_mode = ['host']\nuts_modes = 1")
    found = ran("check", str(file))
    assert found.exit_code == 1
    assert f"{file}:2: containers.ipc_mode: there is no such key." in found.output
    assert f"{file}:3: containers.uts_modes: 1 should be a list" in found.output


def test_check_of_no_file(tmp_path: Path) -> None:
    assert ran("check", str(tmp_path / "none")).exit_code == 2
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff")
    assert ran("check", str(binary)).exit_code == 1


def test_version() -> None:
    assert ran("--version").output == f"Docker Safety Sock {__version__}\n"
