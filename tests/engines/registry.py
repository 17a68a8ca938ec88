"""
A real registry inside an engine's network namespace, at a port of its own loopback.
"""

from __future__ import annotations

import contextlib
import secrets
import subprocess
from collections.abc import Iterator

from tests.engines.api import Api
from tests.engines.machine import Engine
from tests.engines.patience import eventually

#: Whom a registry with passwords knows.
USER, PASSWORD = "ci", "wonderland"
_HASH = "$2b$04$gkQQlUH6tpSa.jjY/ymsaeLEQidV2gKlyZQ9OR09iuQhR7.wM7FuW"

_CONFIG = """\
version: 0.1
storage:
  filesystem: {{rootdirectory: /run/registry-{port}-{run}}}
  delete: {{enabled: true}}
http: {{addr: "127.0.0.1:{port}"}}
"""
_AUTH = 'auth: {{htpasswd: {{realm: tests, path: "/run/registry-{port}.htpasswd"}}}}\n'


@contextlib.contextmanager
def registry(engine: Engine, port: int, with_password: bool = False) -> Iterator[str]:
    """
    A new registry that an engine reaches, and that ends with the block.

    @return: its host, with the port.
    """
    text = (_CONFIG + (_AUTH if with_password else "")).format(port=port, run=secrets.token_hex(4))
    script = 'cat >"/run/registry-$0.yml"; exec docker-registry serve "/run/registry-$0.yml"'
    if with_password:
        _put(engine, f"/run/registry-{port}.htpasswd", f"{USER}:{_HASH}\n")
    argv, environ = engine.command("sh", "-c", script, str(port))
    process = subprocess.Popen(
        argv,
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.stdin is not None
        process.stdin.write(text.encode())
        process.stdin.close()
        host = f"127.0.0.1:{port}"
        eventually(lambda: _answers(engine.api, host), f"the registry at {host} to answer", 30)
        yield host
    finally:
        process.terminate()
        process.wait(20)


def _answers(api: Api, host: str) -> bool:
    told = api.call("GET", f"/distribution/{host}/none:1/json").message
    return "connection refused" not in told


def _put(engine: Engine, path: str, text: str) -> None:
    argv, environ = engine.command("sh", "-c", f"cat >{path}")
    subprocess.run(argv, env=environ, input=text.encode(), check=True)
