"""
Attacks by the objects of a Swarm: each works at the bare engine, and fails through dss.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from tests.conftest import StartGuard
from tests.engines.api import Api
from tests.engines.cleaning import Contents
from tests.engines.patience import eventually
from tests.owners.pair import told
from tests.swarm.cluster import Swarm, logged, running, service

pytestmark = pytest.mark.engine

_LOOT = "the-victims-secret"


@frozen
class Victim:
    """
    What owner B has, by kinds and ids, and a file of the host.
    """

    service: str
    task: str
    secret: str
    config: str
    network: str
    container: str
    outside: str


def _victim(swarm: Swarm) -> Victim:
    """
    Make B's things, through B's own guard where that can make them.
    """
    outside = swarm.engine.directory / "outside"
    outside.mkdir(exist_ok=True)
    (outside / "loot").write_text(_LOOT)
    (swarm.root / "sub").mkdir(exist_ok=True)
    (swarm.root / "link").unlink(missing_ok=True)
    (swarm.root / "link").symlink_to(outside)
    loot = "dGhlLXZpY3RpbXMtc2VjcmV0"
    network = swarm.b.post(
        "/networks/create", {"Name": "theirs-net", "Driver": "overlay", "Attachable": True}
    )["Id"]
    secret = swarm.b.post("/secrets/create", {"Name": "theirs-pw", "Data": loot})["ID"]
    config = swarm.b.post("/configs/create", {"Name": "theirs-conf", "Data": loot})["ID"]
    mounts = [{"Type": "volume", "Source": "theirs-data", "Target": "/data"}]
    body = service(
        "theirs", f"echo {_LOOT} | tee /data/loot; exec sleep 600", Mounts=mounts, User="0"
    )
    body["TaskTemplate"]["Networks"] = [{"Target": "theirs-net"}]
    made = swarm.b.post("/services/create", body)["ID"]
    task = running(swarm.b, "theirs")
    logged(swarm.b, "theirs", _LOOT.encode())
    container = task["Status"]["ContainerStatus"]["ContainerID"]
    changes = ("LABEL com.dss.owner=b", f"ENV LOOT={_LOOT}")
    swarm.engine.api.post("/commit", container=container, repo="theirs-image", changes=changes)
    return Victim(made, task["ID"], secret, config, network, container, str(outside))


def _file(kind: str, id: str, name: str) -> list[dict[str, Any]]:
    file = {"Name": "/loot", "UID": "0", "GID": "0", "Mode": 292}
    return [{f"{kind}ID": id, f"{kind}Name": name, "File": file}]


def _mount(kind: str, source: str, **options: Any) -> list[dict[str, Any]]:
    found: dict[str, Any] = {"Type": kind, "Source": source, "Target": "/x"}
    return [{**found, "VolumeOptions": options} if options else found]


def _bodies(swarm: Swarm, victim: Victim) -> Mapping[str, tuple[dict[str, Any], str]]:
    """
    Services that attack, each with what its task logs where the attack works.
    """
    driver = {"type": "none", "o": "bind", "device": victim.outside}
    attacks: dict[str, tuple[dict[str, Any], str]] = {
        "bind": (
            service("atk-bind", "cat /x/loot", Mounts=_mount("bind", victim.outside)),
            _LOOT,
        ),
        "driver options": (
            service(
                "atk-driver",
                "cat /x/loot",
                Mounts=_mount("volume", "atk-vol", DriverConfig={"Options": driver}),
            ),
            _LOOT,
        ),
        "link below a root": (
            service("atk-link", "cat /x/loot", Mounts=_mount("bind", f"{swarm.root}/link")),
            _LOOT,
        ),
        "placeholder": (
            service(
                "atk-template",
                "cat /x/loot",
                Mounts=_mount("bind", '/{{index .Service.Labels "to"}}'),
            ),
            _LOOT,
        ),
        "secret": (
            service("atk-secret", "cat /loot", Secrets=_file("Secret", victim.secret, "theirs-pw")),
            _LOOT,
        ),
        "config": (
            service(
                "atk-config", "cat /loot", Configs=_file("Config", victim.config, "theirs-conf")
            ),
            _LOOT,
        ),
        "volume": (
            service("atk-volume", "cat /x/loot", Mounts=_mount("volume", "theirs-data")),
            _LOOT,
        ),
        "image": (service("atk-image", "echo $LOOT", Image="theirs-image"), _LOOT),
        "host's network": (
            service("atk-host", "cat /proc/net/unix"),
            str(swarm.engine.socket),
        ),
        "network by name": (
            service("atk-net", "nslookup theirs; echo done-$?"),
            "done-0",
        ),
        "network by id": (
            service("atk-net2", "nslookup theirs; echo done-$?"),
            "done-0",
        ),
        "capability": (
            service(
                "atk-cap", "mount -t tmpfs x /tmp && echo mounted", CapabilityAdd=["SYS_ADMIN"]
            ),
            "mounted",
        ),
    }
    # What the manager's template functions make is bounded by its memory only.
    attacks["function"] = (
        service("atk-function", "echo $X", Env=['X={{len (printf "%100000d" 1)}}']),
        "100000",
    )
    attacks["placeholder"][0]["Labels"] = {"to": victim.outside[1:]}
    networks = {"host's network": "host", "network by name": "theirs-net"}
    networks["network by id"] = victim.network
    for name, target in networks.items():
        attacks[name][0]["TaskTemplate"]["Networks"] = [{"Target": target}]
    if swarm.engine.version >= (1, 44):
        attacks["seccomp"] = (
            service(
                "atk-seccomp",
                "grep Seccomp: /proc/self/status",
                Privileges={"Seccomp": {"Mode": "unconfined"}},
            ),
            "Seccomp:\t0",
        )
    return attacks


def _accepted(victim: Victim) -> Mapping[str, dict[str, Any]]:
    """
    Services whose attack is in what the Swarm then has.
    """
    label = {"com.dss.owner": "b"}
    return {
        "label": {**service("atk-label"), "Labels": label},
        "label of containers": service("atk-label2", Labels=label),
        "label in another case": {**service("atk-label3"), "labels": label},
        "port": {
            **service("atk-port"),
            "EndpointSpec": {"Ports": [{"TargetPort": 80, "PublishedPort": 22}]},
        },
        "port of the host": {
            **service("atk-port2"),
            "EndpointSpec": {
                "Ports": [{"TargetPort": 80, "PublishedPort": 23, "PublishMode": "host"}]
            },
        },
    }


def test_attacks(swarm: Swarm, guard: StartGuard, settings_file: Path) -> None:
    """
    On another owner's things, on the machines, and by what a service can hold. All on one
    victim, and with the twin that is allowed: what works at the bare engine comes last.
    """
    victim = _victim(swarm)
    _every_operation(swarm, victim)
    _machines(swarm)
    _what_is_no_attack(swarm)
    settings_file.write_text("[containers.ceilings]\npids = 50\nulimits = { nofile = 100 }\n")
    limited = guard(swarm.engine, owner="limited", options=["--config", str(settings_file)])
    _older_prefixes(swarm, limited.api)
    _services(swarm, victim)


def _services(swarm: Swarm, victim: Victim) -> None:
    """
    Judged by what the attacker reads. Through dss nothing of them is made.
    """
    bodies, accepted = _bodies(swarm, victim), _accepted(victim)
    before = Contents.of(swarm.engine.api)
    for name, body in [*((n, b) for n, (b, _) in bodies.items()), *accepted.items()]:
        reply = swarm.a.call("POST", "/services/create", body=body)
        assert reply.status in (400, 403, 404), (name, reply.status, reply.message)
        assert _LOOT not in reply.message
    assert Contents.of(swarm.engine.api) == before
    for name, (body, _) in bodies.items():
        made = swarm.engine.api.call("POST", "/services/create", body=body)
        assert made.ok, (name, made.message)
    for name, body in accepted.items():
        made = swarm.engine.api.call("POST", "/services/create", body=body)
        assert made.ok, (name, made.message)
    for body, wanted in bodies.values():
        logged(swarm.engine.api, body["Name"], wanted.encode())


def _what_is_no_attack(swarm: Swarm) -> None:
    """
    The twin: one's own of everything, a placeholder where it tells nothing, and the root.
    """
    (swarm.root / "file").write_text("root\n")
    (swarm.root / "sub" / "file").write_text("below\n")
    network = {"Name": "own-net", "Driver": "overlay"}
    net = swarm.a.post("/networks/create", network)["Id"]
    secret = swarm.a.post("/secrets/create", {"Name": "own-pw", "Data": "cHcK"})["ID"]
    mounts: list[dict[str, Any]] = [
        {"Type": "bind", "Source": str(swarm.root), "Target": "/root-of", "ReadOnly": True},
        {"Type": "volume", "Source": "own-data", "Target": "/data"},
        {"Type": "tmpfs", "Target": "/tmpfs", "TmpfsOptions": {"SizeBytes": 1 << 20}},
    ]
    wanted = ["root", "pw", "on vm1"]
    if swarm.engine.version >= (1, 45):
        mounts.append({"Type": "bind", "Source": f"{swarm.root}/sub", "Target": "/sub"})
        wanted.append("below")
    else:
        reply = swarm.a.call(
            "POST",
            "/services/create",
            body=service("own-below", Mounts=_mount("bind", f"{swarm.root}/sub")),
        )
        assert reply.status == 403
        assert "service.mount" in reply.message
    body = service(
        "own",
        "cat /root-of/file /loot /sub/file; echo on $ON; echo kept > /data/f; exec sleep 600",
        Mounts=mounts,
        Secrets=_file("Secret", secret, "own-pw"),
        Env=["ON=vm{{.Task.Slot}}"],
    )
    body["TaskTemplate"]["Networks"] = [{"Target": "own-net"}]
    made = swarm.a.post("/services/create", body)["ID"]
    for each in wanted:
        logged(swarm.a, "own", each.encode())
    shown = swarm.a.get(f"/services/{made}")["Spec"]["TaskTemplate"]
    assert [each["Source"] for each in shown["ContainerSpec"]["Mounts"] if "Source" in each] == [
        each["Source"] for each in mounts if "Source" in each
    ]
    assert shown["Networks"] == [{"Target": net}]
    assert swarm.engine.api.get("/volumes/own-data")["Labels"] == {"com.dss.owner": "a"}
    # A name is taken while a service has it, though there is no volume of that name: else A's
    # next task would find B's.
    idle = service("idle", Mounts=_mount("volume", "later-data"))
    idle["Mode"] = {"Replicated": {"Replicas": 0}}
    swarm.a.post("/services/create", idle)
    swarm.a.delete("/volumes/later-data")
    bind = {"Image": "busybox", "HostConfig": {"Binds": ["later-data:/x"]}}
    requests: dict[str, dict[str, Any]] = {
        "/volumes/create": {"Name": "later-data"},
        "/containers/create": bind,
    }
    for path, body in requests.items():
        assert swarm.b.call("POST", path, body=body).status == 403, path
    swarm.a.delete("/services/idle")
    for path, body in requests.items():
        assert swarm.b.call("POST", path, body=body).ok, path


def _older_prefixes(swarm: Swarm, limited: Api) -> None:
    """
    Under each prefix a service is as the bare engine makes it of the same body, and has what
    the operator gives nonetheless.
    """
    whole = service(
        "older",
        Sysctls={"net.ipv4.ip_forward": "1"},
        Ulimits=[{"Name": "nofile", "Soft": 100, "Hard": 100}],
        CapabilityAdd=["CAP_CHOWN"],
        CapabilityDrop=["CAP_MKNOD"],
        Privileges={"NoNewPrivileges": True, "Seccomp": {"Mode": "default"}},
        HealthCheck={"Test": ["NONE"], "StartInterval": 10**9},
        OomScoreAdj=5,
        Mounts=[{"Type": "tmpfs", "Target": "/m", "TmpfsOptions": {"Options": [["noexec"]]}}],
    )
    whole["Mode"] = {"Replicated": {"Replicas": 0}}
    whole["TaskTemplate"]["Placement"] = {"MaxReplicas": 2}
    whole["TaskTemplate"]["Resources"] = {"Limits": {"Pids": 50}, "SwapBytes": 1}
    newest = "{}.{}".format(*swarm.engine.version)

    def made(api: Api, prefix: str) -> Any:
        id = api.post(f"/v{prefix}/services/create", whole)["ID"]
        found = swarm.engine.api.get(f"/services/{id}")["Spec"]
        api.delete(f"/services/{id}")
        task = found["TaskTemplate"]
        for each in ("Image", "Labels"):
            task["ContainerSpec"].pop(each, None)
        return {**found, "Labels": {}}

    limits = made(limited, "1.30")["TaskTemplate"]
    assert limits["Resources"]["Limits"] == {"Pids": 50}
    assert limits["ContainerSpec"]["Ulimits"] == whole["TaskTemplate"]["ContainerSpec"]["Ulimits"]
    for prefix in ("1.30", "1.40", "1.43", "1.44", "1.45", newest):
        if tuple(map(int, prefix.split("."))) <= swarm.engine.version:
            assert made(swarm.a, prefix) == made(swarm.engine.api, prefix), prefix


#: Requests about B's things, by the kind of thing: method and what follows the reference.
_REQUESTS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "services": (
        ("GET", ""),
        ("GET", "/logs?stdout=1"),
        ("POST", "/update?version=1"),
        ("POST", "/update?version=1&rollback=previous"),
        ("DELETE", ""),
    ),
    "tasks": (("GET", ""), ("GET", "/logs?stdout=1")),
    "secrets": (("GET", ""), ("POST", "/update?version=1"), ("DELETE", "")),
    "configs": (("GET", ""), ("POST", "/update?version=1"), ("DELETE", "")),
}


def _every_operation(swarm: Swarm, victim: Victim) -> None:
    """
    Told as if it were missing, and nothing changes. Lists show nothing of it, names that are
    taken say so, and no update gives one's own away.
    """
    own = {
        "services": swarm.a.post("/services/create", service("mine", "echo mine"))["ID"],
        "secrets": swarm.a.post("/secrets/create", {"Name": "mine-pw", "Data": "eA=="})["ID"],
        "configs": swarm.a.post("/configs/create", {"Name": "mine-conf", "Data": "eA=="})["ID"],
    }
    names = {"services": "theirs", "secrets": "theirs-pw", "configs": "theirs-conf"}
    ids = {
        "services": victim.service,
        "tasks": victim.task,
        "secrets": victim.secret,
        "configs": victim.config,
    }
    snapshot = _snapshot(swarm, ids)
    for kind, requests in _REQUESTS.items():
        references = [ids[kind], ids[kind][:12], names.get(kind, f"theirs.1.{victim.task}")]
        for method, rest in requests:
            nothing = "z" * 25
            body = _update(kind) if method == "POST" else None
            expected = told(swarm.a.call(method, f"/{kind}/{nothing}{rest}", body=body), nothing)
            assert expected[0] == 404
            for reference in references:
                reply = swarm.a.call(method, f"/{kind}/{reference}{rest}", body=body)
                assert told(reply, reference) == expected, (method, kind, rest, reference)
        for filters in ({}, {"id": [ids[kind]]}, {"label": ["com.dss.owner=b"]}):
            listed = {each["ID"] for each in swarm.a.get(f"/{kind}", filters=filters)}
            assert ids[kind] not in listed
    for kind, name in names.items():
        body = service(name) if kind == "services" else {"Name": name, "Data": "eA=="}
        reply = swarm.a.call("POST", f"/{kind}/create", body=body)
        assert (reply.status, victim.service in reply.message) == (409, False)
    # One's own can't be given away, or be made to look like another's.
    for kind, id in own.items():
        spec = swarm.a.get(f"/{kind}/{id}")["Spec"]
        version = swarm.a.get(f"/{kind}/{id}")["Version"]["Index"]
        path = f"/{kind}/{id}/update"
        for labels in ({"com.dss.owner": "b"}, {"COM.DSS.OWNER": "b"}):
            reply = swarm.a.call("POST", path, {"version": version}, {**spec, "Labels": labels})
            assert reply.status == 403
        swarm.a.post(path, {**spec, "Labels": {"x": "y"}}, version=version)
        assert swarm.a.get(f"/{kind}/{id}")["Spec"]["Labels"] == {"x": "y"}
        labels = swarm.engine.api.get(f"/{kind}/{id}")["Spec"]["Labels"]
        assert labels == {"x": "y", "com.dss.owner": "a"}
    assert _snapshot(swarm, ids) == snapshot


def _update(kind: str) -> dict[str, Any]:
    if kind == "services":
        return service("theirs", "echo taken over")
    return {"Name": f"theirs-{'pw' if kind == 'secrets' else 'conf'}", "Labels": {"x": "y"}}


def _snapshot(swarm: Swarm, ids: Mapping[str, str]) -> Any:
    """
    B's objects as the engine has them, but for how a task is at the moment.
    """
    found = {kind: swarm.engine.api.get(f"/{kind}/{id}") for kind, id in ids.items()}
    return {kind: (each["Version"], each.get("Spec")) for kind, each in found.items()}


def _machines(swarm: Swarm) -> None:
    """
    Of the Swarm and its nodes nothing that lets a machine join, and no way to change them.
    """
    engine = swarm.engine.api
    whole = engine.get("/swarm")
    (node,) = engine.get("/nodes")
    hidden = [*whole["JoinTokens"].values(), whole["TLSInfo"]["TrustRoot"], "127.0.0.1:2377"]
    for path in ("/swarm", "/nodes", f"/nodes/{node['ID']}", "/info"):
        body = swarm.a.call("GET", path).body
        assert not [each for each in hidden if each.encode() in body], path
        assert [
            each
            for each in hidden
            if each.replace("\n", "\\n").encode() in engine.call("GET", path).body
        ], path
    requests: list[tuple[str, str, Any]] = [
        ("POST", "/swarm/init", {"ForceNewCluster": True}),
        ("POST", "/swarm/join", {"RemoteAddrs": ["10.0.0.1"], "JoinToken": "x"}),
        ("POST", "/swarm/leave?force=1", None),
        ("POST", f"/swarm/update?version={whole['Version']['Index']}", whole["Spec"]),
        ("POST", "/swarm/update?version=1&rotateManagerToken=1", whole["Spec"]),
        ("GET", "/swarm/unlockkey", None),
        ("POST", "/swarm/unlock", {"UnlockKey": "x"}),
        ("DELETE", f"/nodes/{node['ID']}?force=1", None),
        ("POST", f"/nodes/{node['ID']}/update?version=1", {"Availability": "drain"}),
        ("GET", "/plugins", None),
        ("GET", "/plugins/privileges?remote=x/y", None),
        ("POST", "/plugins/pull?remote=x/y", []),
        ("POST", "/plugins/create?name=x", b""),
        ("GET", "/debug/pprof/cmdline", None),
        ("GET", "/debug/vars", None),
    ]
    for method, path, body in requests:
        assert swarm.a.call(method, path, body=body).status == 403, path
    for path in ("/debug/vars", "/plugins"):
        assert engine.call("GET", path).ok, "the engine itself serves it"
    assert engine.get("/swarm")["Version"] == whole["Version"]
    eventually(lambda: engine.get("/nodes")[0]["Status"]["State"] == "ready", "the node")
