"""
Leaving an engine as it was before a test.
"""

from __future__ import annotations

from functools import partial

from attrs import frozen

from tests.engines.api import Api
from tests.engines.patience import eventually


@frozen
class Contents:
    """
    All that an engine holds, by id or name.
    """

    containers: frozenset[str]
    networks: frozenset[str]
    volumes: frozenset[str]
    tags: frozenset[str]
    images: frozenset[str]
    in_swarm: bool = False
    services: frozenset[str] = frozenset()
    secrets: frozenset[str] = frozenset()
    configs: frozenset[str] = frozenset()

    @classmethod
    def of(cls, api: Api) -> Contents:
        """
        What an engine holds now.
        """
        images = api.get("/images/json")
        volumes = api.get("/volumes")["Volumes"] or []
        services = api.call("GET", "/services")
        stored = [
            frozenset(each["ID"] for each in api.get(f"/{kind}")) if services.ok else frozenset()
            for kind in ("secrets", "configs")
        ]
        return cls(
            frozenset(each["Id"] for each in api.get("/containers/json", all=1)),
            frozenset(each["Id"] for each in api.get("/networks")),
            frozenset(each["Name"] for each in volumes),
            frozenset(tag for each in images for tag in each["RepoTags"] or ()),
            frozenset(each["Id"] for each in images),
            services.ok,
            frozenset(each["ID"] for each in services.json()) if services.ok else frozenset(),
            *stored,
        )


def restore(api: Api, before: Contents) -> None:
    """
    Remove all that an engine did not hold before. What can't be removed is left:
    the next test's own look tells.
    """
    now = Contents.of(api)
    if now == before:
        return
    if now.in_swarm:
        _restore_swarm(api, before, now)
        # Its tasks have made and removed things since.
        now = Contents.of(api)
    for container in now.containers - before.containers:
        api.call("DELETE", f"/containers/{container}", {"force": 1, "v": 1})
    for network in now.networks - before.networks:
        api.call("DELETE", f"/networks/{network}")
    for volume in now.volumes - before.volumes:
        api.call("DELETE", f"/volumes/{volume}", {"force": 1})
    for image in (now.tags - before.tags) | (now.images - before.images):
        api.call("DELETE", f"/images/{image}", {"force": 1})


def _restore_swarm(api: Api, before: Contents, now: Contents) -> None:
    """
    Leave a Swarm that the engine was not in, or remove from it what it did not hold.
    """
    for kind in ("services", "secrets", "configs"):
        for each in getattr(now, kind) - getattr(before, kind):
            api.call("DELETE", f"/{kind}/{each}")
    if not before.in_swarm:
        api.call("POST", "/swarm/leave", {"force": 1})
    elif not before.services:
        # Tasks of removed services end by themselves, and hold networks and volumes until then.
        eventually(lambda: not _task_containers(api), "the tasks of removed services to end")
        for network in now.networks - before.networks:
            eventually(partial(_removed, api, network), f"the network {network} to be free")


def _removed(api: Api, network: str) -> bool:
    return api.call("DELETE", f"/networks/{network}").status in (204, 404)


def _task_containers(api: Api) -> list[str]:
    wanted = {"label": ["com.docker.swarm.task.id"]}
    return [each["Id"] for each in api.get("/containers/json", all=1, filters=wanted)]
