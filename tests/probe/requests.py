"""
A well-formed request of every row of the route table. What it takes beside the reference in
the path stands here; a row that needs more, and has nothing here, fails the probe.
"""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Mapping
from typing import Any

from attrs import evolve

from dss.routes.table import Body, Route
from tests.engines.api import Api, Reply
from tests.owners.attempts import ATTEMPTS, Attempt


def _tar(**files: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


_STORE = {"Name": "probe", "Data": "eA==", "Labels": {}}
_SERVICE = {"Name": "probe", "TaskTemplate": {"ContainerSpec": {"Image": "busybox"}}}
_SWARM = {"Name": "default"}

#: By operation, beside those on containers and execs.
_REQUESTS: Mapping[str, Attempt] = {
    "ImagePush": Attempt({"tag": "latest"}),
    "ImageTag": Attempt({"repo": "probe", "tag": "latest"}),
    "NetworkConnect": Attempt(body={"Container": "no-container"}),
    "NetworkDisconnect": Attempt(body={"Container": "no-container"}),
    "VolumeUpdate": Attempt({"version": 1}, {"Spec": {}}),
    "ServiceLogs": Attempt({"stdout": 1}),
    "TaskLogs": Attempt({"stdout": 1}),
    "ServiceUpdate": Attempt({"version": 1}, _SERVICE),
    "SecretUpdate": Attempt({"version": 1}, _STORE),
    "ConfigUpdate": Attempt({"version": 1}, _STORE),
    "NodeUpdate": Attempt({"version": 1}, {"Role": "manager", "Availability": "active"}),
    "SwarmUpdate": Attempt({"version": 1}, _SWARM),
    "SwarmInit": Attempt(body={"ListenAddr": "127.0.0.1"}),
    "SwarmJoin": Attempt(body={"ListenAddr": "127.0.0.1", "RemoteAddrs": ["127.0.0.1"]}),
    "SwarmUnlock": Attempt(body={"UnlockKey": "x"}),
    "GetPluginPrivileges": Attempt({"remote": "probe"}),
    "PluginPull": Attempt({"remote": "probe"}, []),
    "PluginUpgrade": Attempt({"remote": "probe"}, []),
    "PluginSet": Attempt(body=["a=b"]),
    "PluginCreate": Attempt({"name": "probe"}, _tar(config=b"{}")),
    "SystemEvents": Attempt({"since": 0}),
    "ImageCommit": Attempt({"repo": "probe"}),
}

#: What is judged, in a form that the default settings deny, with the rule.
DENIED: Mapping[str, tuple[Attempt, str]] = {
    "ContainerCreate": (
        Attempt(body={"Image": "busybox", "HostConfig": {"Privileged": True}}),
        "container.privileged",
    ),
    "NetworkCreate": (Attempt(body={"Name": "probe", "Driver": "macvlan"}), "network."),
    "VolumeCreate": (
        Attempt(body={"Name": "probe", "DriverOpts": {"type": "none", "device": "/", "o": "bind"}}),
        "mount.source",
    ),
    "ServiceCreate": (
        Attempt(body={**_SERVICE, "Networks": [{"Target": "host"}], "Odd": 1}),
        "field.unknown",
    ),
    "SecretCreate": (Attempt(body={**_STORE, "Odd": 1}), "field.unknown"),
    "ConfigCreate": (Attempt(body={**_STORE, "Odd": 1}), "field.unknown"),
    "ImageCreate": (Attempt({"fromImage": "other.invalid/x", "tag": "1"}), "image.pull"),
    "ImageLoad": (
        Attempt(
            body=_tar(
                **{
                    "manifest.json": b'[{"Config": "c.json", "RepoTags": ["busybox:latest"], '
                    b'"Layers": []}]',
                    "c.json": b'{"rootfs": {"type": "layers", "diff_ids": []}}',
                }
            )
        ),
        "image.",
    ),
    "ImageSearch": (Attempt({"term": "other.invalid/x"}), "registry.host"),
    "ImageBuild": (
        Attempt({"networkmode": "host"}, _tar(Dockerfile=b"FROM busybox\n")),
        "build.",
    ),
    "SystemAuth": (
        Attempt(body={"username": "x", "password": "x", "serveraddress": "other.invalid"}),
        "registry.host",
    ),
    "DistributionInspect": (Attempt(), "image.pull"),
}

#: Rows of one object that is not named in the path: the parameter that names it.
BY_QUERY: Mapping[str, str] = {"ImageCommit": "container", "ImageGetAll": "names"}


def attempt_of(route: Route) -> Attempt:
    """
    What to send for a row.
    """
    known = ATTEMPTS.get(route.operation) or _REQUESTS.get(route.operation) or Attempt()
    if route.operation == "SystemEvents":
        # An end, or they never end.
        return evolve(known, query={**known.query, "until": int(time.time())})
    return known


def send(api: Api, route: Route, attempt: Attempt, reference: str = "") -> Reply:
    """
    Send a request of a row's about what a reference names.
    """
    if route.operation in BY_QUERY:
        attempt = evolve(attempt, query={**attempt.query, BY_QUERY[route.operation]: reference})
    if route.body is Body.JSON and attempt.body is None:
        attempt = evolve(attempt, body={})
    path = route.template.replace("{name...}", "{id}").replace("{name}", "{id}")
    return attempt.send(api, evolve(route, template=path), reference)


def with_param(attempt: Attempt, name: str, value: Any) -> Attempt:
    """
    The same with a query parameter.
    """
    return evolve(attempt, query={**attempt.query, name: value})
