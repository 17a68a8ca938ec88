"""
C{dss}: what an operator asks without starting anything: the field tables, the routes, and
whether a settings file can be used.
"""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable
from pathlib import Path

import click

from dss import __version__
from dss.config.lines import toml
from dss.config.load import SettingsError, load
from dss.config.render import allowances
from dss.config.values import suggestion
from dss.policy.fields.field import Field
from dss.policy.fields.render import allowed_of
from dss.policy.fields.tables import TABLES
from dss.routes import ROUTES


@click.group()
@click.version_option(__version__, prog_name="Docker Safety Sock", message="%(prog)s %(version)s")
def main() -> None:
    """
    Tells how Docker Safety Sock treats what Docker clients ask. It is started with twist dss.
    """


@main.command()
@click.argument("name", default="")
def fields(name: str) -> None:
    """
    What becomes of each field of the bodies that are judged.

    NAME is a field, such as HostConfig.CapAdd or CapAdd, in all bodies that have it, or else a
    part of one, in any case; without it all are listed.
    """
    found = [
        (table.name, row)
        for table in TABLES
        for row in table.rows
        if name.lower() in row.path.lower()
    ]
    exact = [each for each in found if f".{each[1].path}".lower().endswith(f".{name.lower()}")]
    if not found:
        known = {row.path for table in TABLES for row in table.rows}
        hint = suggestion(name, known | {path.rpartition(".")[2] for path in known})
        raise click.ClickException(f"no field is called {name!r}, so it is denied.{hint}")
    found = exact or found if name else found
    if name and len(found) <= (12 if exact else 5):
        click.echo("\n\n".join(_told(table, row) for table, row in found))
        return
    title = ""
    for table, row in found:
        if table != title:
            click.echo(f"{chr(10) if title else ''}{table}")
            title = table
        settings = f"  [{', '.join(row.settings)}]" if row.settings else ""
        click.echo(f"  {row.rule.verdict:<8}{row.path}{settings}")


def _told(table: str, row: Field) -> str:
    since = "always there" if row.since == "1.24" else f"API {row.since} and newer"
    if row.until is not None:
        since += f", until {row.until}"
    return "\n".join(
        [
            f"{row.path} ({table}; {row.type}; {since})",
            *_indented("Why", row.why),
            *_indented("Treated", row.rule.verdict),
            *_indented("Allowed by default", allowed_of(row)),
            *_indented("Settings", ", ".join(row.settings) or "none"),
            *_indented("Rule", row.rule.id),
        ]
    )


def _indented(title: str, text: str) -> Iterable[str]:
    width = max(40, min(100, shutil.get_terminal_size((100, 24)).columns))
    lead = f"  {title}: "
    return textwrap.wrap(
        text, width, initial_indent=lead, subsequent_indent="    ", break_on_hyphens=False
    )


@main.command()
def routes() -> None:
    """
    All operations of the Docker Engine API, and what becomes of each.
    """
    for route in ROUTES:
        click.echo(f"{route.method:<7}{route.template:<40} {route.treatment}")


@main.command()
@click.argument("config", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def check(config: Path) -> None:
    """
    Whether a settings file can be used, and what it changes.
    """
    try:
        settings = load(config.read_text("utf-8"), str(config))
    except (SettingsError, OSError, UnicodeDecodeError) as error:
        raise click.ClickException(str(error)) from None
    changed = allowances(settings)
    for key, value in changed.items():
        click.echo(f"{key} = {toml(value)}")
    click.echo(f"{config}: {len(changed)} keys, nothing wrong")
