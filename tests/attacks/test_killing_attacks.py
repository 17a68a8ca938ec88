"""
Bodies that end an engine, or take all its memory. They are not tried on a bare engine, since
others' tests are on it: engines 20.10 and 28.5 were seen to end. Shown is that dss denies
them, that the engine still answers, and that what is meant well works.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.attacks.cases_create import ATTACKER
from tests.conftest import StartGuard
from tests.engines.machine import Engine

pytestmark = pytest.mark.engine


def _logged(**options: str) -> dict[str, Any]:
    config = {key.replace("_", "-"): value for key, value in options.items()}
    return {"HostConfig": {"LogConfig": {"Type": "json-file", "Config": config}}}


def test_the_engine_lives(engine: Engine, guard: StartGuard) -> None:
    """
    Health checks without a command, also an image's own; log options that take memory, and
    changes of a commit whose variables grow tenfold a line.
    """
    through = guard(engine, owner=ATTACKER)

    def made(**body: Any) -> str:
        whole = {"Image": "busybox", "Cmd": ["true"], **body}
        return str(through.api.post("/containers/create", whole)["Id"])

    plain = made()
    config = {"Healthcheck": {"Test": ["CMD"]}}
    engine.api.post("/commit", config, container=plain, repo="sick")
    denied = (
        ({"Healthcheck": {"Test": ["CMD"]}}, "container.healthcheck"),
        ({"Image": "sick"}, "container.healthcheck"),
        (_logged(tag='{{pad "x" 1099511627776 0}}'), "container.log_options"),
        (_logged(max_file="2000000000"), "container.log_options"),
        (_logged(mode="non-blocking", max_buffer_size="400m"), "container.log_options"),
    )
    for body, rule in denied:
        whole = {"Image": "busybox", **body}
        reply = through.api.call("POST", "/containers/create", None, whole)
        assert (reply.status, rule in reply.message) == (403, True)
    grown = "\n".join(["ENV A=xxxxxxxxxx", *["ENV A=" + "$A" * 10] * 9])
    for rule, image, changes in (
        ("container.healthcheck", config, ""),
        ("build.variables", {}, grown),
    ):
        query = {"container": plain, "repo": "ill", "changes": changes}
        commit = through.api.call("POST", "/commit", query, image)
        assert (commit.status, rule in commit.message) == (403, True)
    through.api.post("/commit", None, container=plain, repo="fine", changes="ENV A=x\nENV B=$A$A")
    assert "B=xx" in through.api.get("/images/fine/json")["Config"]["Env"]
    well = made(
        Image="sick",
        Healthcheck={"Test": ["CMD", "true"]},
        **_logged(tag="{{.Name}}", max_file="2", max_size="1m", mode="non-blocking"),
    )
    through.api.post(f"/containers/{well}/start")
    assert through.api.post(f"/containers/{well}/wait")["StatusCode"] == 0
    assert engine.api.get("/info")["Containers"] >= 2
