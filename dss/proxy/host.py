"""
The host's file system: looks at bind sources, and makes those that are missing.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress

from dss.model.facts import PathFacts

#: What opens a directory, but never through a link.
_STEP = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def look_at(path: str) -> PathFacts:
    """
    What the host says of a path.
    """
    try:
        resolved = os.path.realpath(path, strict=True)
        mode = os.stat(resolved).st_mode
    except (OSError, ValueError):
        return PathFacts(None)
    return PathFacts(resolved, stat.S_ISDIR(mode), stat.S_ISSOCK(mode))


def lacking(path: str) -> str:
    """
    Which of C{nosuid} and C{nodev} the mount of a path lacks, with a comma between: what a
    container leaves there works for whoever of the host reaches it. Nothing where dss can't
    see the path.
    """
    try:
        flags = os.statvfs(path).f_flag
    except OSError:
        return ""
    wanted = (("nosuid", os.ST_NOSUID), ("nodev", os.ST_NODEV))
    return ",".join(name for name, flag in wanted if not flags & flag)


def make_directory(root: str, relative: str) -> str | None:
    """
    Make a directory and those above it that are missing, of mode 0755, as dockerd makes
    a bind's source. Each step is taken from the directory before it, so that nothing that
    is swapped meanwhile leads out of the root.

    @param relative: the path below the root.
    @return: L{None} once it is there, else why it can't be.
    """
    if ".." in relative.split("/"):
        return "it has a '..' in it"
    mask = os.umask(0o022)
    try:
        here = os.open(root, _STEP & ~os.O_NOFOLLOW)
        try:
            for name in relative.strip("/").split("/"):
                with suppress(FileExistsError):
                    os.mkdir(name, 0o755, dir_fd=here)
                above, here = here, os.open(name, _STEP, dir_fd=here)
                os.close(above)
        finally:
            os.close(here)
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)
    finally:
        os.umask(mask)
    return None
