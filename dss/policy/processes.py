"""
The arguments of C{ps} that can be given to the engine.

The engine runs C{ps} on the host, first with the container's process ids as a selection,
and where C{ps} does not take that together with the other arguments, for all processes of
the host (moby 20.10 to 28.5, C{daemon/top_unix.go}). Of the table it keeps the rows whose
process id is the container's. It splits rows at blanks. So a column of several words that
stands before the ids moves a word of anybody's command line or environment to where an id
should be, and the engine's error repeats it.
"""

from __future__ import annotations

import re

from dss.model.ruling import EditError, Judgement

#: Forms that people use. No C{e} of the BSD kind is among them, which shows environments.
_FORMS = frozenset(
    {
        *("", "-e", "-A", "-f", "-l", "-F", "-j", "-ef", "-fe", "-eF", "-ely", "-el", "-ej"),
        *("-af", "-aef", "-eaf", "-Af", "-eLf", "-efL", "-efH", "-efw", "-efww", "-ef --forest"),
        *("a", "x", "u", "l", "f", "w", "ww", "ax", "axu", "axl", "axj", "axf", "axww"),
        *("aux", "aux --forest", "auxf", "auxw", "auxww", "auxwww", "waux", "faux", "uax"),
        *("-aux", "-auxw", "-auxww", "-ax"),
    }
)

#: A list of columns after an option for it, with or without a choice of processes.
_COLUMNS = re.compile(
    r"(?:(?:-e|-A|-a|-ax|ax|a|x) )?(?:-(?:e|A|ax|a|x)?o|(?:ax|a|x)?o) ?([a-z%,]+)"
)

#: Columns that are one word, and never of a process's choice.
_WORDS = frozenset(
    {
        *("pid", "tgid", "ppid", "pgid", "pgrp", "sid", "sess", "session", "tpgid"),
        *("lwp", "spid", "tid", "nlwp", "thcount", "user", "euser", "ruser", "suser"),
        *("uname", "uid", "euid", "ruid", "suid", "group", "egroup", "rgroup", "gid", "egid"),
        *("rgid", "sgid", "pcpu", "%cpu", "c", "cp", "pmem", "%mem", "rss", "rssize"),
        *("rsz", "vsz", "vsize", "sz", "size", "stat", "state", "s", "f", "flags", "tty"),
        *("tt", "tname", "time", "cputime", "etime", "etimes", "stime", "ni"),
        *("nice", "pri", "priority", "psr", "cls", "class", "policy", "rtprio", "wchan"),
    }
)

#: Columns of one word or several, or of the process's own choice: where nothing follows.
_LAST = frozenset(
    {"comm", "ucmd", "ucomm", "fname", "cmd", "args", "command", "lstart", "start", "bsdstart"}
)


def is_harmless(arguments: str) -> bool:
    """
    Whether the engine lists no more than a container's own processes with these arguments.

    @param arguments: the query parameter C{ps_args}.
    """
    if arguments in _FORMS:
        return True
    found = _COLUMNS.fullmatch(arguments)
    if found is None:
        return False
    *columns, last = found[1].split(",")
    return (
        [*columns, last].count("pid") == 1 and _WORDS.issuperset(columns) and last in _WORDS | _LAST
    )


def without_processes(
    edit: EditError,
) -> EditError:
    """
    Edits the engine's errors: those about the table that C{ps} printed repeat words of it.

    @param edit: edits all others.
    """

    def edited(status: int, message: str) -> Judgement[str]:
        if status >= 500 and "pid" in message.lower():
            return "the Docker Engine can't read what ps told of the processes"
        return (yield from edit(status, message))

    return edited
