"""
Images as far as running containers needs them, and the classic builder.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import tarfile

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


def _build(side: Side, name: str, *lines: str) -> None:
    text = "\n".join(["FROM busybox", *lines]).encode()
    options = ("-q", "--no-cache", "-t", name)
    done = side.start("build", *options, "-", environ=_CLASSIC).finish(text)
    assert done.status == 0, done


def _run(side: Side, *argv: str) -> None:
    """
    Run docker, and record what it says, but for the step that stamps a built image.
    """
    done = side.start(*argv).finish()
    told = re.sub(r"(?m)^.*LABEL +com\.dss\..*\n", "", done.out.decode())
    told = re.sub(r"(?m)^(deleted: sha256:[0-9a-f]+\n)+", "deleted\n", told, flags=re.IGNORECASE)
    side.see(f"docker {' '.join(argv)}", [done.status, told, done.error])


@both_ways
def test_tags_and_removals(side: Side) -> None:
    """
    Names given and taken off, also of a shared image, and what can't be removed.
    """
    _build(side, "app:1", "ENV A=b")
    side.docker("tag", "app:1", "app:2")
    side.docker("tag", "app:1", "r.example:5000/team/app:2")
    side.docker("tag", "busybox", "mine")
    side.docker("tag", "missing", "x", ok=False)
    side.docker("tag", "app:1", "x:-", ok=False)
    shape = "{{json .RepoTags}} {{json .Config.Labels}}"
    for name in ("app:1", "mine"):
        side.docker("image", "inspect", "-f", shape, name)
    listed = side.start("images", "--format", "{{.Repository}}:{{.Tag}}", "app").finish()
    side.see("images app", sorted(listed.text.splitlines()))
    for options in (["--no-trunc"], ["-H=false"]):
        form = ["--format", "{{.CreatedBy}} {{.Size}} {{.Comment}}"]
        _run(side, "history", *options, *form, "app:1")
    side.docker("rmi", "app:2")
    side.docker("rmi", "mine")
    side.docker("rmi", "missing", ok=False)
    side.docker("run", "--name", "box", "app:1", "true")
    side.docker("rmi", "app:1")
    image = side.start("image", "inspect", "-f", "{{.Id}}", "r.example:5000/team/app:2").finish()
    side.docker("rmi", "r.example:5000/team/app:2", ok=False)
    side.docker("rmi", image.text, ok=False)
    side.docker("rm", "box")
    _run(side, "rmi", "-f", image.text[7:19])
    side.docker("rmi", image.text, ok=False)


@both_ways
def test_prunes(side: Side) -> None:
    """
    What nobody names, and then all that no container uses.
    """
    # The engine's own would take the images that all tests share.
    _build(side, "app:1", "LABEL keep=no")
    _build(side, "app:1", "LABEL keep=no", "ENV A=c")
    _build(side, "app:2", "LABEL keep=yes")
    _build(side, "used:1", "LABEL keep=no", "ENV A=d")
    side.docker("create", "--name", "box", "used:1")
    only = ["--filter", "label=keep"]
    _run(side, "image", "prune", "-f", *only, "--filter", "until=24h")
    _run(side, "image", "prune", "-f", *only)
    _run(side, "image", "prune", "-f", *only)
    _run(side, "image", "prune", "-a", "-f", *only, "--filter", "label!=keep=yes")
    listed = side.start("images", "--format", "{{.Repository}}:{{.Tag}}", *only).finish()
    side.see("images", sorted(listed.text.splitlines()))
    side.docker("image", "prune", "-f", "--filter", "until=nonsense", ok=False)
    side.docker("image", "prune", "-f", "--filter", "nonsense=1", ok=False)


@both_ways
def test_archives(side: Side) -> None:
    """
    Saved by name, by id and several at once.
    """
    _build(side, "app:1", "ENV A=b")
    side.docker("tag", "app:1", "app:2")
    image = side.engine.api.get("/images/app:1/json")["Id"]
    for names in (["app"], ["app:1", "busybox"], [image], ["app:2", image[7:19]]):
        done = side.start("save", *names).finish()
        assert done.status == 0, done
        side.see(f"save {len(names)}", _manifest(done.out))
    for names in (["missing"], ["busybox", "missing:1"], ["0123456789ab"]):
        side.docker("save", *names, ok=False)


def _manifest(archive: bytes) -> list[tuple[list[str], int]]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        found = tar.extractfile("manifest.json")
        assert found is not None
        entries = json.load(found)
    return sorted((sorted(each["RepoTags"] or []), len(each["Layers"])) for each in entries)


@both_ways
def test_commits_and_imports(side: Side) -> None:
    """
    Images made of a container and of a file system, with changes, and what they run.
    """
    side.docker("create", "--name", "box", "-e", "A=b", "busybox", "sh", "-c", "echo $A")
    changes = ("-c", "ENV A=c", "-c", "LABEL x=y", "-c", 'CMD ["sh", "-c", "echo $A"]')
    side.docker("commit", *changes, "-m", "words", "-a", "somebody", "box", "made:1")
    shape = "{{.Comment}} {{.Author}} {{json .Config.Env}} {{json .Config.Labels}}"
    side.docker("image", "inspect", "-f", shape, "made:1")
    side.docker("run", "--rm", "made:1")
    side.docker("commit", "box")
    side.docker("commit", "missing", "made:2", ok=False)
    side.docker("commit", "-c", "RUN true", "box", "made:2", ok=False)
    archive = side.start("export", "box").finish().out
    side.docker("import", *changes, "-m", "words", "-", "made:3", stdin=archive)
    side.docker("image", "inspect", "-f", shape, "made:3")
    side.docker("run", "--rm", "made:3")
    side.docker("import", "-", stdin=archive)
    side.docker("import", "-", "Made:4", stdin=archive, ok=False)
    side.docker("import", "-", "made:4", stdin=b"nothing", ok=False)
    side.docker("rm", "box")
    for name in ("made:1", "made:3"):
        side.docker("rmi", name)


@both_ways
def test_loads(side: Side) -> None:
    """
    What was saved is loaded again, as a stream, from a file, compressed; and what is none.
    """
    side.docker("create", "--name", "box", "busybox", "true")
    side.docker("commit", "-c", "ENV A=b", "box", "app:1")
    image = side.start("image", "inspect", "-f", "{{.Id}}", "app:1").finish().text
    archive = side.start("save", "app:1").finish().out
    side.docker("load", stdin=archive)
    side.docker("rmi", "app:1")
    side.docker("load", stdin=archive)
    assert side.start("image", "inspect", "-f", "{{.Id}}", "app:1").finish().text == image
    side.docker("tag", "app:1", "app:2")
    both = side.start("save", "app:1", "app:2", "busybox").finish().out
    for name in ("app:1", "app:2"):
        side.docker("rmi", name)
    (side.directory / "images.tar.gz").write_bytes(gzip.compress(both, 1))
    done = side.start("load", "-q", "-i", str(side.directory / "images.tar.gz")).finish()
    side.see("load", [done.status, sorted(done.text.splitlines())])
    by_id = side.start("save", image).finish().out
    for name in ("app:1", "app:2"):
        side.docker("rmi", name)
    side.docker("load", "-q", stdin=by_id)
    side.docker("run", "--rm", image, "sh", "-c", "echo $A")
    side.docker("rmi", image)
    side.see("nonsense", side.start("load").finish(b"nonsense" * 1000).status)
    side.docker("rm", "box")
