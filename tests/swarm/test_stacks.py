"""
Stacks of two owners side by side, deployed by each engine's own docker.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.engines.cleaning import Contents
from tests.engines.guard import Guard
from tests.engines.patience import eventually
from tests.swarm.cluster import Swarm, logged, running

pytestmark = pytest.mark.engine

_STACK = """
version: "3.8"
services:
  web:
    image: busybox
    command: ["sh", "-c", "cat /run/secrets/pw /etc/app.conf; exec sleep 600"]
    stop_grace_period: 10ms
    secrets: [pw]
    configs:
      - source: conf
        target: /etc/app.conf
    networks: [back]
    volumes: ["data:/data"]
    environment: ["GREETING=hello"]
    ports: ["${PORT}:80"]
    deploy:
      resources: {limits: {memory: 64M}}
      update_config: {order: stop-first, max_failure_ratio: 0.25}
  job:
    image: busybox
    command: ["sleep", "600"]
    stop_grace_period: 10ms
networks:
  back: {attachable: true}
volumes:
  data: {}
secrets:
  pw: {file: ./pw}
configs:
  conf: {file: ./conf}
"""


def _docker(swarm: Swarm, guard: Guard, *argv: str, **environ: str) -> str:
    done = swarm.engine.run(
        "docker", *argv, environ={"DOCKER_HOST": guard.host, **environ}, timeout=120
    )
    assert done.returncode == 0, (argv, done.stderr.decode(), done.stdout.decode())
    return done.stdout.decode()


def _deploy(swarm: Swarm, guard: Guard, port: int) -> None:
    directory: Path = swarm.engine.directory / f"stack-{guard.owner}"
    directory.mkdir(exist_ok=True)
    (directory / "stack.yml").write_text(_STACK)
    (directory / "pw").write_text(f"secret of {guard.owner}\n")
    (directory / "conf").write_text(f"config of {guard.owner}\n")
    arguments = ["stack", "deploy", "-c", str(directory / "stack.yml"), f"app-{guard.owner}"]
    _docker(swarm, guard, *arguments, PORT=str(port))


def _words(text: str) -> set[str]:
    return set(re.findall(r"app-[ab](?:_[a-z]+)?", text))


def test_two_owners_deploy_a_stack_each(swarm: Swarm) -> None:
    """
    Each sees, updates, takes back and removes its own, and nothing of the other's.
    """
    for guard, port in ((swarm.guard_a, 18081), (swarm.guard_b, 18082)):
        _deploy(swarm, guard, port)
    tasks = {}
    for guard in (swarm.guard_a, swarm.guard_b):
        stack = f"app-{guard.owner}"
        for name in ("web", "job"):
            tasks[f"{stack}_{name}"] = running(guard.api, f"{stack}_{name}")
        assert _words(_docker(swarm, guard, "stack", "ls")) == {stack}
        names = {f"{stack}_web", f"{stack}_job"}
        assert _words(_docker(swarm, guard, "service", "ls")) == names
        assert _words(_docker(swarm, guard, "stack", "ps", stack)) == names
        assert _words(_docker(swarm, guard, "secret", "ls")) == {f"{stack}_pw"}
        assert _words(_docker(swarm, guard, "config", "ls")) == {f"{stack}_conf"}
        networks = {f"{stack}_back", f"{stack}_default"}
        assert _words(_docker(swarm, guard, "network", "ls")) == networks
        told = logged(guard.api, f"{stack}_web", b"config of")
        assert f"secret of {guard.owner}".encode() in told
        shown = _docker(swarm, guard, "service", "logs", f"{stack}_web")
        assert f"config of {guard.owner}" in shown
        # The containers are the owner's, as if it had made them.
        listed = _docker(swarm, guard, "ps", "--format", "{{.Image}} {{.Names}}")
        assert sorted(re.findall(r"(\S+) app-[ab]_([a-z]+)\.1\.", listed)) == [
            ("busybox:latest", "job"),
            ("busybox:latest", "web"),
        ]
        container = tasks[f"{stack}_web"]["Status"]["ContainerStatus"]["ContainerID"]
        got = _docker(swarm, guard, "exec", container, "sh", "-c", "echo $GREETING")
        assert got == "hello\n"
        # One's own container in a stack's network reaches its service by name.
        argv = ["run", "--rm", "--network", f"{stack}_back", "busybox", "nslookup", "web"]
        assert "Address" in _docker(swarm, guard, *argv)
    # The same once more changes no task; another environment changes one, and is taken back.
    first = tasks["app-a_web"]["ID"]
    _deploy(swarm, swarm.guard_a, 18081)
    assert running(swarm.a, "app-a_web")["ID"] == first
    update = ("service", "update", "--detach", "--env-add", "GREETING=changed", "app-a_web")
    _docker(swarm, swarm.guard_a, *update)
    changed = _other_task(swarm, first)
    assert changed["Spec"]["ContainerSpec"]["Env"] == ["GREETING=changed"]
    _docker(swarm, swarm.guard_a, "service", "rollback", "--detach", "app-a_web")
    back = _other_task(swarm, changed["ID"])
    assert back["Spec"]["ContainerSpec"]["Env"] == ["GREETING=hello"]
    _docker(swarm, swarm.guard_a, "stack", "rm", "app-a")
    assert swarm.a.get("/services") == []
    assert len(Contents.of(swarm.engine.api).services) == 2
    assert running(swarm.b, "app-b_web")["ID"] == tasks["app-b_web"]["ID"]
    assert "app-b_back" in _docker(swarm, swarm.guard_b, "network", "ls")


def _other_task(swarm: Swarm, before: str) -> Any:
    """
    A's task once it is another one than before.
    """

    def look() -> Any:
        task = running(swarm.a, "app-a_web")
        return task if task["ID"] != before else None

    return eventually(look, "the task to be replaced")
