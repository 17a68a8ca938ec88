"""
Rows of the operations that build images.
"""

from __future__ import annotations

from dss.policy import build, disk
from dss.policy.buildkit import CLASSIC
from dss.policy.later import later
from dss.routes.table import (
    Access,
    Body,
    Family,
    Route,
    api,
    boolean,
    filters,
    integer,
    text,
    texts,
)

_LATER = "denied for now"
_BUILDKIT = later("BuildKit", hint=CLASSIC)

ROUTES = (
    Route(
        "ImageBuild",
        "POST",
        "/build",
        Family.BUILD,
        Access.JUDGED,
        build.judge,
        "classic builder only; parameters judged; stamped",
        params=(
            text("dockerfile"),
            texts("t"),
            texts("extrahosts", "1.28"),
            text("remote"),
            boolean("q"),
            boolean("nocache"),
            text("cachefrom"),
            boolean("pull"),
            boolean("rm"),
            boolean("forcerm"),
            integer("memory"),
            integer("memswap"),
            integer("cpushares"),
            text("cpusetcpus"),
            integer("cpuperiod"),
            integer("cpuquota"),
            text("buildargs"),
            integer("shmsize"),
            boolean("squash"),
            text("labels"),
            text("networkmode"),
            text("platform", "1.34"),
            text("target", "1.37"),
            text("version", "1.38"),
            text("outputs", "1.40"),
            # Not in the API's description, but read by the engine (moby 28.5).
            text("cpusetmems"),
            text("cgroupparent"),
            texts("securityopt"),
            text("isolation"),
            text("ulimits"),
            text("session"),
            text("buildid"),
        ),
        body=Body.STREAM,
        headers=("x-registry-config",),
    ),
    Route(
        "BuildPrune",
        "POST",
        "/build/prune",
        Family.BUILD,
        Access.FILTERED,
        disk.prune_cache,
        "nothing goes; no record of the cache tells whose it is",
        since=api("1.31"),
        params=(
            integer("keep-storage", "1.39", until="1.51"),
            boolean("all", "1.39"),
            filters("1.39"),
            integer("reserved-space", "1.48"),
            integer("max-used-space", "1.48"),
            integer("min-free-space", "1.48"),
        ),
    ),
    # Not in the API's description, but served by the engine (moby 28.5).
    Route(
        "BuildCancel",
        "POST",
        "/build/cancel",
        Family.BUILD,
        Access.DENIED,
        _BUILDKIT,
        _LATER,
        since=api("1.39"),
        params=(text("id"),),
    ),
    Route(
        "Session",
        "POST",
        "/session",
        Family.BUILD,
        Access.DENIED,
        _BUILDKIT,
        _LATER,
        since=api("1.31"),
    ),
    Route(
        "Grpc", "POST", "/grpc", Family.BUILD, Access.DENIED, _BUILDKIT, _LATER, since=api("1.40")
    ),
)
