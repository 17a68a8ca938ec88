"""
Leaving an engine as it was before a test.
"""

from __future__ import annotations

from attrs import frozen

from tests.engines.api import Api


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

    @classmethod
    def of(cls, api: Api) -> Contents:
        """
        What an engine holds now.
        """
        images = api.get("/images/json")
        volumes = api.get("/volumes")["Volumes"] or []
        return cls(
            frozenset(each["Id"] for each in api.get("/containers/json", all=1)),
            frozenset(each["Id"] for each in api.get("/networks")),
            frozenset(each["Name"] for each in volumes),
            frozenset(tag for each in images for tag in each["RepoTags"] or ()),
            frozenset(each["Id"] for each in images),
        )


def restore(api: Api, before: Contents) -> None:
    """
    Remove all that an engine did not hold before. What can't be removed is left:
    the next test's own look tells.
    """
    for container in Contents.of(api).containers - before.containers:
        api.call("DELETE", f"/containers/{container}", {"force": 1, "v": 1})
    after = Contents.of(api)
    for network in after.networks - before.networks:
        api.call("DELETE", f"/networks/{network}")
    for volume in after.volumes - before.volumes:
        api.call("DELETE", f"/volumes/{volume}", {"force": 1})
    for image in (after.tags - before.tags) | (after.images - before.images):
        api.call("DELETE", f"/images/{image}", {"force": 1})
