"""
The classic build's parameters are ruled.
"""

from __future__ import annotations

import json

import pytest

from dss.errors import BadRequest, Denied
from dss.model.facts import ImageFacts, ImageNamed
from dss.model.images import Begin
from dss.model.records import Records
from dss.model.ruling import ContextWatch, Forward
from dss.policy import build
from dss.policy.growth import BROUGHT
from dss.policy.request import QueryValue
from dss.routes import ROUTES
from dss.routes.table import Kind
from dss.testing.judging import circumstances, drive, request

OWNERS = {"own:1": "ci", "shared:latest": None, "other:latest": "someone"}
KNOWN = {
    ImageNamed: lambda asked: (
        ImageFacts("sha256:12", OWNERS[asked.reference]) if asked.reference in OWNERS else None
    ),
    Begin: lambda asked: "",
}


def built(**query: QueryValue) -> Forward:
    """
    The build that is forwarded.
    """
    ruling = drive(build.judge(request(query=query), circumstances()), KNOWN)
    assert isinstance(ruling, Forward)
    return ruling


def denied(**query: QueryValue) -> dict[str, str]:
    """
    The rules that deny a build, by parameter.
    """
    with pytest.raises(Denied) as error:
        built(**query)
    return {problem.field: problem.rule for problem in error.value.problems}


def test_plain_build() -> None:
    """
    Stamped, without the shared cache, and never a form.
    """
    ruling = built()
    assert dict(ruling.query) == {"labels": '{"com.dss.owner":"ci"}', "nocache": "1"}
    assert ruling.headers == (("Content-Type", "application/x-tar"),)
    assert ruling.body is None
    assert ruling.rewrites == ("labels: stamped", "nocache: set")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("q", "1"),
        ("pull", "0"),
        ("rm", ""),
        ("rm", "0"),
        ("forcerm", "1"),
        ("memory", "67108864"),
        ("memswap", "-1"),
        ("cpushares", "2"),
        ("cpusetcpus", "0-1"),
        ("cpusetmems", "0"),
        ("cpuperiod", "1"),
        ("cpuquota", "1"),
        ("shmsize", "1"),
        ("platform", "linux/amd64"),
        ("target", "stage"),
        ("dockerfile", "sub/Dockerfile"),
        ("dockerfile", "a..b/x"),
        ("version", "1"),
        ("networkmode", "none"),
        ("networkmode", "bridge"),
        ("networkmode", "default"),
        ("networkmode", ""),
        ("buildargs", '{"A":"b","C":null}'),
        ("ulimits", '[{"Name":"nofile","Soft":1,"Hard":2}]'),
    ],
)
def test_harmless_parameters_go_on(name: str, value: str) -> None:
    """
    With the values that were sent.
    """
    assert dict(built(**{name: value}).query)[name] == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("version", "2"),
        ("session", "abc"),
        ("buildid", "abc"),
        ("outputs", '[{"Type":"local"}]'),
        ("remote", "https://example.org/x.git"),
        ("remote", "client-session"),
        ("cgroupparent", "/x"),
        ("isolation", "hyperv"),
        ("networkmode", "host"),
        ("networkmode", "container:x"),
        ("networkmode", "othernet"),
        ("networkmode", "Host"),
    ],
)
def test_what_reaches_out_is_denied(name: str, value: str) -> None:
    """
    By its own rule; empty it means nothing, and is allowed.
    """
    assert denied(**{name: value}) == {name: f"build.{name}"}
    assert dict(built(**{name: ""}).query).get(name, "") == ""


def test_other_denials() -> None:
    """
    Security options and squashing.
    """
    assert denied(securityopt=("seccomp=unconfined",)) == {"securityopt": "build.securityopt"}
    assert denied(pull="1") == {"pull": "build.pull"}
    assert denied(squash="1") == {"squash": "build.squash"}
    assert "squash" not in dict(built(squash="0", securityopt=("",)).query)
    assert denied(dockerfile="a/../../x") == {"dockerfile": "build.dockerfile"}


def test_all_problems_are_told_at_once() -> None:
    """
    A client learns everything from one answer.
    """
    assert denied(remote="x", squash="1", t=("other",), labels='{"com.dss.x":"y"}') == {
        "remote": "build.remote",
        "squash": "build.squash",
        "t": "image.name-taken",
        "labels": "label.reserved",
    }


def test_buildkit_is_told_how_to_do_without() -> None:
    """
    The denial names what works instead.
    """
    with pytest.raises(Denied, match="DOCKER_BUILDKIT=0"):
        built(version="2")


def test_parameters_that_mean_nothing_here_are_dropped() -> None:
    """
    Of a cache that is not used, and of empty exports.
    """
    ruling = built(cachefrom='["a"]', outputs="[]", isolation="default", nocache="1")
    assert set(dict(ruling.query)) == {"labels", "nocache"}
    assert ruling.rewrites == ("labels: stamped", "cachefrom: dropped")


@pytest.mark.parametrize(
    "name", ["new", "own:1", "r.io:5000/a/b:c", "app:0123456789ab", "abc", "r.io/team/deadbeef"]
)
def test_free_and_own_names_may_be_written(name: str) -> None:
    """
    Each name is asked for, with its tag.
    """
    whole = name if ":" in name.rpartition("/")[2] else f"{name}:latest"
    assert built(t=(name, "new2", "")).query[:2] == (("t", whole), ("t", "new2:latest"))


@pytest.mark.parametrize("name", ["other", "shared"])
def test_a_shared_or_foreign_name_is_never_moved(name: str) -> None:
    """
    Not even as the second of two.
    """
    assert denied(t=("new", name)) == {"t": "image.name-taken"}


@pytest.mark.parametrize(
    "name",
    [
        "0123456789ab",
        "0123456789ab:1",
        "docker.io/library/0123456789ab",
        "index.docker.io/0123456789ab",
        "library/deadbeef",
        "ab" * 32,
    ],
)
def test_name_like_an_id_is_denied(name: str) -> None:
    """
    In all spellings that the engine takes for the same.
    """
    assert denied(t=(name,)) == {"t": "image.name-like-id"}


@pytest.mark.parametrize("name", ["a b", "a@sha256:12", "-a", "a\n", "é"])
def test_odd_name_is_refused(name: str) -> None:
    """
    It is no reference.
    """
    with pytest.raises(BadRequest, match="invalid reference format"):
        built(t=(name,))


def test_labels_are_stamped_over_the_clients() -> None:
    """
    The client's own stay.
    """
    query = dict(built(labels='{"a":"b","com.dssx":"c"}').query)
    assert json.loads(query["labels"]) == {"a": "b", "com.dssx": "c", "com.dss.owner": "ci"}


@pytest.mark.parametrize(
    "key", ["com.dss.owner", "COM.dss.image", " com.dss.x", "com.d\u017fs.owner"]
)
def test_reserved_labels_are_denied(key: str) -> None:
    """
    In any spelling.
    """
    assert denied(labels=json.dumps({key: "x"})) == {"labels": "label.reserved"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("labels", "x"),
        ("labels", "[]"),
        ("labels", '{"a":1}'),
        ("labels", '{"a":null}'),
        ("labels", '{"a":"b","a":"c"}'),
        ("buildargs", '{"a":1}'),
        ("buildargs", '{"a":"b","a":"c"}'),
        ("buildargs", "[1]"),
        ("ulimits", "{}x"),
        ("ulimits", '[{"Name":"x","Soft":"1"}]'),
        ("ulimits", '[{"Name":"x","soft":1}]'),
        ("ulimits", '[{"Name":"x","Soft":true}]'),
        ("ulimits", '[{"Soft":1}]'),
        ("ulimits", '{"a":1}'),
    ],
)
def test_odd_json_is_refused(name: str, value: str) -> None:
    """
    What can't be read in one way is a bad request.
    """
    with pytest.raises(BadRequest, match=f"the query parameter {name} is not"):
        built(**{name: value})


def test_ulimits_that_raise_the_priority() -> None:
    """
    As for a container.
    """
    for name in ("nice", "rtprio", "RTTIME", "x"):
        told = denied(ulimits=json.dumps([{"Name": "core"}, {"Name": name, "Soft": 1}]))
        assert told == {"ulimits": "container.ulimit"}


@pytest.mark.parametrize("name", ["labels", "buildargs", "ulimits"])
def test_null_is_nothing(name: str) -> None:
    """
    Go takes a null for no change.
    """
    assert built(**{name: "null"}).query == built().query


def test_every_parameter_of_the_row_is_ruled() -> None:
    """
    Each either changes what is forwarded, or is denied, or is in the short list of what is
    dropped.
    """
    (row,) = (route for route in ROUTES if route.operation == "ImageBuild")
    samples: dict[Kind, QueryValue] = {
        Kind.BOOL: "1",
        Kind.INT: "7",
        Kind.TEXT: "bridge",
        Kind.TEXTS: ("x",),
    }
    objects = {"labels": '{"a":"b"}', "buildargs": '{"a":"b"}', "ulimits": '[{"Name":"core"}]'}
    silent = set()
    for param in row.params:
        try:
            ruling = built(**{param.name: objects.get(param.name, samples[param.kind])})
        except Denied:
            continue
        if ruling.query == built().query:
            silent.add(param.name)
    assert silent == {"nocache", "cachefrom"}


def judged_inside(text: str, images: dict[str, ImageFacts], **query: QueryValue) -> set[str]:
    """
    The rules that deny a Dockerfile, where these images are.
    """
    watch = built(**query).watch
    assert isinstance(watch, ContextWatch)
    try:
        drive(watch.judge(text.encode()), {ImageNamed: lambda asked: images.get(asked.reference)})
    except Denied as denial:
        return {problem.rule for problem in denial.problems}
    return set()


def test_images_that_a_build_may_use() -> None:
    """
    One's own, and shared ones that have a name.
    """
    images = {
        "own": ImageFacts("sha256:1", "ci"),
        "shared": ImageFacts("sha256:2", None, is_named=True),
        "step": ImageFacts("sha256:3", None),
        "theirs": ImageFacts("sha256:4", "other", is_named=True),
    }
    for name in ("own", "shared"):
        assert judged_inside(f"FROM {name}\nCOPY --from={name} a b", images) == set()
    for name in ("step", "theirs", "missing"):
        assert judged_inside(f"FROM {name}", images) == {"build.base"}
        assert judged_inside(f"FROM own\nCOPY --from={name} a b", images) == {"build.base"}


def test_an_image_with_the_label_of_another_owner_is_not_built_upon() -> None:
    """
    Its label would make the steps another owner's. Files may be copied from it.
    """
    known = Records(holders={"sha256:1": frozenset({"ci"})})
    images = {"pulled": ImageFacts("sha256:1", "other", is_named=True, records=known)}
    assert judged_inside("FROM pulled", images) == {"build.base-label"}
    images["own"] = ImageFacts("sha256:2", "ci")
    text = "FROM pulled AS x\nFROM own\nCOPY --from=x a b"
    assert judged_inside(text, images) == {"build.base-label"}
    assert judged_inside("FROM own\nCOPY --from=pulled a b", images) == set()


def test_the_client_s_arguments_name_images() -> None:
    """
    As the engine takes them.
    """
    images = {"own": ImageFacts("sha256:1", "ci")}
    text = "ARG X=other\nFROM $X"
    assert judged_inside(text, images) == {"build.base"}
    assert judged_inside(text, images, buildargs='{"X":"own"}') == set()


def test_variables_that_an_image_brings() -> None:
    """
    Its own, and those that its triggers make of them; not where only files come from it.
    """
    images = {
        "own": ImageFacts("sha256:1", "ci", environment=("PATH=/bin",), on_build=("ENV A $A",)),
        "large": ImageFacts("sha256:2", "ci", environment=("A=" + "x" * BROUGHT,)),
        "grows": ImageFacts("sha256:3", "ci", on_build=("ENV A=$A$A",) * 4),
    }
    assert judged_inside("FROM own\nCOPY --from=large a b", images) == set()
    for name in ("large", "grows"):
        assert judged_inside(f"FROM {name}", images) == {"build.variables"}


def test_triggers_of_images_are_judged() -> None:
    """
    Of those that a stage begins with.
    """
    for trigger, rules in (
        ("COPY --from=theirs a b", {"build.base"}),
        ("ADD http://x/y z", {"build.add"}),
        ("LABEL com.dss.x=y", {"label.reserved"}),
        ("RUN true", set()),
    ):
        images = {"base": ImageFacts("sha256:1", None, is_named=True, on_build=(trigger,))}
        assert judged_inside("FROM base", images) == rules
        images["plain"] = ImageFacts("sha256:2", "ci")
        assert judged_inside("FROM plain\nCOPY --from=base a b", images) == set()


def test_another_platform_would_be_pulled() -> None:
    """
    Whether the Dockerfile or the client asks for it.
    """
    images = {"own": ImageFacts("sha256:1", "ci", platform="linux/arm64/v8")}
    for wanted, rules in (
        ("linux/arm64", set()),
        ("linux/arm64/v8", set()),
        ("linux/amd64", {"build.platform"}),
        ("arm64", {"build.platform"}),
    ):
        assert judged_inside(f"FROM --platform={wanted} own", images) == rules
        assert judged_inside("FROM own", images, platform=wanted) == rules
