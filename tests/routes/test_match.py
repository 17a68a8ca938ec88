"""
A request's head finds its row, or none.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dss.errors import AmbiguousRequest, BadRequest, Denied, NotFound, UnservedVersion
from dss.model.message import RequestHead, Target
from dss.model.version import NEWEST, ApiVersion
from dss.routes import ROUTES
from dss.routes.match import Match, match, render_path
from dss.routes.table import Route

V1_51 = ApiVersion(1, 51)
BY_OPERATION = {route.operation: route for route in ROUTES}

SEGMENT = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,20}", fullmatch=True)
REFERENCE = st.lists(
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.:@-]{0,10}", fullmatch=True), min_size=1, max_size=4
).map("/".join)


def matched(method: str, target: str, newest: ApiVersion = V1_51) -> Match:
    """
    The match of a method and a raw target.
    """
    return match(RequestHead(method, Target.parse(target.encode())), newest)


@settings(deadline=None, max_examples=300)
@given(data=st.data())
def test_what_is_written_is_matched_again(data: st.DataObject) -> None:
    """
    A path that is written from a row is matched to that row with the same parameters,
    and the engine decodes it to exactly the values that were judged.
    """
    row = data.draw(st.sampled_from(ROUTES))
    params = {
        segment.strip("{.}"): data.draw(REFERENCE if "..." in segment else SEGMENT)
        for segment in row.segments
        if segment.startswith("{")
    }
    check_path(row, params)


def check_path(row: Route, params: dict[str, str]) -> None:
    """
    Write a path from a row, decode it as the engine does, and match it again.
    """
    path = render_path(row, params, V1_51)
    plain = "/" + "/".join(
        params[segment.strip("{.}")] if segment.startswith("{") else segment
        for segment in row.segments
    )
    assert unquote_to_bytes(path).decode() == f"/v1.51{plain}"
    found = matched(row.method, path)
    assert found.route is row
    assert found.params == params
    assert found.version == V1_51
    assert found.query == {}


@pytest.mark.parametrize("row", ROUTES, ids=str)
def test_every_row_is_found_by_its_own_path(row: Route) -> None:
    """
    No row is hidden by another.
    """
    params = {
        segment.strip("{.}"): "a/b" if "..." in segment else "a"
        for segment in row.segments
        if segment.startswith("{")
    }
    check_path(row, params)


def spellings(row: Route) -> Iterator[tuple[str | None, ...]]:
    """
    A row's segments, a parameter as L{None}, one of many segments at several lengths.
    """
    for length in (1, 2, 3):
        yield tuple(
            None if segment.startswith("{") else segment
            for each in row.segments
            for segment in ([each] * length if "..." in each else [each])
        )


def test_no_path_is_that_of_two_rows() -> None:
    """
    So that the order of the rows says nothing.
    """
    for row, other in itertools.combinations(ROUTES, 2):
        if row.method == other.method:
            for one, two in itertools.product(spellings(row), spellings(other)):
                assert len(one) != len(two) or any(
                    a != b and None not in (a, b) for a, b in zip(one, two, strict=True)
                ), (str(row), str(other))


@pytest.mark.parametrize(
    ("method", "target", "operation", "params"),
    [
        ("GET", "/_ping", "SystemPing", {}),
        ("HEAD", "/v1.41/_ping", "SystemPingHead", {}),
        ("GET", "/containers/json", "ContainerList", {}),
        ("GET", "/containers/json/json", "ContainerInspect", {"id": "json"}),
        ("GET", "/containers/%77eb/json", "ContainerInspect", {"id": "web"}),
        ("DELETE", "/containers/create", "ContainerDelete", {"id": "create"}),
        ("HEAD", "/containers/web/archive", "ContainerArchiveInfo", {"id": "web"}),
        ("GET", "/containers/web/attach/ws", "ContainerAttachWebsocket", {"id": "web"}),
        ("GET", "/images/json", "ImageList", {}),
        ("GET", "/images/get", "ImageGetAll", {}),
        ("GET", "/images/get/get", "ImageGet", {"name": "get"}),
        ("GET", "/images/json/json", "ImageInspect", {"name": "json"}),
        ("GET", "/images/r.io:5000/a/b:c/json", "ImageInspect", {"name": "r.io:5000/a/b:c"}),
        ("GET", "/images/a/json/history", "ImageHistory", {"name": "a/json"}),
        ("DELETE", "/images/a/b@sha256:12", "ImageDelete", {"name": "a/b@sha256:12"}),
        ("GET", "/plugins/privileges", "GetPluginPrivileges", {}),
        ("GET", "/plugins/a/b:c/json", "PluginInspect", {"name": "a/b:c"}),
        ("POST", "/v1.51/grpc", "Grpc", {}),
    ],
)
def test_paths(method: str, target: str, operation: str, params: dict[str, str]) -> None:
    """
    A parameter may spell what is literal elsewhere; names of images hold slashes.
    """
    found = matched(method, target)
    assert (found.route.operation, found.params) == (operation, params)


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/foo"),
        ("GET", "/containers"),
        ("POST", "/containers/json"),
        ("get", "/containers/json"),
        ("HEAD", "/containers/json"),
        ("HEAD", "/version"),
        ("OPTIONS", "/_ping"),
        ("PUT", "/_ping"),
        ("GET", "/containers/a/b/json"),
        ("GET", "/containers/web/JSON"),
        ("GET", "/Containers/json"),
        ("GET", "/vx/_ping"),
        ("GET", "/v/_ping"),
        ("DELETE", "/images"),
    ],
)
def test_no_row_no_passage(method: str, target: str) -> None:
    """
    What no row has is answered in the engine's own words, also for a method (engines
    20.10, 26.1 and 28.5 give a 404, never a 405).
    """
    with pytest.raises(NotFound, match=r"^page not found$") as error:
        matched(method, target)
    assert error.value.status == 404


@pytest.mark.parametrize(
    "target",
    [
        "/debug/pprof",
        "/debug/pprof/cmdline",
        "/v1.41/debug/vars",
        "/metrics",
        "/libpod/containers/json",
        "/v1.41/libpod/containers/json",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
def test_what_is_served_beside_the_api_is_denied(method: str, target: str) -> None:
    """
    By a rule of its own, which says why.
    """
    with pytest.raises(Denied) as caught:
        matched(method, target)
    (problem,) = caught.value.problems
    assert problem.rule == "route.refused"


@pytest.mark.parametrize(
    "target",
    [
        "/containers/_x/json",
        "/containers/-x/json",
        "/containers/a:b/json",
        "/containers/a%20b/json",
        "/containers/%C3%A9/json",
        "/containers/a@b/json",
        "/images/a%20b/json",
        "/images/-a/json",
        "/images/a%3Fb/json",
        "/exec/a~b/json",
    ],
)
def test_odd_parameter_of_the_path_is_refused(target: str) -> None:
    """
    No object has such a name, so nothing is asked of the engine.
    """
    with pytest.raises(BadRequest, match="not one that Docker knows"):
        matched("GET", target)


@pytest.mark.parametrize(
    ("version", "message"),
    [
        (
            "1.52",
            "client version 1.52 is too new. Maximum supported API version is 1.51",
        ),
        ("2.0", "client version 2.0 is too new. Maximum supported API version is 1.51"),
        (
            "1.23",
            "client version 1.23 is too old. Minimum supported API version is 1.24, please "
            "upgrade your client to a newer version",
        ),
        (
            "0.5",
            "client version 0.5 is too old. Minimum supported API version is 1.24, please "
            "upgrade your client to a newer version",
        ),
    ],
)
def test_version_out_of_range(version: str, message: str) -> None:
    """
    In the words of engine 28.5.
    """
    for path in ("_ping", "nothing", "debug/vars"):
        with pytest.raises(UnservedVersion, match=f"^{re.escape(message)}$"):
            matched("GET", f"/v{version}/{path}")


@pytest.mark.parametrize(
    "target",
    ["/v1.41/v1.41/_ping", "/V1.41/_ping", "/v1.41", "/V1", "/v1.41/V2/_ping", "/v%31.41/v1.41/a"],
)
def test_a_version_where_none_belongs(target: str) -> None:
    """
    It can be read in more than one way.
    """
    with pytest.raises(AmbiguousRequest, match="version where none belongs"):
        matched("GET", target)


@pytest.mark.parametrize(
    ("prefix", "version"),
    [
        ("/v1.24", ApiVersion(1, 24)),
        ("/v1.41", ApiVersion(1, 41)),
        ("/v1.51", V1_51),
        ("", V1_51),
    ],
)
def test_version_in_force(prefix: str, version: ApiVersion) -> None:
    """
    The client's own, or the newest where it named none.
    """
    assert matched("GET", f"{prefix}/_ping").version == version
    assert matched("GET", "/_ping", NEWEST).version == NEWEST


def test_query_is_read_by_the_rows_parameters() -> None:
    """
    The same name can mean something in one operation and nothing in another.
    """
    assert matched("POST", "/containers/web/stop?t=5").query == {"t": "5"}
    with pytest.raises(Denied, match=r"query\.unknown"):
        matched("POST", "/containers/web/pause?t=5")


def test_long_paths_and_queries_are_matched_too() -> None:
    """
    What is too long to be remembered is matched all the same.
    """
    name = "a" * 2000
    found = matched("GET", f"/containers/{name}/archive?path={name}")
    assert found.params == {"id": name}
    assert found.query == {"path": name}


def test_matches_are_read_only() -> None:
    """
    Matches are shared between requests, so nobody may change one.
    """
    found = matched("GET", '/containers/json?filters={"label":["a"]}')
    for shared in (found.query, found.params, found.query["filters"]):
        with pytest.raises(TypeError):
            shared["x"] = "y"  # type: ignore[index]


@pytest.mark.parametrize("value", ["", ".", "..", "a/../b", "/a", "a//b"])
def test_unclean_path_is_never_written(value: str) -> None:
    """
    The engine would answer it with a redirect; a caller that has such a value is at fault.
    """
    with pytest.raises(ValueError, match="can't be written"):
        render_path(BY_OPERATION["ImageInspect"], {"name": value})
    assert render_path(BY_OPERATION["ImageInspect"], {"name": "a/b"}) == "/images/a/b/json"


def test_path_of_one_segment_stays_one() -> None:
    """
    A slash in a parameter of one segment is encoded.
    """
    path = render_path(BY_OPERATION["ContainerInspect"], {"id": "a/b ?"})
    assert path == "/containers/a%2Fb%20%3F/json"
    assert (
        render_path(BY_OPERATION["ImageInspect"], {"name": "sha256:1?"})
        == "/images/sha256:1%3F/json"
    )
