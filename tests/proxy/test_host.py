"""
The host's file system: what is looked at, and what is made.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest

from dss.model.facts import PathFacts
from dss.proxy.host import lacking, look_at, make_directory


def test_what_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "dangling").symlink_to("none")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "sock"))
    base = os.path.realpath(tmp_path)
    assert look_at(str(tmp_path)) == PathFacts(base, is_directory=True)
    assert look_at(f"{tmp_path}/link") == PathFacts(f"{base}/file")
    assert look_at(f"{tmp_path}/sock") == PathFacts(f"{base}/sock", is_socket=True)
    assert look_at(f"{tmp_path}/dangling") == PathFacts(None)
    assert look_at("/a\0b") == PathFacts(None)


def test_what_a_mount_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    flags = {"/plain": 0, "/half": os.ST_NOSUID, "/safe": os.ST_NOSUID | os.ST_NODEV | os.ST_RDONLY}

    def statvfs(path: str) -> SimpleNamespace:
        if path not in flags:
            raise FileNotFoundError(path)
        return SimpleNamespace(f_flag=flags[path])

    monkeypatch.setattr(os, "statvfs", statvfs)
    found = [lacking(path) for path in ("/plain", "/half", "/safe", "/elsewhere")]
    assert found == ["nosuid,nodev", "nodev", "", ""]


def test_directories_are_made_as_dockerd_does(tmp_path: Path) -> None:
    mask = os.umask(0o077)
    try:
        assert make_directory(str(tmp_path), "a/b") is None
        assert make_directory(str(tmp_path), "a/b/c") is None
        assert make_directory(str(tmp_path), "a/b/c") is None
        assert os.umask(0o077) == 0o077
    finally:
        os.umask(mask)
    for name in ("a", "a/b", "a/b/c"):
        assert os.stat(tmp_path / name).st_mode & 0o7777 == 0o755


@pytest.mark.parametrize("way", ["out/new", "inner/new", "dangling", "file", "file/new", "../new"])
def test_no_link_is_followed(tmp_path: Path, way: str) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    for directory in (root / "dir", outside):
        directory.mkdir(parents=True)
    (root / "file").write_text("x")
    (root / "out").symlink_to(outside)
    (root / "inner").symlink_to("dir")
    (root / "dangling").symlink_to(outside / "none")
    assert make_directory(str(root), way)
    assert sorted(os.listdir(tmp_path)) == ["outside", "root"]
    assert os.listdir(outside) == os.listdir(root / "dir") == []


def test_why_it_can_not_be_made(tmp_path: Path) -> None:
    assert make_directory(str(tmp_path / "gone"), "a") == "No such file or directory"
    assert make_directory(str(tmp_path), "a\0b") == "embedded null byte"
    assert make_directory(str(tmp_path), "x" * 300) == "File name too long"
