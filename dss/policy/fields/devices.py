"""
Rules of the host's devices.
"""

from __future__ import annotations

import re

from dss.config.containers import Containers
from dss.config.values import Device, fits
from dss.policy.fields.field import Rule, Spot
from dss.policy.fields.paths import below_kernel
from dss.policy.fields.rules import matching, shown

device_path = matching(
    "container.blkio",
    r"/dev(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+",
    "Allowed: devices of the host by their path below /dev.",
    "it is no path of a device.",
)


def _device(spot: Spot, settings: Containers) -> str | None:
    path = spot.value.get("PathOnHost", "")
    inside = spot.value.get("PathInContainer", "")
    # The engine may take no permissions for all of them.
    wanted = set(spot.value.get("CgroupPermissions") or "rwm")
    granted = [each for each in settings.devices if each.covers(path)]
    if not granted:
        return f"{shown(path)} is denied: a device of the host gives power over it."
    if not any(wanted <= set(each.permissions) for each in granted):
        least = " or ".join(each.permissions for each in granted)
        return f"{shown(path)} is denied with these permissions: CgroupPermissions can be {least}."
    if inside and (not inside.startswith("/") or ".." in inside.split("/")):
        return f"{shown(inside)} is no path in the container."
    return below_kernel(inside) if inside else None


def _device_line(spot: Spot) -> list[str]:
    path = spot.value.get("PathOnHost", "")
    try:
        return [Device.parse(path).path]
    except ValueError:
        return []


devices = Rule(
    "container.devices",
    "deny",
    "No devices are allowed but those of the settings.",
    _device,
    judges_empty=True,
    setting="containers.devices",
    line=_device_line,
)

#: What NVIDIA's driver of the engine knows (moby 28.5, C{daemon/nvidia_linux.go}).
_GPU_CAPABILITIES = {
    "gpu",
    "nvidia",
    "compute",
    "compat32",
    "display",
    "graphics",
    "ngx",
    "utility",
    "video",
}
_GPU_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9:._-]*")


def _device_request(spot: Spot, settings: Containers) -> str | None:
    request = spot.value
    allowed = settings.device_requests
    driver = request.get("Driver", "")
    ids = request.get("DeviceIDs") or ()
    capabilities = request.get("Capabilities") or ()
    if any((request.get("Options") or {}).values()):
        return "options of a device driver are denied."
    if driver == "cdi":
        denied = [each for each in ids if not fits(each, allowed.cdi)]
        if denied or not ids:
            return f"the CDI device {shown(denied[0] if denied else '')} is denied."
        return None
    if driver not in ("", "nvidia") or not allowed.gpus:
        what = f"the driver {shown(driver)} is" if driver else "GPUs are"
        return f"{what} denied: drivers may add mounts and hooks."
    if not capabilities or any(
        "gpu" not in each or not set(each) <= _GPU_CAPABILITIES for each in capabilities
    ):
        return "Capabilities should ask for a gpu, and for nothing but what one has."
    denied = [each for each in ids if not _GPU_ID.fullmatch(each)]
    return f"{shown(denied[0])} is no GPU." if denied else None


def _device_request_line(spot: Spot) -> dict[str, object]:
    driver, ids = spot.value.get("Driver", ""), spot.value.get("DeviceIDs") or ()
    if driver == "cdi":
        return {"cdi": list(ids)} if ids else {}
    return {"gpus": True} if driver in ("", "nvidia") else {}


device_requests = Rule(
    "container.device_requests",
    "deny",
    "No devices are allowed but those of the settings.",
    _device_request,
    judges_empty=True,
    setting="containers.device_requests",
    line=_device_request_line,
)
