"""
The contract of containers: their states, their lists, and what is answered where a
request can't be done.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.sides import Contracted, InMemory, OnEngines

_JSON = {"Content-Type": "application/json"}

#: Requests that can't be done, and what is said. A running, a stopped and a paused
#: container are there; C{%(…)s} stands for their ids.
_PROBLEMS: list[tuple[str, str, Any, int, str]] = [
    ("GET", "/containers/nope/json", None, 404, "No such container: nope"),
    ("GET", "/containers/nope/top", None, 404, "No such container: nope"),
    ("GET", "/containers/nope/logs?stdout=1", None, 404, "No such container: nope"),
    ("GET", "/containers/nope/changes", None, 404, "No such container: nope"),
    ("GET", "/containers/nope/export", None, 404, "No such container: nope"),
    ("GET", "/containers/nope/stats?stream=0", None, 404, "No such container: nope"),
    ("GET", "/containers/nope/attach/ws", None, 404, "No such container: nope"),
    ("POST", "/containers/nope/start", None, 404, "No such container: nope"),
    ("POST", "/containers/nope/stop", None, 404, "No such container: nope"),
    ("POST", "/containers/nope/restart", None, 404, "No such container: nope"),
    ("POST", "/containers/nope/pause", None, 404, "No such container: nope"),
    ("POST", "/containers/nope/unpause", None, 404, "No such container: nope"),
    ("POST", "/containers/nope/wait", None, 404, "No such container: nope"),
    ("POST", "/containers/nope/update", {}, 404, "No such container: nope"),
    ("POST", "/containers/nope/exec", {"Cmd": ["x"]}, 404, "No such container: nope"),
    ("POST", "/containers/nope/rename?name=contract-x", None, 404, "No such container: nope"),
    ("POST", "/containers/nope/resize?h=1&w=1", None, 404, "No such container: nope"),
    ("DELETE", "/containers/nope", None, 404, "No such container: nope"),
    ("GET", "/exec/nope/json", None, 404, "No such exec instance: nope"),
    ("POST", "/exec/nope/start", {}, 404, "No such exec instance: nope"),
    ("GET", "/containers/run/logs", None, 400, "you must choose at least one stream"),
    ("GET", "/containers/stop/top", None, 409, "%(stop)s is not running"),
    ("POST", "/containers/stop/pause", None, 409, "%(stop)s is not running"),
    ("POST", "/containers/stop/exec", {"Cmd": ["x"]}, 409, "%(stop)s is not running"),
    ("POST", "/containers/stop/kill", None, 409, "%(stop)s is not running"),
    ("POST", "/containers/stop/resize?h=1&w=1", None, 409, "%(stop)s is not running"),
    ("POST", "/containers/run/kill?signal=XX", None, 400, "nvalid signal: XX"),
    ("POST", "/containers/run/exec", {"Cmd": []}, 400, "No exec command specified"),
    ("POST", "/containers/run/unpause", None, 500, "%(run)s is not paused"),
    ("POST", "/containers/pause/pause", None, 409, "%(pause)s is already paused"),
    ("POST", "/containers/pause/exec", {"Cmd": ["x"]}, 409, "unpause the container before exec"),
    ("POST", "/containers/pause/start", None, 409, "cannot start a paused container"),
    ("POST", "/containers/run/rename?name=", None, 400, "Neither old nor new names may be empty"),
    ("POST", "/containers/run/rename?name=contract-run", None, 400, "with the same name as"),
    ("POST", "/containers/run/rename?name=contract-stop", None, 409, 'use by container "%(stop)s"'),
    ("POST", "/containers/run/rename?name=a,b", None, 400, "Invalid container name (/a,b)"),
    ("GET", '/containers/json?filters={"x":["y"]}', None, 400, "nvalid filter 'x'"),
    ("GET", "/containers/json?filters=x", None, 400, "invalid"),
    ("GET", '/containers/json?filters={"status":["x"]}', None, 400, "x"),
    ("GET", '/containers/json?filters={"before":["nope"]}', None, 404, "No such container: nope"),
    ("GET", "/containers/json?limit=x", None, 500, 'strconv.Atoi: parsing "x": invalid syntax'),
    ("POST", '/containers/prune?filters={"x":["y"]}', None, 400, "nvalid filter 'x'"),
    ("POST", "/containers/create?name=a,b", {"Image": "busybox"}, 400, "name (a,b), only"),
    ("POST", "/containers/create?name=a", {"Image": "busybox"}, 400, "Invalid container name (a)"),
    (
        "POST",
        "/containers/create?name=contract-run",
        {"Image": "busybox"},
        409,
        '"%(run)s". You have',
    ),
    ("POST", "/containers/create", {"Image": "nope-nope"}, 404, "No such image: nope-nope:latest"),
    ("POST", "/containers/create", {"Image": "nope:x"}, 404, "No such image: nope:x"),
    (
        "POST",
        "/containers/create",
        {},
        400,
        "config cannot be empty in order to create a container",
    ),
    ("POST", "/containers/create", [], 400, "json"),
    ("POST", "/containers/create", {"Image": 1}, 400, "json"),
    ("GET", "/containers/run/archive?path=/nope", None, 404, "/nope in container"),
    ("GET", "/containers/nope/archive?path=/", None, 404, "No such container: nope"),
    ("PUT", "/containers/run/archive?path=/nope", None, 404, "/nope in container"),
    ("PUT", "/containers/run/archive?path=/etc/passwd", None, 400, "is not a directory"),
]

#: Where older engines answer otherwise: (first API version that answers as above, path,
#: body) and then what they answer.
_OLDER: list[tuple[tuple[int, int], str, Any, int, str]] = [
    ((1, 42), "/containers/json?filters=x", None, 500, "invalid"),
    ((1, 42), '/containers/json?filters={"before":["nope"]}', None, 500, "no such container nope"),
    ((1, 42), "/containers/create", {}, 400, "Config cannot be empty in order to create"),
    ((1, 42), "/containers/create", [], 500, "json"),
    ((1, 42), "/containers/create", {"Image": 1}, 500, "json"),
    ((1, 46), "/containers/run/archive?path=/etc/passwd", None, 500, "is not a directory"),
]


def _expected(
    version: tuple[int, int], path: str, body: Any, status: int, words: str
) -> tuple[int, str]:
    for first, its_path, its_body, older_status, older_words in _OLDER:
        if version < first and (path, body) == (its_path, its_body):
            return older_status, older_words
    return status, words


def _modern(on: Contracted, now: int, before: int) -> int:
    """
    A status that API 1.42 made more exact.
    """
    return now if on.version >= (1, 42) else before


class Containers:
    """
    What holds for every engine.
    """

    @pytest.fixture
    def three(self, on: Contracted) -> dict[str, str]:
        """
        The ids of a running, a stopped and a paused container.
        """
        ids = {
            name: on.run(f"contract-{name}", "sleep" if name != "stop" else "true", "1000")
            for name in ("run", "stop", "pause")
        }
        on.finish("contract-stop")
        on.api.post("/containers/contract-pause/pause")
        return ids

    def test_problems(self, on: Contracted, three: dict[str, str]) -> None:
        """
        What can't be done has the engine's status and words.
        """
        different = []
        for method, path, body, status, words in _PROBLEMS:
            status, words = _expected(on.version, path, body, status, words)
            for name in three:
                path = path.replace(f"/containers/{name}", f"/containers/contract-{name}", 1)
            got = on.refused(method, path, body=body)
            if got.status != status or words % three not in got.message:
                different.append((method, path, body, got.status, got.message))
        assert not different

    def test_bodies(self, on: Contracted) -> None:
        """
        A body must be JSON, be there, and say so.
        """
        create = "/containers/create"
        got = on.refused("POST", create, body=b'{"Image":', headers=_JSON)
        assert (got.status, "EOF" in got.message) == (_modern(on, 400, 500), True)
        got = on.refused(
            "POST", create, body=b'{"Image":"busybox"}', headers={"Content-Type": "a/b"}
        )
        assert (got.status, "application/json" in got.message) == (400, True)

    def test_created(self, on: Contracted) -> None:
        """
        A new container has the engine's shape and defaults.
        """
        id_ = on.create("contract-a", "sleep", "1", Labels={"contract": "x"})
        assert len(id_) == 64
        told = on.api.get(f"/containers/{id_}/json")
        assert (told["Id"], told["Name"]) == (id_, "/contract-a")
        assert (told["Path"], told["Args"]) == ("sleep", ["1"])
        state = dict(told["State"])
        zero = "0001-01-01T00:00:00Z"
        assert state.pop("Status") == "created"
        assert (state.pop("StartedAt"), state.pop("FinishedAt")) == (zero, zero)
        assert not any(state.values())
        assert told["Image"] == on.api.get("/images/busybox/json")["Id"]
        config = told["Config"]
        assert config["Labels"] == {"contract": "x"}
        assert config["Hostname"] == id_[:12]
        assert config["Image"] == "busybox:latest"
        assert config["Entrypoint"] is None
        assert config["Tty"] is config["OpenStdin"] is config["StdinOnce"] is False
        host = told["HostConfig"]
        assert host["Binds"] is host["CapAdd"] is host["PortBindings"] is None
        assert host["AutoRemove"] is host["Privileged"] is False
        assert host["RestartPolicy"]["MaximumRetryCount"] == 0
        assert told["Mounts"] == []
        assert told["ExecIDs"] is None
        assert told["NetworkSettings"]["Ports"] == {}
        [listed] = on.api.get("/containers/json", all=1, filters={"id": [id_]})
        assert listed["Names"] == ["/contract-a"]
        assert (listed["Command"], listed["State"], listed["Status"]) == (
            "sleep 1",
            "created",
            "Created",
        )
        assert listed["Image"] == "busybox:latest"
        assert listed["ImageID"] == told["Image"]
        assert listed["Labels"] == {"contract": "x"}
        assert listed["Ports"] == listed["Mounts"] == []

    def test_defaults_of_the_image(self, on: Contracted) -> None:
        """
        A container without a command has its image's.
        """
        id_ = on.create("contract-a")
        assert on.api.get(f"/containers/{id_}/json")["Config"]["Cmd"] == ["sh"]

    def test_states(self, on: Contracted) -> None:
        """
        From created to removed.
        """
        api = on.api
        id_ = on.create("contract-a", "sleep", "1000")
        assert api.call("POST", f"/containers/{id_}/start").status == 204
        assert api.call("POST", f"/containers/{id_}/start").status == 304
        state = on.state(id_)
        assert (state["Status"], state["Running"], state["Pid"] > 0) == ("running", True, True)
        assert api.call("POST", f"/containers/{id_}/pause").status == 204
        state = on.state(id_)
        assert (state["Status"], state["Running"], state["Paused"]) == ("paused", True, True)
        [listed] = api.get("/containers/json", filters={"id": [id_]})
        assert (listed["State"], listed["Status"].endswith("(Paused)")) == ("paused", True)
        assert api.call("POST", f"/containers/{id_}/unpause").status == 204
        assert api.call("POST", f"/containers/{id_}/kill", {"signal": "USR1"}).status == 204
        assert on.state(id_)["Running"]
        got = api.call("DELETE", f"/containers/{id_}")
        assert got.status == 409
        assert "stop the container before" in got.message.lower()
        assert api.call("POST", f"/containers/{id_}/kill").status == 204
        state = on.stopped(id_)
        assert (state["Status"], state["ExitCode"], state["Pid"]) == ("exited", 137, 0)
        assert api.call("POST", f"/containers/{id_}/stop").status == 304
        [listed] = api.get("/containers/json", all=1, filters={"id": [id_]})
        assert listed["Status"].startswith("Exited (137) ")
        assert api.call("POST", f"/containers/{id_}/restart").status == 204
        assert on.state(id_)["Running"]
        assert api.call("POST", f"/containers/{id_}/stop", {"t": "0"}).status == 204
        assert on.state(id_)["ExitCode"] == 137
        assert api.call("DELETE", f"/containers/{id_}").status == 204
        assert api.call("DELETE", f"/containers/{id_}").status == 404

    @pytest.mark.parametrize(
        ("command", "code"),
        [(["true"], 0), (["false"], 1), (["sh", "-c", "exit 7"], 7), (["echo", "x"], 0)],
    )
    def test_exit_codes(self, on: Contracted, command: list[str], code: int) -> None:
        """
        A command's exit code is its container's.
        """
        id_ = on.run("contract-a", *command)
        assert on.finish(id_) == code
        assert on.state(id_)["ExitCode"] == code

    def test_no_such_command(self, on: Contracted) -> None:
        """
        A program that isn't there fails the start, and the container stays created.
        """
        id_ = on.create("contract-a", "/no/such/program")
        got = on.refused("POST", f"/containers/{id_}/start")
        assert got.status == 400
        assert "/no/such/program: no such file or directory" in got.message
        state = on.state(id_)
        assert (state["Status"], state["ExitCode"]) == ("created", 127)
        assert state["Error"] == got.message

    def test_stop_with_init(self, on: Contracted) -> None:
        """
        With an init process a container heeds its stop signal.
        """
        id_ = on.run("contract-a", "sleep", "1000", HostConfig={"Init": True})
        on.api.post(f"/containers/{id_}/stop")
        assert on.state(id_)["ExitCode"] == 143

    def test_auto_remove(self, on: Contracted) -> None:
        """
        A container that removes itself is gone after its end, and its wait knows the
        exit code.
        """
        id_ = on.create("contract-a", "sh", "-c", "exit 3", HostConfig={"AutoRemove": True})
        asked = {"condition": "removed"}
        with on.api.hijack("POST", f"/containers/{id_}/wait", asked) as waiting:
            assert waiting.status == 200
            on.api.post(f"/containers/{id_}/start")
            assert b'"StatusCode":3' in waiting.until(b"}\n")
        assert on.api.call("GET", f"/containers/{id_}/json").status == 404

    def test_lookup_order(self, on: Contracted) -> None:
        """
        A full id wins over a name, a name over a prefix of an id.
        """
        first = on.create("contract-a", "true", Labels={"contract": "first"})
        second = on.create(first[:8], "true")
        third = on.create(first, "true")
        assert on.api.get(f"/containers/{first[:7]}/json")["Id"] == first
        assert on.api.get(f"/containers/{first[:8]}/json")["Id"] == second
        assert on.api.get(f"/containers/{first[:9]}/json")["Id"] == first
        assert on.api.get(f"/containers/{first}/json")["Id"] == first
        assert on.api.get(f"/containers/{third}/json")["Name"] == f"/{first}"

    def test_ambiguous_prefix(self, on: Contracted) -> None:
        """
        A prefix that several ids share names none of them.
        """
        seen: dict[str, str] = {}
        while True:
            id_ = on.create(f"contract-{len(seen)}", "true")
            if id_[0] in seen:
                break
            seen[id_[0]] = id_
        got = on.api.call("GET", f"/containers/{id_[0]}/json")
        assert got.status == _modern(on, 400, 500)
        assert f"IDs found with provided prefix: {id_[0]}" in got.message

    def test_list_filters(self, on: Contracted) -> None:
        """
        The list's filters, alone and together; the newest come first.
        """
        on.run("contract-a", "sleep", "1000", Labels={"contract": "1", "only": "a"})
        on.create("contract-b", "true", Labels={"contract": "2"})
        gone = on.run("contract-c", "sh", "-c", "exit 4", Labels={"contract": "1"})
        on.listed_as(gone, "exited")

        def names(all_: int = 1, limit: int | None = None, **filters: list[str]) -> str:
            filters.setdefault("label", []).append("contract")
            found = on.api.get("/containers/json", all=all_, limit=limit, filters=filters)
            return " ".join(each["Names"][0].removeprefix("/contract-") for each in found)

        assert names() == "c b a"
        assert names(all_=0) == "a"
        assert names(limit=2) == "c b"
        assert names(0, 1) == "c"
        assert names(label=["contract=1"]) == "c a"
        assert names(label=["contract=1", "only"]) == "a"
        assert names(label=["contract=3"]) == ""
        assert names(status=["created"]) == "b"
        assert names(0, status=["exited", "created"]) == "c b"
        assert names(exited=["4"]) == "c"
        assert names(name=["contract-a"]) == "a"
        assert names(name=["/contract-a"]) == "a"
        assert names(name=["tract-[ab]"]) == "b a"
        assert names(id=[gone[:5]]) == "c"
        assert names(before=["contract-b"]) == "a"
        assert names(since=["contract-b"]) == "c"
        assert names(ancestor=["busybox"]) == "c b a"
        assert names(ancestor=["nope"]) == ""
        assert names(network=["bridge"]) == "c b a"
        assert names(volume=["nope"]) == ""

    def test_labels_of_one_key_and_value(self, on: Contracted) -> None:
        """
        Labels keep odd keys and empty values; a filter without a value asks for the
        key.
        """
        labels = {"a.b-c/d": "", "x": "1=2", "y": "two words"}
        on.create("contract-a", "true", Labels=labels)
        for wanted in (["a.b-c/d"], ["a.b-c/d="], ["x=1=2"], ["y=two words", "x"]):
            [found] = on.api.get("/containers/json", all=1, filters={"label": wanted})
            assert found["Labels"] == labels
        for wanted in (["x=1"], ["A.B-c/d"], ["x", "z"]):
            assert on.api.get("/containers/json", all=1, filters={"label": wanted}) == []

    def test_old_form_of_filters(self, on: Contracted) -> None:
        """
        Filters may be objects with truth values, which mean nothing.
        """
        on.create("contract-a", "true", Labels={"contract": "x"})
        for truth in (True, False):
            asked = {"label": {"contract=x": truth, "contract": truth}}
            found = on.api.get("/containers/json", all=1, filters=asked)
            assert [each["Names"] for each in found] == [["/contract-a"]]
            asked = {"label": {"contract=y": truth}}
            assert on.api.get("/containers/json", all=1, filters=asked) == []

    def test_rename(self, on: Contracted) -> None:
        """
        A container answers to its new name only.
        """
        id_ = on.create("contract-a", "true")
        assert (
            on.api.call("POST", f"/containers/{id_}/rename", {"name": "contract-b"}).status == 204
        )
        assert on.api.get("/containers/contract-b/json")["Id"] == id_
        assert on.api.call("GET", "/containers/contract-a/json").status == 404

    def test_update(self, on: Contracted) -> None:
        """
        An update changes what it names.
        """
        id_ = on.create("contract-a", "true")
        change = {"CpuShares": 512, "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 2}}
        assert not on.api.post(f"/containers/{id_}/update", change)["Warnings"]
        host = on.api.get(f"/containers/{id_}/json")["HostConfig"]
        assert (host["CpuShares"], host["RestartPolicy"]) == (512, change["RestartPolicy"])

    def test_top_and_stats(self, on: Contracted) -> None:
        """
        A running container's processes and a sample of what it uses.
        """
        id_ = on.run("contract-a", "sleep", "1000")
        top = on.api.get(f"/containers/{id_}/top")
        assert top["Titles"][-1] == "CMD"
        assert [each[-1] for each in top["Processes"]] == ["sleep 1000"]
        sample = on.api.get(f"/containers/{id_}/stats", stream=0)
        assert (sample["id"], sample["name"]) == (id_, "/contract-a")
        assert sample["memory_stats"]["usage"] > 0
        assert {"read", "preread", "cpu_stats", "precpu_stats", "pids_stats"} <= set(sample)

    def test_prune(self, on: Contracted) -> None:
        """
        Stopped containers with the labels asked for are removed, no others.
        """
        mine = on.create("contract-a", "true", Labels={"contract": "1"})
        on.create("contract-b", "true", Labels={"contract": "2"})
        on.run("contract-c", "sleep", "1000", Labels={"contract": "1"})
        got = on.api.post("/containers/prune", filters={"label": ["contract=1"]})
        assert got["ContainersDeleted"] == [mine]
        got = on.api.post("/containers/prune", filters={"label": ["contract=1"]})
        assert got["ContainersDeleted"] is None
        got = on.api.post("/containers/prune", filters={"label": ["contract"], "until": ["1h"]})
        assert got["ContainersDeleted"] is None
        left = on.api.get("/containers/json", all=1, filters={"label": ["contract"]})
        assert [each["Names"] for each in left] == [["/contract-c"], ["/contract-b"]]

    def test_unknown_fields_are_ignored(self, on: Contracted) -> None:
        """
        Fields that no API version has change nothing.
        """
        id_ = on.create("contract-a", "true", NoSuchField=1, HostConfig={"NoSuch": {"a": []}})
        assert "NoSuch" not in on.api.get(f"/containers/{id_}/json")["HostConfig"]

    def test_resize(self, on: Contracted) -> None:
        """
        A running terminal can be resized.
        """
        id_ = on.run("contract-a", "sleep", "1000", Tty=True)
        assert on.api.call("POST", f"/containers/{id_}/resize", {"h": 10, "w": 20}).status == 200
        wrong: dict[str, Any] = {"h": "x", "w": 20}
        assert on.api.call("POST", f"/containers/{id_}/resize", wrong).status == 400


class TestContainersInMemory(InMemory, Containers):
    """
    The contract of containers, in memory.
    """


class TestContainersOnEngines(OnEngines, Containers):
    """
    The contract of containers, on real engines.
    """
