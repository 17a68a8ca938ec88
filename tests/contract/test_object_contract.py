"""
The contract of images, networks, volumes and a container's files.
"""

from __future__ import annotations

import base64
import io
import json
import tarfile
from typing import Any

import pytest

from tests.contract.sides import Contracted, InMemory, OnEngines


def _tar(**files: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()


def _members(data: bytes) -> dict[str, bytes | None]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {
            each.name.rstrip("/"): found.read() if found else None
            for each in tar
            for found in [tar.extractfile(each) if each.isfile() else None]
        }


class Objects:
    """
    What holds for every engine.
    """

    def test_image(self, on: Contracted) -> None:
        """
        An image is found by its names, its id, and the id's prefix.
        """
        told = on.api.get("/images/busybox/json")
        id_ = told["Id"]
        bare = id_.removeprefix("sha256:")
        assert len(bare) == 64
        for name in ("busybox:latest", "docker.io/library/busybox", id_, bare, bare[:12]):
            assert on.api.get(f"/images/{name}/json")["Id"] == id_
        assert "busybox:latest" in told["RepoTags"]
        assert told["Config"]["Cmd"] == ["sh"]
        listed = [each for each in on.api.get("/images/json") if each["Id"] == id_]
        assert "busybox:latest" in listed[0]["RepoTags"]
        assert on.api.get("/images/busybox/history")[0]["Id"] == id_

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/images/nope/json"),
            ("GET", "/images/nope/history"),
            ("POST", "/images/nope/tag?repo=contract/x"),
            ("DELETE", "/images/nope"),
        ],
    )
    def test_no_such_image(self, on: Contracted, method: str, path: str) -> None:
        """
        A missing image is named with its tag.
        """
        got = on.refused(method, path)
        assert got.status == 404
        assert got.message.endswith("No such image: nope:latest")

    def test_tags(self, on: Contracted) -> None:
        """
        A tag is given, found by a pattern, and taken away without the image.
        """
        id_ = on.api.get("/images/busybox/json")["Id"]
        given = on.api.call("POST", "/images/busybox/tag", {"repo": "contract/x", "tag": "one"})
        assert given.status == 201
        [found] = on.api.get("/images/json", filters={"reference": ["contract/*"]})
        assert found["Id"] == id_
        assert on.api.get("/images/json", filters={"reference": ["contract/*:two"]}) == []
        removed = on.api.call("DELETE", "/images/contract/x:one")
        assert removed.json() == [{"Untagged": "contract/x:one"}]
        assert on.api.get("/images/busybox/json")["Id"] == id_
        got = on.refused("POST", "/images/busybox/tag", query={"repo": "UPPER", "tag": "x"})
        assert got.status == (400 if on.version >= (1, 42) else 500)
        assert "must be lowercase" in got.message

    def test_filters_of_images(self, on: Contracted) -> None:
        """
        A filter that isn't there is an error.
        """
        got = on.refused("GET", "/images/json", query={"filters": {"nope": ["x"]}})
        assert (got.status, "nvalid filter 'nope'" in got.message) == (400, True)

    def test_image_in_use(self, on: Contracted) -> None:
        """
        The last name of an image that a container uses is kept.
        """
        body = _tar(f="x")
        on.api.post("/images/create", body, fromSrc="-", repo="contract/mine", tag="1")
        on.create("contract-a", "x", Image="contract/mine:1")
        got = on.refused("DELETE", "/images/contract/mine:1")
        assert (got.status, "conflict: unable to remove" in got.message) == (409, True)
        on.api.delete("/containers/contract-a")
        removed = on.api.call("DELETE", "/images/contract/mine:1").json()
        assert removed[0] == {"Untagged": "contract/mine:1"}
        assert "Deleted" in removed[1]
        assert on.api.call("GET", "/images/contract/mine:1/json").status == 404

    def test_build(self, on: Contracted) -> None:
        """
        The classic builder: labels of the query and of the Dockerfile, the tag, the
        files, the last line.
        """
        context = _tar(
            Dockerfile='FROM busybox\nLABEL a=1 b=2\nCOPY f /d/f\nCMD ["cat","/d/f"]\n', f="held"
        )
        labels = json.dumps({"b": "3", "contract": "x"})
        asked: dict[str, Any] = {"t": "contract/built", "labels": labels, "version": "1"}
        got = on.api.call("POST", "/build", asked, body=context)
        assert got.status == 200
        lines = [json.loads(line) for line in got.body.splitlines()]
        assert lines[0]["stream"].startswith("Step 1/")
        assert lines[-1] == {"stream": "Successfully tagged contract/built:latest\n"}
        [id_] = [each["aux"]["ID"] for each in lines if "aux" in each][-1:]
        told = on.api.get("/images/contract/built/json")
        assert told["Id"] == id_
        assert told["Config"]["Labels"] == {"a": "1", "b": "3", "contract": "x"}
        run = on.run("contract-a", Image="contract/built")
        on.finish(run)
        assert on.api.call("GET", f"/containers/{run}/logs", {"stdout": 1}).body[8:] == b"held"

    def test_networks(self, on: Contracted) -> None:
        """
        A network from its create to its removal.
        """
        made = on.api.post("/networks/create", {"Name": "contract-n", "Labels": {"a": "b"}})
        id_ = made["Id"]
        for name in ("contract-n", id_, id_[:12]):
            told = on.api.get(f"/networks/{name}")
            assert (told["Id"], told["Name"]) == (id_, "contract-n")
        assert (told["Driver"], told["Scope"], told["Labels"]) == ("bridge", "local", {"a": "b"})
        assert told["Containers"] == {}
        assert told["Internal"] is told["Ingress"] is told["Attachable"] is False
        assert len(told["IPAM"]["Config"]) == 1
        container = on.run("contract-a", "sleep", "1000", HostConfig={"NetworkMode": "contract-n"})
        members = on.api.get("/networks/contract-n")["Containers"]
        assert members[container]["Name"] == "contract-a"
        inside = on.api.get(f"/containers/{container}/json")["NetworkSettings"]["Networks"]
        assert inside["contract-n"]["NetworkID"] == id_
        assert members[container]["IPv4Address"].startswith(inside["contract-n"]["IPAddress"] + "/")
        got = on.refused("DELETE", "/networks/contract-n")
        assert (got.status, "has active endpoints" in got.message) == (403, True)
        link = {"Container": "contract-a"}
        got = on.refused("POST", "/networks/contract-n/connect", body=link)
        assert (got.status, "already exists in network" in got.message) == (403, True)
        assert on.api.call("POST", "/networks/bridge/connect", body=link).status == 200
        assert on.api.call("POST", "/networks/contract-n/disconnect", body=link).status == 200
        left = on.api.get(f"/containers/{container}/json")["NetworkSettings"]["Networks"]
        assert list(left) == ["bridge"]
        assert on.api.call("DELETE", "/networks/contract-n").status == 204
        assert on.api.call("GET", f"/networks/{id_}").status == 404

    def test_network_problems(self, on: Contracted) -> None:
        """
        What can't be done with networks.
        """
        for method, path in (("GET", "/networks/nope"), ("DELETE", "/networks/nope")):
            got = on.refused(method, path)
            assert (got.status, got.message) == (404, "network nope not found")
        got = on.refused("DELETE", "/networks/bridge")
        assert got.status == 403
        assert got.message == "bridge is a pre-defined network and cannot be removed"
        got = on.refused("POST", "/networks/bridge/connect", body={"Container": "nope"})
        assert (got.status, got.message) == (404, "No such container: nope")
        on.create("contract-a", "true", HostConfig={"NetworkMode": "contract-missing"})
        got = on.refused("POST", "/containers/contract-a/start")
        assert (got.status, "network contract-missing not found" in got.message) == (404, True)
        on.api.post("/networks/create", {"Name": "contract-n", "CheckDuplicate": True})
        got = on.refused(
            "POST", "/networks/create", body={"Name": "contract-n", "CheckDuplicate": True}
        )
        assert got.status == 409
        assert got.message == "network with name contract-n already exists"

    def test_lists_and_prunes_of_networks(self, on: Contracted) -> None:
        """
        Networks are listed by name and label, and pruned by label.
        """
        for name in ("contract-m", "contract-n"):
            on.api.post("/networks/create", {"Name": name, "Labels": {"only": name}})

        def names(**filters: list[str]) -> set[str]:
            return {each["Name"] for each in on.api.get("/networks", filters=filters)}

        assert {"bridge", "host", "none"} <= names()
        assert names(name=["contract"]) == {"contract-m", "contract-n"}
        assert names(label=["only=contract-m"]) == {"contract-m"}
        assert names(name=["contract"], label=["other"]) == set()
        assert names(type=["custom"]) == {"contract-m", "contract-n"}
        gone = on.api.post("/networks/prune", filters={"label": ["only=contract-n"]})
        assert gone["NetworksDeleted"] == ["contract-n"]
        assert names(name=["contract"]) == {"contract-m"}

    def test_volumes(self, on: Contracted) -> None:
        """
        A volume from its create to its removal.
        """
        made = on.api.call(
            "POST", "/volumes/create", body={"Name": "contract-v", "Labels": {"a": "b"}}
        )
        assert made.status == 201
        told = on.api.get("/volumes/contract-v")
        assert told == made.json()
        assert (told["Driver"], told["Scope"], told["Labels"]) == ("local", "local", {"a": "b"})
        assert told["Mountpoint"] == "/var/lib/docker/volumes/contract-v/_data"
        again = on.api.post("/volumes/create", {"Name": "contract-v", "Labels": {"c": "d"}})
        assert again == told
        found = on.api.get("/volumes", filters={"label": ["a=b"]})["Volumes"]
        assert found == [told]
        id_ = on.create("contract-a", "true", HostConfig={"Binds": ["contract-v:/v:ro"]})
        got = on.refused("DELETE", "/volumes/contract-v")
        assert (got.status, got.message) == (
            409,
            f"remove contract-v: volume is in use - [{id_}]",
        )
        [mount] = on.api.get(f"/containers/{id_}/json")["Mounts"]
        assert (mount["Type"], mount["Name"], mount["Destination"], mount["RW"]) == (
            "volume",
            "contract-v",
            "/v",
            False,
        )
        on.api.delete("/containers/contract-a", v=1)
        assert on.api.call("DELETE", "/volumes/contract-v").status == 204
        got = on.refused("GET", "/volumes/contract-v")
        assert got.status == 404
        assert "contract-v" in got.message
        assert "no such volume" in got.message.lower()

    def test_volumes_on_the_side(self, on: Contracted) -> None:
        """
        A create makes the volumes that it names, and anonymous ones, which go with
        their container.
        """
        host = {
            "Binds": ["contract-b:/b"],
            "Mounts": [
                {
                    "Type": "volume",
                    "Source": "contract-m",
                    "Target": "/m",
                    "VolumeOptions": {"Labels": {"a": "b"}},
                }
            ],
        }
        id_ = on.create("contract-a", "true", HostConfig=host, Volumes={"/v": {}})
        mounts = {
            each["Destination"]: each["Name"]
            for each in on.api.get(f"/containers/{id_}/json")["Mounts"]
        }
        assert (mounts["/b"], mounts["/m"], len(mounts["/v"])) == ("contract-b", "contract-m", 64)
        assert on.api.get("/volumes/contract-m")["Labels"] == {"a": "b"}
        assert not on.api.get("/volumes/contract-b")["Labels"]
        on.api.delete(f"/containers/{id_}", v=1)
        assert on.api.call("GET", f"/volumes/{mounts['/v']}").status == 404
        assert on.api.call("GET", "/volumes/contract-b").status == 200

    def test_prune_of_volumes(self, on: Contracted) -> None:
        """
        Since API 1.42 named volumes are pruned only where all are asked for.
        """
        on.api.post("/volumes/create", {"Name": "contract-v", "Labels": {"contract": "x"}})
        label = {"label": ["contract=x"]}
        if on.version >= (1, 42):
            assert not on.api.post("/volumes/prune", filters=label)["VolumesDeleted"]
            label["all"] = ["true"]
        gone = on.api.post("/volumes/prune", filters=label)["VolumesDeleted"]
        assert gone == ["contract-v"]

    def test_options_of_volumes(self, on: Contracted) -> None:
        """
        Those of the local driver are checked, and shown; such a volume is never pruned.
        """
        made = on.api.post(
            "/volumes/create",
            {
                "Name": "contract-v",
                "Labels": {"contract": "x"},
                "DriverOpts": {"type": "tmpfs", "device": "tmpfs"},
            },
        )
        assert made["Options"] == {"type": "tmpfs", "device": "tmpfs"}
        again = on.api.post("/volumes/create", {"Name": "contract-v", "DriverOpts": {"foo": "x"}})
        assert again == made
        empty = on.api.post("/volumes/create", {"Name": "contract-e", "DriverOpts": {}})
        assert empty["Options"] == {}
        for options, told in (
            ({"foo": "bar"}, 'create contract-w: invalid option: "foo"'),
            ({"type": "tmpfs"}, 'create contract-w: missing required option: "device"'),
            ({"device": "x"}, 'create contract-w: missing required option: "type"'),
        ):
            body = {"Name": "contract-w", "DriverOpts": options}
            got = on.refused("POST", "/volumes/create", body=body)
            assert (got.status, got.message) == (400, told)
        filters = {"label": ["contract=x"]}
        if on.version >= (1, 42):
            filters["all"] = ["true"]
        assert not on.api.post("/volumes/prune", filters=filters)["VolumesDeleted"]
        assert on.api.call("DELETE", "/volumes/contract-v").status == 204
        assert on.api.call("DELETE", "/volumes/contract-v", {"force": 1}).status == 204

    def test_bad_volume_name(self, on: Contracted) -> None:
        """
        A volume's name is checked.
        """
        got = on.refused("POST", "/volumes/create", body={"Name": "a/b"})
        assert got.status == 400
        assert '"a/b" includes invalid characters for a local volume name' in got.message
        got = on.refused("POST", "/volumes/create", body={"Name": "a"})
        assert got.status == 400
        assert "create a: volume name is too short" in got.message

    def test_files(self, on: Contracted) -> None:
        """
        Files go in and come out, with their stat in a header, and are in the
        container's changes.
        """
        id_ = on.create("contract-a", "cat", "/tmp/f")
        put = on.api.call("PUT", f"/containers/{id_}/archive", {"path": "/tmp"}, _tar(f="held"))
        assert (put.status, put.body) == (200, b"")
        got = on.api.call("GET", f"/containers/{id_}/archive", {"path": "/tmp/f"})
        assert got.headers["content-type"] == "application/x-tar"
        assert _members(got.body) == {"f": b"held"}
        header = "x-docker-container-path-stat"
        stat = json.loads(base64.b64decode(got.headers[header]))
        assert (stat["name"], stat["size"], stat["linkTarget"]) == ("f", 4, "")
        head = on.api.call("HEAD", f"/containers/{id_}/archive", {"path": "/tmp/f"})
        assert (head.status, head.headers[header]) == (200, got.headers[header])
        whole = on.api.call("GET", f"/containers/{id_}/archive", {"path": "/tmp"})
        assert _members(whole.body) == {"tmp": None, "tmp/f": b"held"}
        stat = json.loads(base64.b64decode(whole.headers[header]))
        assert stat["mode"] >> 31 == 1
        changes = {each["Path"]: each["Kind"] for each in on.api.get(f"/containers/{id_}/changes")}
        assert changes["/tmp/f"] == 1
        exported = on.api.call("GET", f"/containers/{id_}/export")
        assert exported.headers["content-type"] == "application/octet-stream"
        assert _members(exported.body)["tmp/f"] == b"held"
        on.api.post(f"/containers/{id_}/start")
        on.finish(id_)
        assert on.api.call("GET", f"/containers/{id_}/logs", {"stdout": 1}).body[8:] == b"held"


class TestObjectsInMemory(InMemory, Objects):
    """
    The contract of images, networks, volumes and files, in memory.
    """


class TestObjectsOnEngines(OnEngines, Objects):
    """
    The contract of images, networks, volumes and files, on real engines.
    """
