"""
Root file systems of Debian suites, each with that suite's Docker Engine and CLI, and one
with Podman.

A root is made once, in about a minute, and kept for all later runs below
C{$DSS_ENGINE_HOME/roots} (C{/var/cache/dss-engine/roots} by default).
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: Where roots and the data of running engines are kept.
HOME = Path(os.environ.get("DSS_ENGINE_HOME", "/var/cache/dss-engine"))

#: The suites, oldest engine first: 20.10 (API 1.41), 26.1 (API 1.45) and 28.x (API 1.51).
SUITES = ("bookworm", "trixie", "sid")

#: The root that has Podman in the engine's place: bookworm's 4.3.
PODMAN = "podman"

_PACKAGES = (
    "docker.io",
    "docker-registry",
    "iptables",
    "iproute2",
    "ca-certificates",
    "procps",
    "git",
)
# Debian split the client and its plugins off the engine's package after bookworm.
_CLIENT_PACKAGES = ("docker-cli", "docker-buildx", "docker-compose")
_PODMAN_PACKAGES = (
    "podman",
    "crun",
    "netavark",
    "aardvark-dns",
    "iptables",
    "iproute2",
    "ca-certificates",
    "procps",
)
_ATTEMPTS = 3


class Unavailable(Exception):
    """
    An engine can't be had on this machine. The text says why.
    """


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """
    Hold a file's lock: one process at a time gets in.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def need(command: str, package: str) -> str:
    """
    The path of a command of the host, installed from its Debian package if missing.

    @raise Unavailable: if it is missing and can't be installed.
    """
    found = shutil.which(command)
    if found is None:
        if shutil.which("apt-get") is None:
            raise Unavailable(f"{command} is missing, and this is no Debian")
        environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], capture_output=True, check=False)
        subprocess.run(
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package],
            capture_output=True,
            check=False,
            env=environ,
        )
        found = shutil.which(command)
    if found is None:
        raise Unavailable(f"{command} is missing, and Debian package {package} can't be installed")
    return found


def root_of(suite: str) -> Path:
    """
    The root file system of a suite, made if this is its first use.

    @raise Unavailable: if it can't be made, with the end of debootstrap's output.
    """
    if suite not in (*SUITES, PODMAN):
        raise Unavailable(f"no suite {suite!r}: there are {', '.join((*SUITES, PODMAN))}")
    roots = HOME / "roots"
    root, made = roots / suite, roots / f"{suite}.ok"
    if made.exists():
        return root
    with locked(roots / "lock"):
        if not made.exists():
            _make(suite, root)
            made.touch()
    return root


def _make(suite: str, root: Path) -> None:
    debootstrap = need("debootstrap", "debootstrap")
    packages: tuple[str, ...] = _PACKAGES
    if suite == PODMAN:
        packages = _PODMAN_PACKAGES
    elif suite != "bookworm":
        packages += _CLIENT_PACKAGES
    command = [
        debootstrap,
        "--variant=minbase",
        f"--include={','.join(packages)}",
        "bookworm" if suite == PODMAN else suite,
        str(root),
    ]
    for _ in range(_ATTEMPTS):
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
        made = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if made.returncode == 0:
            return
    tail = "\n".join(made.stdout.splitlines()[-5:])
    raise Unavailable(f"debootstrap of {suite} failed:\n{tail}")
