"""
Services, secrets and configs by the docker CLI: the same through dss as without.
"""

from __future__ import annotations

import pytest

from tests.clients.sides import Side, both_ways
from tests.swarm.cluster import logged, running

pytestmark = pytest.mark.engine


@both_ways
def test_life_of_a_service(side: Side) -> None:
    """
    Made with something of everything, shown in every way, changed, taken back, removed; and
    what goes wrong on the way.
    """
    file = side.directory / "file"
    file.write_text("content\n")
    side.docker("secret", "create", "--label", "s=t", "pw", str(file))
    side.docker("config", "create", "conf", str(file))
    side.docker("secret", "create", "pw", str(file), ok=False)
    side.docker("network", "create", "-d", "overlay", "--attachable", "net")
    create = [
        "service",
        "create",
        "--detach",
        "--name",
        "web",
        "--secret",
        "pw",
        "--network",
        "net",
    ]
    create += ["--config", "source=conf,target=/etc/conf", "--label", "x=y", "--env", "A=b"]
    create += ["--container-label", "c=d", "--constraint", "node.role==manager"]
    create += ["--mount", "type=volume,source=data,target=/data,volume-label=v=w"]
    create += ["--mount", "type=tmpfs,target=/scratch,tmpfs-size=65536", "--limit-memory", "64M"]
    create += [
        "--publish",
        "18080:80",
        "--restart-max-attempts",
        "3",
        "--stop-grace-period",
        "10ms",
    ]
    create += ["--update-max-failure-ratio", "0.25", "busybox"]
    side.docker(*create, "sh", "-c", "cat /run/secrets/pw /etc/conf; exec sleep 600")
    side.docker(*create, "true", ok=False)
    first = running(side.api, "web")
    side.see("task", {key: first[key] for key in first if key != "NetworksAttachments"})
    container = first["Status"]["ContainerStatus"]["ContainerID"]
    side.see("container", side.api.get(f"/containers/{container}/json")["Config"])
    logged(side.api, "web", b"content", times=2)
    for words in (
        ("service", "ls"),
        ("service", "ls", "--filter", "label=x=y", "--filter", "mode=replicated"),
        ("service", "inspect", "web"),
        ("service", "inspect", "--pretty", "web"),
        ("service", "ps", "web"),
        ("service", "logs", "--raw", "web"),
        ("node", "ls"),
        ("node", "ps", "self"),
        ("secret", "ls"),
        ("secret", "inspect", "pw"),
        ("config", "inspect", "conf"),
    ):
        side.docker(*words)
    side.docker("service", "update", "--detach", "--env-add", "B=c", "--env-rm", "A", "web")
    side.docker("service", "inspect", "web")
    side.docker("service", "rollback", "--detach", "web")
    side.docker("service", "inspect", "--format", "{{json .Spec}} {{json .PreviousSpec}}", "web")
    side.docker("service", "scale", "--detach", "web=0")
    for words in (
        ("secret", "rm", "pw"),
        ("config", "rm", "nothing"),
        ("service", "inspect", "nothing"),
        ("service", "update", "--detach", "--secret-add", "nothing", "web"),
        ("service", "create", "--detach", "--network", "nothing", "busybox"),
        ("service", "logs", "nothing"),
    ):
        side.docker(*words, ok=False)
    side.docker("service", "rm", "web")
    side.docker("config", "rm", "conf")
    side.docker("secret", "rm", "pw")
