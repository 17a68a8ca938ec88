"""
What owners may ask of volumes.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from dss.config import values
from dss.config.values import fits, setting


def _type(value: str) -> None:
    values.word(value)
    if value.casefold() in ("none", "bind", "tmpfs"):
        raise ValueError(
            f"{value!r} needs no setting: tmpfs is always fine, and host directories are allowed "
            "with --allow-bind"
        )


def _drivers(given: Mapping[str, tuple[str, ...]]) -> None:
    for driver, options in given.items():
        values.word(driver)
        if driver == "local":
            raise ValueError("the options of local are set by file_systems")
        values.listed(values.pattern)(options)


@frozen
class FileSystem:
    """
    An entry of C{volumes.file_systems}.
    """

    type: str = setting("Its type.", "", "text", _type)
    devices: tuple[str, ...] = setting(
        "What may be mounted.", (), "list of names", values.listed(values.pattern)
    )
    options: tuple[str, ...] = setting(
        "The options that it may be mounted with.",
        (),
        "list of names",
        values.listed(values.pattern),
    )

    def __attrs_post_init__(self) -> None:
        if not self.type or not self.devices:
            raise ValueError("a file system needs its type and its devices")

    def __str__(self) -> str:
        options = f" with {','.join(self.options)}" if self.options else ""
        return f"{self.type} {' '.join(self.devices)}{options}"

    def covers(self, device: str, options: tuple[str, ...]) -> bool:
        """
        Whether a device may be mounted with these options.
        """
        if ".." in device.split("/") or not fits(device, self.devices):
            return False
        return all(fits(each, self.options) for each in options)


@frozen
class Volumes:
    """
    C{[volumes]}
    """

    drivers: Mapping[str, tuple[str, ...]] = setting(
        "Drivers beside local, each with the options that it may be given: "
        'rexray = ["size=*", "fsType=xfs"]. An option is NAME=VALUE, or its beginning and then *. '
        "A driver is as powerful as the engine.",
        {},
        "table of lists of texts",
        _drivers,
    )
    file_systems: tuple[FileSystem, ...] = setting(
        "File systems that the local driver may mount, beside tmpfs and host directories: "
        '[{ type = "nfs", devices = [":/export/ci/*"], options = ["addr=10.0.0.1", "rw", '
        '"nfsvers=*"] }]. A device or an option may be its beginning and then *. The host itself '
        "mounts them, so that they reach what the host reaches.",
        (),
        "list of tables",
    )


__all__ = ["FileSystem", "Volumes"]
