"""
Images as far as running containers needs them, and the classic builder.
"""

from __future__ import annotations

import json

import pytest

from dss.model.owner import OWNER_LABEL
from tests.clients.sides import Side, both_ways

pytestmark = pytest.mark.engine

_CLASSIC = {"DOCKER_BUILDKIT": "0"}


@both_ways
def test_lists(side: Side) -> None:
    """
    Images that nobody owns are everybody's to see.
    """
    shape = ["--format", "{{.Repository}}:{{.Tag}} {{.ID}}"]
    for options in ([], ["-a"], ["--filter", "reference=alp*"], ["--filter", "dangling=true"]):
        done = side.start("images", *options, *shape).finish()
        # The order of one image's tags is the engine's chance.
        side.see(f"images {options}", sorted(done.text.splitlines()))
        assert done.status == 0
    assert len(side.docker("images", "-q", "--no-trunc").text.split()) == 4


@both_ways
def test_inspect(side: Side) -> None:
    """
    By tag, id and short id.
    """
    whole = side.start("image", "inspect", "busybox").finish()
    facts = json.loads(whole.out)[0]
    side.see("inspect", facts)
    for reference in ("busybox:latest", facts["Id"], facts["Id"][7:19]):
        assert side.start("image", "inspect", reference).finish().out == whole.out
    side.docker("image", "inspect", "no-such", ok=False)


@both_ways
def test_run_by_every_reference(side: Side) -> None:
    """
    Whatever names the image, the client is shown what it wrote.
    """
    image = side.engine.api.get("/images/busybox/json")["Id"]
    references = ["busybox", "docker.io/library/busybox:latest", image, image[7:19]]
    for number, reference in enumerate(references):
        side.docker("create", "--name", f"web{number}", reference, "true")
        side.docker("inspect", "--format", "{{.Config.Image}}", f"web{number}")
    side.docker("ps", "-a", "--format", "{{.Image}} {{.Names}}")
    side.docker("ps", "-a", "--filter", "ancestor=busybox", "--format", "{{.Names}}")


@both_ways
def test_a_classic_build(side: Side) -> None:
    """
    Its output, its arguments, its ignore file, and the image runs.
    """
    context = side.directory / "context"
    context.mkdir()
    (context / "Dockerfile").write_text(
        "FROM busybox\nARG WORD=none\nENV WORD=$WORD\nCOPY . /src\n"
        'RUN echo "$WORD" > /word && ls /src\nLABEL built=yes\nCMD ["cat", "/word"]\n'
    )
    (context / "kept").write_text("kept")
    (context / "left").write_text("left")
    (context / ".dockerignore").write_text("left\n")
    arguments = ["--build-arg", "WORD=hello", "--label", "by=test", "-t", "built:one", str(context)]
    built = side.start("build", "--no-cache", *arguments, environ=_CLASSIC).finish()
    assert built.status == 0, built
    assert b"Successfully tagged built:one" in built.out
    assert side.docker("run", "--rm", "built:one").text == "hello"
    assert side.docker("run", "--rm", "built:one", "ls", "/src").text == "Dockerfile\nkept"
    labels = side.engine.api.get("/images/built:one/json")["Config"]["Labels"]
    assert (labels["by"], labels["built"]) == ("test", "yes")
    assert (labels.get(OWNER_LABEL) == "clients") is side.guarded


@both_ways
def test_a_build_that_fails(side: Side) -> None:
    """
    The status and the words of the command that failed.
    """
    context = side.directory / "context"
    context.mkdir()
    (context / "Dockerfile").write_text("FROM busybox\nRUN echo broken >&2; exit 3\n")
    done = side.start("build", "--no-cache", str(context), environ=_CLASSIC).finish()
    assert done.status == 3
    assert b"returned a non-zero code: 3" in done.err


@both_ways
def test_a_build_from_standard_input(side: Side) -> None:
    """
    A Dockerfile without a context, quietly: the image's id is all that it says.
    """
    text = b"FROM busybox\nENV A=b\n"
    done = side.start("build", "-q", "-", environ=_CLASSIC).finish(text)
    assert done.status == 0, done
    image = side.engine.api.get(f"/images/{done.text}/json")
    assert "A=b" in image["Config"]["Env"]


@both_ways
def test_commit_is_for_later(side: Side) -> None:
    """
    dss denies it, and no image is made. The engine by itself allows it.
    """
    container = side.start("create", "busybox").finish().text
    done = side.start("commit", container, "made:by-commit").finish()
    made = side.engine.api.call("GET", "/images/made:by-commit/json")
    if side.guarded:
        assert done.status == 1
        assert "denied by dss" in done.error
        assert made.status == 404
    else:
        assert (done.status, made.status) == (0, 200)
