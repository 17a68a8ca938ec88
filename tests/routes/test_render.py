"""
The page of routes in the documentation is the table's.
"""

from __future__ import annotations

from pathlib import Path

from dss.routes import ROUTES
from dss.routes.render import render

PAGE = Path(__file__).parent.parent.parent / "doc" / "routes.rst"


def test_page_is_not_stale() -> None:
    """
    C{python -m dss.routes.render > doc/routes.rst} was run after the table changed.
    """
    assert PAGE.read_text() == render()


def test_page_has_every_row() -> None:
    """
    Each row is there once, with its treatment.
    """
    lines = [line.split("  ") for line in render().splitlines()]
    rows = [(line[0].strip(), cell.strip()) for line in lines for cell in line if "``" in cell]
    assert sorted(rows) == sorted((each.method, f"``{each.template}``") for each in ROUTES)


def test_page_of_some_rows_says_how_they_are_treated() -> None:
    """
    A row's line tells its method, path, version, access and treatment.
    """
    page = render(route for route in ROUTES if route.operation == "DistributionInspect")
    assert "GET     ``/distribution/{name...}/json``  1.30   judged  what may be pulled" in page
    assert "Containers" not in page
