"""
Compose projects, up and down, as without dss.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.clients.programs import Done
from tests.clients.sides import Side, both_ways
from tests.engines.roots import SUITES
from tests.everyday import stacks

#: Debian's oldest suite has no compose plugin.
pytestmark = [
    pytest.mark.engine,
    pytest.mark.parametrize("engine", SUITES[1:], indirect=True),
]

_DEPENDS = "com.docker.compose.depends_on"

#: Of a listed container, what does not change by itself.
_SHOWN = ("Service", "Name", "Image", "Command", "State", "Health", "Networks")


def _project(side: Side) -> tuple[str, ...]:
    return "compose", "--project-directory", str(side.directory), "-p", "stack"


def _compose(side: Side, *argv: str, environ: dict[str, str] | None = None) -> Done:
    """
    Run it, and record how it ends. Its progress is told in no order.
    """
    done = side.start(*_project(side), *argv, environ=environ).finish()
    side.see(f"compose {' '.join(argv)}", [done.status, sorted(done.text.splitlines())])
    assert done.status == 0, f"{side.kind}: {argv}: {done}"
    return done


def _write(side: Side, **files: str) -> None:
    for name, content in files.items():
        path = side.directory / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)


def _listed(side: Side, *argv: str) -> None:
    lines = side.start(*_project(side), "ps", "-a", "--format", "json", *argv).finish()
    shown: list[Any] = [json.loads(line) for line in lines.text.splitlines()]
    for each in shown:
        # The client tells these in no order.
        each["Networks"] = sorted(str(each.get("Networks")).split(","))
    side.see("ps", sorted(([each.get(name) for name in _SHOWN] for each in shown), key=str))


@both_ways
def test_a_web_stack(side: Side) -> None:
    """
    A database that gets healthy, a web server that waits for it, a cache, a worker, files as
    secrets and configs, a profile, and all that people do with them.
    """
    _write(
        side,
        compose_yaml=stacks.WEB,
        base_yaml=stacks.BASE,
        web_env="FROM_FILE=yes\n",
        password_txt="s3cret\n",
        page_txt="a page\n",
        site__index_html="hello\n",
        out__keep="",
    )
    _compose(side, "config", "--services")
    _compose(side, "up", "-d")
    _listed(side)
    for service in ("db", "web", "cache", "worker"):
        shown = side.api.get(f"/containers/stack-{service}-1/json")
        state = shown.pop("State")
        side.see(f"health of {service}", (state.get("Health") or {}).get("Status"))
        # Compose and the engine tell these in no order.
        shown["Mounts"].sort(key=lambda mount: mount["Destination"])
        shown["Config"]["Env"].sort()
        (shown["HostConfig"]["Binds"] or []).sort()
        shown["HostConfig"].get("Mounts", []).sort(key=lambda mount: mount["Target"])
        labels = shown["Config"]["Labels"]
        labels[_DEPENDS] = sorted(labels[_DEPENDS].split(","))
        side.see(service, {key: shown[key] for key in ("Config", "HostConfig", "Mounts")})
    run = ("exec", "-T")
    _compose(side, *run, "web", "sh", "-c", "cat page; env | sort; ulimit -n; cat /out/keep")
    _compose(side, *run, "web", "sh", "-c", "echo x >/out/made; wget -qO- database:5432/ready")
    side.see("made", (side.directory / "out" / "made").read_text())
    _compose(side, *run, "cache", "sh", "-c", "ulimit -n; cat /proc/sys/net/core/somaxconn")
    side.api.post("/containers/stack-worker-1/wait")
    _compose(side, "logs", "--no-log-prefix", "worker")
    _compose(side, "logs", "web")
    _compose(side, "run", "--rm", "-T", "tool")
    _compose(side, "cp", "web:/srv/page", f"{side.directory}/copied")
    side.see("copied", (side.directory / "copied").read_text())
    for listing in (("top", "cache"), ("images", "--format", "json")):
        told = side.start(*_project(side), *listing).finish()
        side.see(listing[0], [told.status, "httpd" in told.text, told.text.count("busybox")])
    _compose(side, "up", "-d", "--scale", "cache=2", "--no-recreate")
    _listed(side, "cache")
    _compose(side, "pause", "cache")
    _compose(side, "unpause", "cache")
    _compose(side, "restart", "-t", "0", "web")
    _compose(side, "stop", "-t", "0")
    _compose(side, "start", "db")
    side.docker("volume", "ls", "-q", "--filter", "label=com.docker.compose.project=stack")
    _compose(side, "--profile", "tools", "down", "-v", "-t", "0", "--remove-orphans")
    side.docker("ps", "-aq")
    side.docker("network", "ls", "--format", "{{.Name}}")
    side.docker("volume", "ls", "-q")


@both_ways
def test_a_service_that_is_built(side: Side) -> None:
    """
    By the classic builder.
    """
    _write(side, compose_yaml=stacks.BUILT, app__Dockerfile=stacks.DOCKERFILE)
    classic = {"DOCKER_BUILDKIT": "0"}
    built = side.start(*_project(side), "build", environ=classic).finish()
    assert built.status == 0, built
    _compose(side, "up", "--no-build", "--no-log-prefix", environ=classic)
    shown = side.api.get("/images/app:test/json")["Config"]
    side.see("labels", shown["Labels"].get("com.example.built"))
    _compose(side, "down", "-t", "0")
