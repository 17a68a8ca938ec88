"""
Files of a container: C{cp} both ways, and C{export}.
"""

from __future__ import annotations

import io
import tarfile

import pytest

from tests.clients.sides import Side, both_ways

pytestmark = pytest.mark.engine


@both_ways
def test_a_file_in_and_out(side: Side) -> None:
    """
    It arrives byte for byte, with its mode.
    """
    data = bytes(range(256)) * 10_000
    (side.directory / "in").write_bytes(data)
    (side.directory / "in").chmod(0o640)
    side.docker("create", "--name", "web", "busybox")
    side.docker("cp", "-q", str(side.directory / "in"), "web:/tmp/there") if side.engine.version > (
        1,
        43,
    ) else side.docker("cp", str(side.directory / "in"), "web:/tmp/there")
    side.start("cp", "web:/tmp/there", str(side.directory / "out")).finish()
    assert (side.directory / "out").read_bytes() == data
    assert (side.directory / "out").stat().st_mode & 0o777 == 0o640


@both_ways
def test_a_directory_in_and_out(side: Side) -> None:
    """
    With what is below it, from a container that runs.
    """
    (side.directory / "tree/deep").mkdir(parents=True)
    (side.directory / "tree/deep/file").write_text("leaf")
    (side.directory / "tree/link").symlink_to("deep/file")
    side.docker("run", "-d", "--name", "web", "busybox", "sleep", "60")
    side.start("cp", str(side.directory / "tree"), "web:/tmp").finish()
    assert side.docker("exec", "web", "cat", "/tmp/tree/link").text == "leaf"
    side.start("cp", "web:/tmp/tree/.", str(side.directory / "back")).finish()
    assert (side.directory / "back/deep/file").read_text() == "leaf"
    assert (side.directory / "back/link").is_symlink()


@both_ways
def test_tar_streams(side: Side) -> None:
    """
    From standard input, and to standard output.
    """
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        entry = tarfile.TarInfo("note")
        entry.size = 5
        tar.addfile(entry, io.BytesIO(b"hello"))
    side.docker("create", "--name", "web", "busybox")
    side.docker("cp", "-", "web:/tmp", stdin=packed.getvalue())
    done = side.start("cp", "web:/tmp/note", "-").finish()
    with tarfile.open(fileobj=io.BytesIO(done.out)) as tar:
        member = tar.extractfile("note")
        assert member is not None
        assert member.read() == b"hello"


@both_ways
def test_a_symbolic_link_is_followed(side: Side) -> None:
    """
    C{cp -L}.
    """
    side.docker("run", "--name", "web", "busybox", "ln", "-s", "/etc/passwd", "/tmp/link")
    side.start("cp", "-L", "web:/tmp/link", str(side.directory / "file")).finish()
    assert (side.directory / "file").read_text().startswith("root:")


@both_ways
def test_a_path_that_is_missing(side: Side) -> None:
    """
    In the container, or on the way to it.
    """
    side.docker("create", "--name", "web", "busybox")
    assert side.docker("cp", "web:/no/such", str(side.directory), ok=False).status == 1
    (side.directory / "file").write_text("x")
    side.docker("cp", str(side.directory / "file"), "web:/no/such/place", ok=False)


@both_ways
def test_twenty_megabytes_in_and_out(side: Side) -> None:
    """
    More than any buffer on the way.
    """
    data = b"0123456789abcdef" * (20 << 16)
    (side.directory / "big").write_bytes(data)
    side.docker("create", "--name", "web", "busybox")
    side.start("cp", str(side.directory / "big"), "web:/tmp/big").finish()
    done = side.start("cp", "web:/tmp/big", str(side.directory / "back")).finish()
    assert done.status == 0, done
    assert (side.directory / "back").read_bytes() == data


@both_ways
def test_export(side: Side) -> None:
    """
    The whole file system, as a tar.
    """
    side.docker("run", "--name", "web", "busybox", "sh", "-c", "echo hi > /note")
    done = side.start("export", "web").finish()
    with tarfile.open(fileobj=io.BytesIO(done.out)) as tar:
        side.see("members", sorted(tar.getnames()))
        member = tar.extractfile("note")
        assert member is not None
        assert member.read() == b"hi\n"
