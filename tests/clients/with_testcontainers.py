"""
A program that uses Testcontainers: it makes a network and containers, tells what it saw, and
is then killed, so that only Ryuk can clean up.
"""

from __future__ import annotations

import json
import sys
import urllib.request
from pathlib import Path

from testcontainers.core.container import DockerContainer
from testcontainers.core.labels import SESSION_ID
from testcontainers.core.network import Network
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

network = Network().create()
web = (
    DockerContainer("busybox")
    .with_command(["sh", "-c", 'echo "$GREETING"; exec httpd -f -p 8000 -h /www'])
    .with_env("GREETING", "ready")
    .with_exposed_ports(8000)
    .with_network(network)
    .with_network_aliases("web")
    .with_copy_into_container(b"hello", "/www/index.html")
    .waiting_for(LogMessageWaitStrategy("ready"))
    .start()
)
page = f"http://{web.get_container_host_ip()}:{web.get_exposed_port(8000)}/"
visitor = (
    DockerContainer("busybox")
    .with_command(["sh", "-c", "wget -q -O - http://web:8000/; echo; id -u"])
    .with_network(network)
    .with_kwargs(user="1000")
    .start()
)
status = visitor.wait()
executed = web.exec(["cat", "/www/index.html"])
copied = Path(sys.argv[1]) / "copied"
web.copy_from_container("/www/index.html", copied)
with DockerContainer("busybox").with_command("true").with_tmpfs_mount("/t") as brief:
    brief.wait()
    labels = brief.get_wrapped_container().labels
seen = {
    "page": urllib.request.urlopen(page, timeout=30).read().decode(),
    "logs": [each.decode() for each in web.get_logs()],
    "visitor": [status, *(each.decode() for each in visitor.get_logs())],
    "exec": [executed.exit_code, executed.output.decode()],
    "copied": copied.read_text(),
    "labels": sorted(label for label in labels if not label.startswith("com.dss.")),
}
print(json.dumps({"session": SESSION_ID, "seen": seen}), flush=True)
sys.stdin.read()
