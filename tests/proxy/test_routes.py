"""
The host's routes, as the kernel writes them.
"""

from __future__ import annotations

import sys
from ipaddress import ip_address
from pathlib import Path

from dss.proxy.routes import host_routes

_HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
_ROUTES = (
    ("eth0", "0.0.0.0", "0.0.0.0"),
    ("tun0", "128.0.0.0", "128.0.0.0"),
    ("eth0", "192.168.77.0", "255.255.255.0"),
    ("wg0", "10.0.0.0", "255.0.0.0"),
    ("docker0", "172.17.0.0", "255.255.0.0"),
    ("br-0123456789ab", "172.18.0.0", "255.255.0.0"),
    ("br-lan", "172.19.0.0", "255.255.0.0"),
)
_ROUTES_6 = (
    ("fd000007000000000000000000000000", "40", "eth0"),
    ("0" * 32, "00", "eth0"),
    ("0" * 31 + "1", "80", "lo"),
    ("fd000008000000000000000000000000", "40", "br-0123456789ab"),
)


def _digits(address: str) -> str:
    """
    In the byte order of the machine.
    """
    return f"{int.from_bytes(ip_address(address).packed, sys.byteorder):08X}"


def test_routes(tmp_path: Path) -> None:
    """
    Without the default routes, and those of the engine's own bridges.
    """
    lines = (
        f"{name}\t{_digits(to)}\t0\t0001\t0\t0\t0\t{_digits(mask)}\t0\t0\t0\n"
        for name, to, mask in _ROUTES
    )
    (tmp_path / "route").write_text(_HEAD + "".join(lines))
    four = ("192.168.77.0/24", "10.0.0.0/8", "172.19.0.0/16")
    assert host_routes(tmp_path) == four
    none = "0" * 32
    (tmp_path / "ipv6_route").write_text(
        "".join(f"{to} {size} {none} 00 {none} 0 0 0 0 {name:>8}\n" for to, size, name in _ROUTES_6)
    )
    assert host_routes(tmp_path) == (*four, "fd00:7::/64")


def test_this_host() -> None:
    """
    No default route, and whatever is there can be read.
    """
    assert not {"0.0.0.0/0", "::/0"} & set(host_routes())
