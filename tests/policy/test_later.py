"""
What dss does not mediate is denied with a reason.
"""

from __future__ import annotations

import pytest

from dss.config.grants import GRANTABLE
from dss.errors import Denied
from dss.policy.later import later
from dss.routes import ROUTES
from dss.routes.table import Route
from dss.testing.judging import circumstances, drive, request

#: Operations that work. All others are denied as a whole.
WORKING = {
    *("ContainerList", "ContainerCreate", "ContainerPrune", "ContainerInspect", "ContainerTop"),
    *("ContainerLogs", "ContainerChanges", "ContainerExport", "ContainerStats"),
    *("ContainerResize", "ContainerStart", "ContainerStop", "ContainerRestart"),
    *("ContainerKill", "ContainerUpdate", "ContainerRename", "ContainerPause"),
    *("ContainerUnpause", "ContainerAttach", "ContainerAttachWebsocket", "ContainerWait"),
    *("ContainerDelete", "ContainerArchive", "ContainerArchiveInfo", "PutContainerArchive"),
    *("ContainerExec", "ExecStart", "ExecResize", "ExecInspect", "ImageList", "ImageInspect"),
    *("SystemPing", "SystemPingHead", "SystemVersion", "SystemInfo", "SystemEvents"),
    *("SystemDataUsage", "BuildPrune"),
    *("NetworkList", "NetworkInspect", "NetworkCreate", "NetworkConnect", "NetworkDisconnect"),
    *("NetworkPrune", "NetworkDelete", "ImageBuild", "ImageHistory", "ImageTag", "ImageDelete"),
    *("ImagePrune", "ImageGet", "ImageGetAll", "ImageAttestations"),
    *("ImageCreate", "ImagePush", "ImageSearch", "ImageCommit", "DistributionInspect"),
    "ImageLoad",
    *("SystemAuth", "SystemDataUsage"),
    *("ServiceList", "ServiceCreate", "ServiceInspect", "ServiceUpdate", "ServiceDelete"),
    *("ServiceLogs", "TaskList", "TaskInspect", "TaskLogs", "SwarmInspect", "NodeList"),
    *("NodeInspect", "SecretList", "SecretCreate", "SecretInspect", "SecretUpdate"),
    *("SecretDelete", "ConfigList", "ConfigCreate", "ConfigInspect", "ConfigUpdate"),
    *("ConfigDelete", *GRANTABLE),
    *("NetworkPrune", "NetworkDelete", "ImageBuild", "VolumeList", "VolumeInspect"),
    *("VolumeCreate", "VolumeUpdate", "VolumePrune", "VolumeDelete"),
}


@pytest.mark.parametrize(
    "route", [each for each in ROUTES if each.operation not in WORKING], ids=str
)
def test_every_other_operation_is_denied(route: Route) -> None:
    """
    Without a question asked, whatever is sent, and the message names the operation.
    """
    with pytest.raises(Denied) as error:
        drive(route.policy(request(route.operation), circumstances()))
    (problem,) = error.value.problems
    assert problem.rule == "route.later"
    assert problem.reason.startswith(f"{route.operation}: dss does not mediate ")
    assert error.value.status == 403
    assert route.treatment == "denied for now"


def test_no_other_row_says_that_it_is_denied() -> None:
    """
    The documentation agrees with what happens.
    """
    assert {each.operation for each in ROUTES if each.treatment != "denied for now"} == WORKING


def test_reason_and_hint() -> None:
    """
    They follow the operation's name.
    """
    with pytest.raises(Denied) as error:
        drive(later("x", "It bites.", "Use y.")(request("Op"), circumstances()))
    assert error.value.message == (
        "denied by dss: Op: dss does not mediate x yet. It bites. Use y. [rule route.later]"
    )


@pytest.mark.parametrize("operation", ["Session", "Grpc", "BuildCancel"])
def test_who_wants_buildkit_is_told_how_to_do_without(operation: str) -> None:
    """
    buildx asks for these.
    """
    (route,) = (each for each in ROUTES if each.operation == operation)
    with pytest.raises(Denied, match="DOCKER_BUILDKIT=0"):
        drive(route.policy(request(operation), circumstances()))
