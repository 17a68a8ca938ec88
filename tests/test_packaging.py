"""
dss as it is installed: from a wheel, an sdist and in place, each into an environment
of its own, with and without a third party's hook, and gone again.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from subprocess import PIPE, STDOUT, run
from zipfile import ZipFile

import pytest
from attrs import frozen

from tests.environments import ROOT, Environment, NewEnvironment, copy_tree, install, maker

EXAMPLE = ROOT / "doc" / "examples" / "hook-plugin"

#: Finds the hooks, and runs them on a create body.
RUN_HOOKS = """
from twisted.internet.task import Clock
from dss.hooks.chain import HookChain
from dss.hooks.discovery import find_hooks
chain = HookChain(find_hooks(), Clock(), 5)
print([hook.name for hook in chain.hooks], chain.on_create("ann", {"Image": "busybox:1.36"}))
"""


@frozen
class Built:
    """
    The distribution files.
    """

    sdist: Path
    wheel: Path


#: Asks a guarded socket: C{ask("GET", "/_ping")} is C{(200, b"OK")}.
Ask = Callable[..., tuple[int, bytes]]


def build(source: Path, target: Path, *what: str) -> None:
    """
    Build distribution files.
    """
    done = run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(target), *what, source],
        stdout=PIPE,
        stderr=STDOUT,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout


class UnixConnection(HTTPConnection):
    """
    HTTP on a UNIX socket.
    """

    def __init__(self, path: Path) -> None:
        super().__init__("docker", timeout=60)
        self._path = path

    def connect(self) -> None:
        """
        Connect to the socket.
        """
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


@contextmanager
def guarding(environment: Environment, path: Path, **variables: str) -> Iterator[Ask]:
    """
    Run an environment's dss, with the engine in memory, for the owner C{ann}.

    @return: asks it: the method, the path and a JSON body give a status and a body.
    """

    def ask(method: str, target: str, body: object = None) -> tuple[int, bytes]:
        connection = UnixConnection(path)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, target, text, {"Content-Type": "application/json"})
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

    command = ["twist", "--log-format=text", "dss", "--engine", "memory:", "--owner", "ann"]
    with environment.start(*command, "--listen", f"unix:{path}", **variables) as program:
        try:
            assert program.stdout is not None
            said = []
            for line in program.stdout:
                said.append(line)
                if f"listening on unix:{path}" in line:
                    break
            else:
                pytest.fail("".join(said))
            yield ask
        finally:
            program.terminate()
            rest, _ = program.communicate(timeout=60)
    assert program.returncode == -signal.SIGTERM, rest
    assert "Traceback" not in rest


def listed(ask: Ask) -> list[dict[str, str]]:
    """
    All containers.
    """
    status, reply = ask("GET", "/containers/json?all=1")
    assert status == 200
    found: list[dict[str, str]] = json.loads(reply)
    return found


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """
    The sdist, and the wheel that is built from it.
    """
    folder = tmp_path_factory.mktemp("built")
    build(copy_tree(ROOT, folder / "source"), folder / "dist")
    (sdist,) = (folder / "dist").glob("*.tar.gz")
    (wheel,) = (folder / "dist").glob("*.whl")
    return Built(sdist, wheel)


@pytest.fixture(scope="module")
def new_environment(tmp_path_factory: pytest.TempPathFactory) -> NewEnvironment:
    """
    Makes environments.
    """
    return maker(tmp_path_factory)


def test_what_is_in_the_wheel(built: Built) -> None:
    """
    The plugin and the marker of types are in, nothing that is another's or left over.
    """
    with ZipFile(built.wheel) as wheel:
        names = wheel.namelist()
    assert {"dss/py.typed", "dss/plugins/__init__.py", "twisted/plugins/dss_plugin.py"} < set(names)
    assert {name.split("/")[0].split("-")[0] for name in names} == {
        "dss",
        "twisted",
        "docker_safety_sock",
    }
    assert [name for name in names if name.startswith("twisted/")] == [
        "twisted/plugins/dss_plugin.py"
    ]
    assert [name for name in names if name.endswith((".pyc", ".cache"))] == []
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "dss").rglob("*.py")}
    assert {name for name in names if name.startswith("dss/") and name.endswith(".py")} == modules


def test_what_is_in_the_sdist(built: Built) -> None:
    """
    A distributor can build, test and document from it.
    """
    with tarfile.open(built.sdist) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {
        "CONTRIBUTING.rst",
        "LICENSE",
        "NEWS.rst",
        "README.rst",
        "doc/architecture.rst",
        "doc/examples/hook-plugin/dss/plugins/acme_images.py",
        "dss/py.typed",
        "pyproject.toml",
        "setup.py",
        "tests/test_packaging.py",
        "tox.ini",
        "twisted/plugins/dss_plugin.py",
    } < names
    assert [name for name in names if name.endswith((".pyc", ".cache"))] == []


@pytest.mark.parametrize("form", ["wheel", "sdist", "editable"])
def test_install_and_uninstall(
    form: str, built: Built, new_environment: NewEnvironment, tmp_path: Path
) -> None:
    """
    C{twist} and C{twistd} know dss once it is installed, and work without it once it
    is not.
    """
    environment = new_environment()
    if form == "editable":
        install(environment, "--editable", str(copy_tree(ROOT, tmp_path / "source")))
    else:
        install(environment, str(built.wheel if form == "wheel" else built.sdist))
    for program in ("twist", "twistd"):
        assert " dss " in environment.check(program, "--help")
        assert "--listen" in environment.check(program, "dss", "--help")
    assert "containers.capabilities" in environment.check("dss", "fields", "HostConfig.CapAdd")
    environment.pip("uninstall", "--yes", "docker-safety-sock")
    for program in ("twist", "twistd"):
        said = environment.check(program, "--help")
        assert " dss " not in said
        assert " web " in said
    assert environment.run("python", "-c", "import dss").returncode != 0
    assert not (environment.folder / "bin" / "dss").exists()


def test_a_broken_dss_leaves_twist_alone(built: Built, new_environment: NewEnvironment) -> None:
    """
    What can't be imported in dss shows when dss is asked for, and harms no other
    plugin.
    """
    environment = new_environment()
    install(environment, str(built.wheel))
    (tap,) = environment.folder.glob("lib/python*/site-packages/dss/tap.py")
    tap.write_text("import no_such_module_at_all")
    said = environment.check("twist", "--help")
    assert " dss " in said
    assert "Traceback" not in said
    failed = environment.run("twist", "dss", "--help")
    assert failed.returncode != 0
    assert "no_such_module_at_all" in failed.stdout


@pytest.mark.parametrize("form", ["wheel", "editable"])
def test_a_hook_of_a_third_party(
    form: str, built: Built, new_environment: NewEnvironment, tmp_path: Path
) -> None:
    """
    The documented example is found and works beside dss, in either form, and dss works
    without it.
    """
    environment = new_environment()
    install(environment, str(built.wheel))
    source = copy_tree(EXAMPLE, tmp_path / "hook")
    if form == "editable":
        install(environment, "--editable", str(source))
    else:
        build(source, tmp_path / "dist", "--wheel")
        (wheel,) = (tmp_path / "dist").glob("*.whl")
        with ZipFile(wheel) as file:
            names = [name for name in file.namelist() if ".dist-info/" not in name]
        assert sorted(names) == ["acme_hooks/__init__.py", "dss/plugins/acme_images.py"]
        install(environment, str(wheel))
    said = environment.check("python", "-c", RUN_HOOKS, ACME_IMAGES="busybox:1.36")
    assert "['acme.images'] {'Image': 'busybox:1.36', 'Env': ['ACME_OWNER=ann']}" in said

    denied = environment.run("python", "-c", RUN_HOOKS, ACME_IMAGES="alpine:3.20")
    assert denied.returncode != 0
    assert "[rule acme.image]" in denied.stdout

    environment.pip("uninstall", "--yes", "acme-dss-hooks")
    said = environment.check("python", "-c", RUN_HOOKS)
    assert said == "[] {'Image': 'busybox:1.36'}\n"
    assert " dss " in environment.check("twist", "--help")


def test_the_main_job(built: Built, new_environment: NewEnvironment, tmp_path: Path) -> None:
    """
    An installed dss guards its engine in memory: it allows and it denies, and ends by
    TERM, with nothing left behind.
    """
    environment = new_environment()
    install(environment, str(built.wheel))
    with guarding(environment, tmp_path / "dss.sock") as ask:
        assert ask("GET", "/_ping") == (200, b"OK")
        status, reply = ask("POST", "/containers/create", {"Image": "busybox"})
        assert status == 201
        made = json.loads(reply)["Id"]
        assert ask("POST", f"/containers/{made}/start")[0] == 204
        assert [each["Id"] for each in listed(ask)] == [made]
        status, reply = ask(
            "POST", "/containers/create", {"Image": "busybox", "HostConfig": {"Privileged": True}}
        )
        assert status == 403
        assert "[rule container.privileged]" in json.loads(reply)["message"]
        assert [each["Id"] for each in listed(ask)] == [made]
    assert list(tmp_path.iterdir()) == []


def test_a_hook_at_work(built: Built, new_environment: NewEnvironment, tmp_path: Path) -> None:
    """
    The example hook denies, rewrites and hides what clients of an installed dss ask for.
    """
    environment = new_environment()
    install(environment, str(built.wheel))
    install(environment, str(copy_tree(EXAMPLE, tmp_path / "hook")))
    socket_path = tmp_path / "dss.sock"
    with guarding(environment, socket_path, ACME_IMAGES="busybox") as ask:
        status, reply = ask("POST", "/containers/create", {"Image": "alpine"})
        assert status == 403
        assert "[rule acme.image]" in json.loads(reply)["message"]
        # In the client's own spelling, which the hook need not know.
        status, reply = ask("POST", "/containers/create", {"image": "busybox", "ENV": ["A=1"]})
        assert status == 201
        shown = json.loads(reply)["Id"]
        status, reply = ask("GET", f"/containers/{shown}/json")
        assert {"A=1", "ACME_OWNER=ann"} <= set(json.loads(reply)["Config"]["Env"])
        hidden = {"Image": "busybox", "Labels": {"com.acme.hidden": "yes"}}
        assert ask("POST", "/containers/create", hidden)[0] == 201
        assert [each["Id"] for each in listed(ask)] == [shown]


def test_a_hook_that_can_not_be_used_stops_the_start(
    built: Built, new_environment: NewEnvironment, tmp_path: Path
) -> None:
    """
    dss does not start without a hook that is installed, and says why.
    """
    environment = new_environment()
    install(environment, str(built.wheel))
    install(environment, str(copy_tree(EXAMPLE, tmp_path / "hook")))
    started = environment.run(
        "twist", "dss", "--engine", "memory:", "--listen", f"unix:{tmp_path}/dss.sock"
    )
    assert started.returncode not in (0, None)
    assert "dss.plugins.acme_images can't be imported: KeyError('ACME_IMAGES')" in started.stdout
    assert not (tmp_path / "dss.sock").exists()


def test_the_examples_own_tests() -> None:
    """
    The example's tests pass as its README says.
    """
    done = run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q"],
        cwd=EXAMPLE,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=PIPE,
        stderr=STDOUT,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
