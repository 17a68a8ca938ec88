"""
What a running process has cost so far, from C{/proc}.
"""

from __future__ import annotations

import os
from pathlib import Path

from attrs import frozen

_TICKS = os.sysconf("SC_CLK_TCK")


@frozen
class Process:
    """
    A process by its id. HAProxy's worker is the process that counts, so the costs
    of children are added.
    """

    pid: int

    def _family(self) -> list[int]:
        listed = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        family = [self.pid]
        for child in listed.split():
            family += Process(int(child))._family()
        return family

    def cpu_seconds(self) -> float:
        """
        User and system time spent, in seconds.
        """
        total = 0
        for pid in self._family():
            # The name, in parentheses, may hold blanks: count from its end.
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        return total / _TICKS

    def memory(self, field: str) -> int:
        """
        A field of C{/proc/PID/status} in bytes: C{VmRSS} for what is resident now,
        C{VmHWM} for the most that ever was.
        """
        total = 0
        for pid in self._family():
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith(field + ":"):
                    total += int(line.split()[1]) * 1024
        return total

    def files(self) -> int:
        """
        How many files and sockets are open.
        """
        return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in self._family())
