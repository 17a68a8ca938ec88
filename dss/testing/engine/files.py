"""
A container's file tree, and the tar archives that carry parts of it.
"""

from __future__ import annotations

import base64
import io
import posixpath
import tarfile

from attrs import evolve, frozen

from dss.testing.engine.message import EngineError, encode
from dss.testing.engine.times import stamp

_DIRECTORY_BIT = 1 << 31
_LINK_BIT = 1 << 27


@frozen
class Node:
    """
    A file, a directory or a symbolic link.

    @ivar data: a file's bytes; L{None} for a directory.
    @ivar link: where a link leads.
    """

    data: bytes | None = None
    mode: int = 0o755
    mtime: float = 0.0
    link: str | None = None

    @property
    def is_directory(self) -> bool:
        """
        Whether it can hold others.
        """
        return self.data is None and self.link is None


class Tree:
    """
    Nodes by absolute path.
    """

    def __init__(self, nodes: dict[str, Node] | None = None) -> None:
        self.nodes: dict[str, Node] = {"/": Node()} if nodes is None else dict(nodes)

    def copy(self) -> Tree:
        """
        Another tree with the same nodes.
        """
        return Tree(self.nodes)

    def find(self, path: str) -> tuple[str, Node] | None:
        """
        The node that a path leads to, and its own path, links followed.
        """
        seen = 0
        found = "/"
        parts = [part for part in path.split("/") if part and part != "."]
        while parts:
            part = parts.pop(0)
            if part == "..":
                found = posixpath.dirname(found)
                continue
            found = posixpath.join(found, part)
            node = self.nodes.get(found)
            if node is None:
                return None
            if node.link is not None:
                seen += 1
                if seen > 40:
                    return None
                parts = [each for each in node.link.split("/") if each and each != "."] + parts
                found = "/" if node.link.startswith("/") else posixpath.dirname(found)
        node = self.nodes.get(found)
        return None if node is None else (found, node)

    def put(self, path: str, node: Node) -> None:
        """
        Set a node, and the directories above it.
        """
        parent = posixpath.dirname(path)
        if parent not in self.nodes:
            self.put(parent, Node(mtime=node.mtime))
        self.nodes[path] = node

    def read(self, path: str) -> bytes | None:
        """
        A file's bytes.
        """
        found = self.find(path)
        return None if found is None else found[1].data

    def below(self, path: str) -> list[str]:
        """
        The paths of all nodes below one, sorted.
        """
        prefix = path.rstrip("/") + "/"
        return sorted(each for each in self.nodes if each.startswith(prefix) and each != "/")

    def changes(self, base: Tree) -> list[dict[str, object]]:
        """
        What differs from another tree, in the shape of C{GET /containers/{id}/changes}:
        kind 0 is a change, 1 an addition, 2 a removal.
        """
        kinds: dict[str, int] = {}
        for path, node in self.nodes.items():
            if path not in base.nodes:
                kinds[path] = 1
            elif base.nodes[path] != node:
                kinds[path] = 0
        for path in base.nodes:
            if path not in self.nodes:
                kinds[path] = 2
        for path in list(kinds):
            while (path := posixpath.dirname(path)) != "/":
                kinds.setdefault(path, 0)
        kinds.pop("/", None)
        return [{"Path": path, "Kind": kinds[path]} for path in sorted(kinds)]

    def archive(self, path: str | None = None) -> bytes:
        """
        A tar archive of a path under its last name, or of the whole tree.

        @param path: as L{find} returned it.
        """
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as tar:
            if path is None or path == "/":
                top, paths = "/", self.below("/")
            else:
                top, paths = posixpath.dirname(path), [path, *self.below(path)]
            if path == "/":
                tar.addfile(_member("/", self.nodes["/"]))
            for each in paths:
                node = self.nodes[each]
                tar.addfile(
                    _member(posixpath.relpath(each, top), node),
                    io.BytesIO(node.data) if node.data is not None else None,
                )
        return out.getvalue()

    def unpack(self, into: str, archive: bytes) -> None:
        """
        Put an archive's members below a directory.

        @raise EngineError: if it is no tar archive.
        """
        try:
            with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
                for member in tar:
                    place = posixpath.normpath(posixpath.join(into, "./" + member.name))
                    if place == "/":
                        continue
                    if member.isdir():
                        node = Node(mode=member.mode, mtime=member.mtime)
                    elif member.issym():
                        node = Node(mtime=member.mtime, link=member.linkname, mode=0o777)
                    else:
                        data = tar.extractfile(member)
                        node = Node(data.read() if data else b"", member.mode, member.mtime)
                    self.put(place, node)
        except (tarfile.TarError, EOFError, OSError):
            raise EngineError(500, "unexpected EOF") from None


def path_stat(path: str, node: Node) -> str:
    """
    The value of C{X-Docker-Container-Path-Stat}: JSON in base64, the mode in Go's
    bits.
    """
    bits = _DIRECTORY_BIT if node.is_directory else _LINK_BIT if node.link is not None else 0
    told = {
        "name": posixpath.basename(path) or "/",
        "size": 4096 if node.data is None else len(node.data),
        "mode": node.mode | bits,
        "mtime": stamp(node.mtime),
        "linkTarget": node.link or "",
    }
    return base64.b64encode(encode(told).strip()).decode()


def _member(name: str, node: Node) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.mode, member.mtime = node.mode, int(node.mtime)
    if node.link is not None:
        member.type, member.linkname = tarfile.SYMTYPE, node.link
    elif node.data is None:
        member.type = tarfile.DIRTYPE
    else:
        member.size = len(node.data)
    return member


def small_system(programs: tuple[str, ...], when: float) -> Tree:
    """
    The tree of the images that come with the memory engine.
    """
    tree = Tree()
    tree.nodes["/"] = Node(mtime=when)
    for each in ("/tmp", "/root", "/etc", "/bin"):
        tree.put(each, Node(mtime=when))
    tree.put("/tmp", evolve(tree.nodes["/tmp"], mode=0o1777))
    tree.put("/etc/passwd", Node(b"root:x:0:0:root:/root:/bin/sh\n", 0o644, when))
    tree.put("/etc/group", Node(b"root:x:0:\n", 0o644, when))
    for program in programs:
        tree.put(f"/bin/{program}", Node(b"in memory\n", 0o755, when))
    return tree
