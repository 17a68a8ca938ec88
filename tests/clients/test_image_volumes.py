"""
Volumes that an image declares: an owner's from birth, and to its client as without dss.
"""

from __future__ import annotations

import pytest

from tests.clients.sides import Side, both_ways

pytestmark = pytest.mark.engine

_DOCKERFILE = """\
FROM busybox
RUN mkdir /data && echo hello > /data/file
VOLUME /data /more
"""


@both_ways
def test_volumes_of_an_image(side: Side) -> None:
    """
    They have the image's content, are taken by others, give way to what the client mounts, and
    are removed with the container.
    """
    (side.directory / "Dockerfile").write_text(_DOCKERFILE)
    side.docker(
        *("build", "-q", "-t", "declares", str(side.directory)), environ={"DOCKER_BUILDKIT": "0"}
    )
    cat = ("cat", "/data/file")
    side.docker("run", "--name", "one", "declares", *cat)
    side.docker("run", "--rm", "--volumes-from", "one", "declares", *cat)
    side.docker("run", "--name", "two", "-v", "named:/data", "--tmpfs", "/more", "declares", *cat)
    for name in ("one", "two"):
        shown = side.api.get(f"/containers/{name}/json")
        side.see("mounts", sorted(shown["Mounts"], key=lambda each: str(each["Destination"])))
        side.see("asked", [shown["Config"]["Volumes"], shown["HostConfig"].get("Mounts")])
    volumes = side.engine.api.get("/volumes")["Volumes"]
    side.see("volumes", len(volumes))
    if side.guarded:
        assert {each["Labels"]["com.dss.owner"] for each in volumes} == {"clients"}
        assert len(side.api.get("/volumes")["Volumes"]) == len(volumes)
    side.docker("restart", "-t", "0", "one")
    side.docker("rm", "-v", "one", "two")
    side.docker("volume", "ls", "-q")
    assert side.api.call("DELETE", "/images/declares").ok


@both_ways
def test_an_image_that_is_mounted(side: Side) -> None:
    """
    By a tag; on older engines nothing is.
    """
    mounts = [{"Type": "image", "Source": "busybox", "Target": "/image"}]
    missing = [{**mounts[0], "Source": "nobodys"}]
    cat = ["ls", "/image/bin/busybox"]
    for wanted in (missing, mounts):
        body = {"Image": "busybox", "Cmd": cat, "HostConfig": {"Mounts": wanted}}
        reply = side.api.call("POST", "/containers/create", {"name": "img"}, body)
        side.see("created", [reply.status, reply.message if not reply.ok else ""])
    if not reply.ok:
        return
    side.docker("start", "-a", "img")
    shown = side.api.get("/containers/img/json")
    (mount,) = shown["Mounts"]
    assert mount.pop("Source").startswith("/var/lib/docker/")
    side.see("shown", [mount, shown["HostConfig"]["Mounts"]])
