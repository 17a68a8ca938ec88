"""
The settings file: what it may say, and how what it may not say is told.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import fields, has
from hypothesis import given, settings
from hypothesis import strategies as st

from dss.config.containers import Ceilings, Containers, OwnerLimits, PublishedPorts
from dss.config.load import FileSettings, SettingsError, load
from dss.config.render import allowances, page, sections
from dss.config.settings import Limits, Root
from dss.config.values import Device, Ports, fits, size, size_text
from dss.config.volumes import FileSystem
from dss.model.owner import Owner
from dss.policy.fields.tables import TABLES

ROOT = Path(__file__).parent.parent.parent

WHOLE = """
engine = "unix:/run/engine.sock"
ledger = "/var/lib/dss/ledger"

[owner]
name = "ci"
listen = ["unix:/run/dss.sock"]
allow_bind = ["/srv/ci", "/opt:ro"]
container_sockets = "/run/dss-sockets"
grants = ["SwarmLeave"]

[owner.limits]
containers = 10
memory = "4g"
networks = 20
volumes = 30

[limits]
hook_seconds = 9

[containers]
capabilities = ["NET_ADMIN", "SYS_PTRACE"]
devices = ["/dev/fuse", "/dev/kvm:rw"]
sysctls = ["kernel.domainname", "vm.*"]
runtimes = ["runsc"]
annotations = ["com.example.*"]
log_drivers = { syslog = ["tag", "syslog-address=udp://10.0.0.1:514"], "json-file" = ["labels"] }
security_options = ["seccomp=unconfined"]
ipc_modes = ["host"]
uts_modes = ["host"]
user_namespace_modes = ["host"]
builds_without = ["user"]
cgroup_namespace_modes = ["host"]
device_requests.gpus = true
device_requests.cdi = ["nvidia.com/gpu=*"]

[containers.resources]
ulimits = ["nice"]
least_oom_score_adj = -1
oom_kill_disable = true
cgroup_parents = ["/builds/*"]
device_cgroup_rules = ["c 188:* rw"]
storage_options = ["size"]
endpoint_options = ["com.docker.network.endpoint.ifname"]
least_check_interval = 0.01

[containers.ports]
ranges = ["80", "20000-20999"]
addresses = ["10.0.0.1", "10.0.0.0/8", "::1"]
most = 200

[containers.force]
labels = { team = "a" }
environment = { HTTPS_PROXY = "http://proxy:3128" }
user = "1000:1000"
network = "ci-net"
runtime = "runsc"
cgroup_parent = "/ci"
security_options = ["no-new-privileges"]

[containers.defaults]
memory = "512m"
cpus = 1
pids = 100
shm_size = 67108864
runtime = "runsc"
labels = { team = "a" }
user = "1000"
network = "ci"
cgroup_parent = "/ci"
security_options = ["no-new-privileges"]
environment = { CI = "1" }
log = { driver = "local", options = { max-size = "1m" } }

[containers.ceilings]
memory = "1GiB"
cpus = 1.5
pids = 1000
shm_size = "128 mb"
ulimits = { nofile = 1024 }

[networks]
drivers = ["overlay"]
ipam_drivers = ["weave"]
options = ["com.docker.network.bridge.host_binding_ipv4=127.0.0.1", "parent"]
subnets = ["10.0.0.0/8"]
denied_subnets = ["10.1.0.0/16"]
private_bridge = true

[volumes]
drivers = { rexray = ["size=*"] }

[[volumes.file_systems]]
type = "nfs"
devices = [":/export/*"]
options = ["addr=10.0.0.1", "rw"]

[registries]
pull = ["docker.io/library/*", "r.io:5000/app"]
push = ["r.io:5000"]
credentials = "/etc/dss/config.json"
"""


def test_all_that_a_file_may_say() -> None:
    found = load(WHOLE, "dss.toml")
    assert found.engine == "unix:/run/engine.sock"
    assert found.ledger == "/var/lib/dss/ledger"
    assert found.owner.name == Owner("ci")
    assert found.owner.allow_bind == (Root("/srv/ci"), Root("/opt", True))
    assert found.owner.container_sockets == "/run/dss-sockets"
    assert found.owner.grants == ("SwarmLeave",)
    assert found.owner.limits == OwnerLimits(
        containers=10, memory=size("4g"), networks=20, volumes=30
    )
    assert found.limits == Limits(hook_seconds=9)
    containers = found.containers
    assert containers.devices == (Device("/dev/fuse"), Device("/dev/kvm", "rw"))
    assert containers.ports.ranges == (Ports(80, 80), Ports(20000, 20999))
    assert containers.log_drivers["json-file"] == ("labels",)
    assert containers.force.environment == {"HTTPS_PROXY": "http://proxy:3128"}
    assert containers.defaults.memory == 512 * 2**20
    assert found.volumes.drivers == {"rexray": ("size=*",)}
    (nfs,) = found.volumes.file_systems
    assert nfs == FileSystem("nfs", (":/export/*",), ("addr=10.0.0.1", "rw"))
    assert str(nfs) == "nfs :/export/* with addr=10.0.0.1,rw"
    assert containers.ceilings == Ceilings(size("1g"), 1.5, 1000, size("128m"), {"nofile": 1024})


def test_the_whole_file_has_every_key() -> None:
    """
    So that no key goes untested.
    """
    missing = {"owner.limits.cpus", "owner.limits.pids", "containers.ports.loopback_only"}
    missing |= {f"limits.{each.name}" for each in fields(Limits)} - {"limits.hook_seconds"}
    keys = {key.path for each in sections() for key in each.keys}
    assert set(allowances(load(WHOLE, ""))) == keys - missing


def test_an_empty_file_changes_nothing() -> None:
    assert load("", "dss.toml") == FileSettings()
    assert load("", "dss.toml").containers == Containers()


#: What is written, and what is told.
WRONG = [
    (
        '[volumes]\ndrivers = { local = ["type=*"] }',
        "dss.toml:2: volumes.drivers: the options of local are set by file_systems",
    ),
    (
        '[[volumes.file_systems]]\ntype = "none"\ndevices = ["/srv/*"]',
        "dss.toml:2: volumes.file_systems[0].type: 'none' needs no setting: tmpfs is always fine, "
        "and host directories are allowed with --allow-bind",
    ),
    (
        '[volumes]\nfile_systems = [{ type = "nfs" }]',
        "dss.toml:2: volumes.file_systems[0]: a file system needs its type and its devices",
    ),
    ("a = \nb", "dss.toml:1: no TOML: Invalid value (at line 1, column 5)"),
    (
        "[containers]\ncapabilites = []",
        "dss.toml:2: containers.capabilites: there is no such key. Did you mean 'capabilities'?",
    ),
    (
        "[container]\ncapabilities = []",
        "dss.toml:1: container: there is no such key. Did you mean 'containers'?",
    ),
    (
        "[owner]\ngrants = ['SwarmLeaves']",
        "dss.toml:2: owner.grants: 'SwarmLeaves' is none of ",
    ),
    (
        "[owner]\nzzz = 1",
        "dss.toml:2: owner.zzz: there is no such key. The keys here are name, listen, "
        "allow_bind, container_sockets, grants, limits.",
    ),
    (
        '[containers]\n\ncapabilities = ["NETADMIN"]',
        "dss.toml:3: containers.capabilities: 'NETADMIN' is none of ",
    ),
    ("[containers]\ncapabilities = ['NETADMIN']", "Did you mean 'NET_ADMIN'?"),
    ("[containers]\ncapabilities = ['ALL']", "'ALL' is none of"),
    ("[containers]\ncapabilities = ['net_admin']", "'net_admin' is none of"),
    (
        "containers.sysctls = 'x'",
        "dss.toml:1: containers.sysctls: 'x' should be a list, in [ and ]",
    ),
    (
        "[containers]\nsysctls = ['x', 1]",
        "dss.toml:2: containers.sysctls[1]: 1 should be a text",
    ),
    ("[containers]\nsysctls = ['*']", "'*' should be a name, or the beginning of one"),
    ("[containers]\nsysctls = ['a*b']", "'a*b' should be a name"),
    ("[containers]\nsysctls = ['']", "'' should be a printable text"),
    ("[containers]\ndevices = ['/dev/fuse:rx']", "permissions are some of the letters r, w"),
    ("[containers]\ndevices = ['/dev/fuse:']", "permissions are some of the letters r, w"),
    ("[containers]\ndevices = ['/dev/../etc']", "is no device"),
    ("[containers]\ndevices = ['/dev']", "is no device"),
    ("[containers]\nipc_modes = ['container:x']", "'container:x' is none of host."),
    ("[containers]\nlog_drivers = { syslog = 'tag' }", "containers.log_drivers.syslog: 'tag'"),
    ("[containers.device_requests]\ngpus = 1", "containers.device_requests.gpus: 1 should be true"),
    ("[containers.ports]\nranges = ['9-7']", "'9-7' is no range of ports: they go from 1"),
    ("[containers.ports]\nranges = ['0']", "'0' is no range of ports"),
    ("[containers.ports]\nranges = ['65536']", "'65536' is no range of ports"),
    ("[containers.ports]\nranges = ['x']", "'x' is no range of ports: write"),
    ("[containers.ports]\naddresses = ['x']", "'x' is neither an address nor a network"),
    ("[containers.ports]\naddresses = ['10.0.0.0/8']", "the first of addresses should be one"),
    (
        "[containers.ports]\nloopback_only = true\naddresses = ['::1']",
        "write either addresses or loopback_only",
    ),
    ("[containers.force]\nlabels = { 'com.dss.owner' = 'x' }", "is one of dss's own labels"),
    ("[containers.force]\nlabels = { ' Com.DSS.x' = 'x' }", "is one of dss's own labels"),
    ("[containers.force]\nenvironment = { 'A=B' = 'x' }", "is no name of an environment variable"),
    ("[containers.force]\nnetwork = 'host'", "'host' is no network of containers' own"),
    ("[containers.force]\nnetwork = 'container:x'", "is no network of containers' own"),
    ("[containers.force]\ncgroup_parent = '/a/../..'", "leads out of the cgroup"),
    ("[containers.force]\nuser = 5", "dss.toml:2: containers.force.user: 5 should be a text"),
    ("[containers.defaults]\nmemory = '5q'", "'5q' is no size"),
    ("[containers.defaults]\nmemory = -1", "-1 should be a number above zero"),
    ("[containers.defaults]\nmemory = true", "True is no size"),
    ("[containers.defaults]\ncpus = '1'", "'1' should be a number"),
    ("[containers.defaults]\ncpus = nan", "nan should be a number above zero"),
    ("[containers.defaults]\ncpus = inf", "inf should be a number above zero"),
    ("[containers.defaults]\ncpus = true", "True should be a number"),
    ("[containers.defaults]\npids = 1.5", "1.5 should be a whole number"),
    ("[containers.defaults]\nlog = { options = { a = 'b' } }", "options need a driver"),
    ("[containers.defaults]\nlog = 'local'", "'local' should be a table"),
    ("[containers.ceilings]\nulimits = { nofil = 1 }", "Did you mean 'nofile'?"),
    ("[containers.ceilings]\nulimits = { nofile = 0 }", "0 should be a number above zero"),
    (
        "[containers]\ndefaults.memory = 2\nceilings.memory = 1",
        "dss.toml:2: containers.defaults.memory: it is above ceilings.memory",
    ),
    ("[owner]\nname = '-'", "dss.toml:2: owner.name: '-' is no owner's name"),
    ("[owner]\nallow_bind = ['/proc/self']", "can't be a root: the host's kernel"),
    ("[owner]\nallow_bind = ['/w=/run:ro']", "can't be a root: the host's services"),
    ("[owner]\nallow_bind = ['x']", "dss.toml:2: owner.allow_bind[0]: 'x' is no root"),
    (
        "[owner]\ncontainer_sockets = 'x'",
        "dss.toml:2: owner.container_sockets: 'x' should be an absolute path",
    ),
    (
        "[owner.limits]\npids = 5",
        "dss.toml:2: owner.limits.pids: it needs containers.defaults.pids or",
    ),
    ("[limits]\nconnections = 0", "dss.toml:2: limits.connections: 0 should be"),
    ("containers = 1", "dss.toml:1: containers: 1 should be a table"),
]


@pytest.mark.parametrize(("text", "told"), WRONG)
def test_what_a_file_may_not_say(text: str, told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(text, "dss.toml")
    (only,) = caught.value.troubles
    assert told in only.in_file("dss.toml")


def test_several_troubles_are_told_at_once_each_with_its_line() -> None:
    text = "[owner]\nnam = 'x'\n\n[containers]\nsysctls = 1\nruntimes = [2]\n[[x]]\n"
    with pytest.raises(SettingsError) as caught:
        load(text, "f")
    assert {(each.key, each.line) for each in caught.value.troubles} == {
        ("owner.nam", 2),
        ("containers.sysctls", 5),
        ("containers.runtimes[0]", 6),
        ("x", 7),
    }
    assert str(caught.value).count("\n") == 3


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (1024, 1024),
        ("1024", 1024),
        ("1k", 1024),
        ("1.5g", 3 * 2**29),
        ("2 TiB", 2**41),
        ("7b", 7),
        ("1MB", 2**20),
    ],
)
def test_sizes(text: object, number: int) -> None:
    assert size(text) == number
    assert size(size_text(number)) == number


def test_a_device_and_what_is_in_it() -> None:
    device = Device.parse("/dev/snd")
    assert device.covers("/dev/snd")
    assert device.covers("/dev/snd/timer")
    assert not device.covers("/dev/sndx")
    assert not device.covers("/dev/snd/../sda")
    assert not device.covers("/dev/snd/")


def test_patterns() -> None:
    assert fits("a.b", ["a.*"])
    assert fits("a", ["a"])
    assert not fits("ab", ["a"])
    assert not fits("b", ["a.*", "c"])


def test_every_key_is_documented() -> None:
    for each in sections():
        for key in each.keys:
            assert key.meaning.endswith(".")
            assert key.kind


def test_rows_name_keys_that_there_are() -> None:
    """
    And each key about what containers may ask for is named by a row.
    """
    keys = {key.path for each in sections() for key in each.keys}
    keys |= {each.path for each in sections()}
    named = {name for table in TABLES for row in table.rows for name in row.settings}
    assert named <= keys
    containers = {key for key in keys if key.startswith("containers.") and key not in named}
    above = {each.path for each in sections()}
    inside = {"containers.device_requests.gpus", "containers.device_requests.cdi"}
    inside.add("containers.builds_without")
    assert containers - above == inside


def test_sections_have_no_keys_left_out() -> None:
    assert {each.path for each in sections()} >= {"", "owner", "containers", "containers.ports"}
    assert has(PublishedPorts)


def test_the_page_is_up_to_date() -> None:
    """
    Written by C{python -m dss.config.render > doc/settings.rst}.
    """
    assert (ROOT / "doc/settings.rst").read_text("utf-8") == page()


def test_a_directory_in_memory_can_be_allowed() -> None:
    found = load('[owner]\nallow_bind = ["/dev/shm/ci"]', "dss.toml")
    assert [each.path for each in found.owner.allow_bind] == ["/dev/shm/ci"]


WORDS = [
    "[",
    "]",
    "=",
    '"',
    "[]",
    "{}",
    " = 1",
    " = -1",
    " = true",
    ' = [""]',
    ' = "x:y:z"',
    " = 1979-05-27",
    " = nan",
    ".",
    "\n",
    "\0",
    "[owner]",
    "[limits]\nx",
]


@settings(deadline=None, max_examples=200)
@given(
    changes=st.lists(
        st.tuples(
            st.integers(0, len(WHOLE)),
            st.integers(0, 30),
            st.sampled_from(WORDS) | st.text(max_size=4),
        ),
        max_size=4,
    )
)
def test_any_text_is_settings_or_refused(changes: list[tuple[int, int, str]]) -> None:
    """
    A file that went wrong in some places is told of, in words, with its name.
    """
    text = WHOLE
    for place, length, word in changes:
        text = text[:place] + word + text[place + length :]
    said = "x.toml"
    try:
        assert isinstance(load(text, "x.toml"), FileSettings)
    except SettingsError as error:
        said = str(error)
    assert said.startswith("x.toml")


def test_all_wrong_values_are_told() -> None:
    """
    Those of one table too, each with its line.
    """
    text = """[containers]
sysctls = ["*"]
ipc_modes = ["x"]
[containers.ports]
loopback_only = true
addresses = ["127.0.0.1"]
[networks]
subnets = ["x"]
"""
    with pytest.raises(SettingsError) as caught:
        load(text, "f")
    assert [(each.key, each.line) for each in caught.value.troubles] == [
        ("containers.ports.loopback_only", 5),
        ("networks.subnets", 8),
    ]
    with pytest.raises(SettingsError) as caught:
        load(text.replace("loopback_only = true\n", "").replace('"x"]\n', '"10.0.0.0/8"]\n'), "f")
    assert [(each.key, each.line) for each in caught.value.troubles] == [
        ("containers.sysctls", 2),
        ("containers.ipc_modes", 3),
    ]


def test_what_two_tables_say_together() -> None:
    text = """[containers.defaults]
memory = "2g"
pids = 9
[containers.ceilings]
memory = "1g"
pids = 8
"""
    with pytest.raises(SettingsError) as caught:
        load(text, "f")
    assert [(each.key, each.line) for each in caught.value.troubles] == [
        ("containers.defaults.memory", 2),
        ("containers.defaults.pids", 3),
    ]
    with pytest.raises(SettingsError) as caught:
        load("[owner.limits]\nmemory = 1\ncpus = 1\n", "f")
    assert [(each.key, each.line) for each in caught.value.troubles] == [
        ("owner.limits.memory", 2),
        ("owner.limits.cpus", 3),
    ]
