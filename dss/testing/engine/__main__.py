"""
C{python -m dss.testing.engine PATH}: an engine in memory on a UNIX socket, until it is
interrupted.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet import reactor
from twisted.logger import globalLogBeginner, textFileLogObserver

from dss.testing.engine.service import MemoryEngineService


def main(arguments: list[str]) -> int:
    """
    Serve, and return the exit status.
    """
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m dss.testing.engine PATH\n")
        return 2
    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stderr)])
    running: Any = reactor
    service = MemoryEngineService(arguments[0], running)
    running.addSystemEventTrigger("before", "shutdown", service.stopService)
    service.startService()
    running.run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
