"""
Rows of a process that is started in a running container.
"""

from __future__ import annotations

from dss.policy import sizes
from dss.policy.fields import paths, rules
from dss.policy.fields.field import Field

_own = rules.allow("exec.process")
_words = rules.texts("exec.process", sizes.WORDS)
_drop = rules.drop("exec.process")

CREATE_ROWS = (
    Field("AttachStdin", "boolean", _own, "Is the process's own input."),
    Field("AttachStdout", "boolean", _own, "Is the process's own output."),
    Field("AttachStderr", "boolean", _own, "Is the process's own output."),
    Field("DetachKeys", "string", _own, "Is read from the client's own keys."),
    Field("Tty", "boolean", _own, "Is the process's own terminal."),
    Field(
        "Env",
        "array of string",
        _words,
        "Is read inside the container only.",
        given=("containers.force.environment",),
    ),
    Field("Cmd", "words", _words, "The engine keeps it, started or not."),
    Field(
        "Privileged",
        "boolean",
        rules.deny("exec.privileged", "a privileged process is root on the host."),
        "Is root on the host.",
    ),
    Field(
        "User",
        "string",
        _own,
        "Users of the container have no power outside it.",
        given=("containers.force.user",),
    ),
    Field("WorkingDir", "string", paths.working_dir, "The engine opens it unconfined.", "1.35"),
    Field("ConsoleSize", "pair of uint", _own, "Is the process's own terminal.", "1.42"),
    Field("Detach", "boolean", _own, "Is said again by the start.", documented=False),
    Field("Container", "string", _drop, "The path names the container.", documented=False),
)

START_ROWS = (
    Field("Detach", "boolean", _own, "Whether the reply is a stream."),
    Field("Tty", "boolean", _own, "Is the process's own terminal."),
    Field("ConsoleSize", "pair of uint", _own, "Is the process's own terminal.", "1.42"),
    # What dockerode is told of the connection it sends to the engine.
    Field("hijack", "boolean", _drop, "Is the client's own note.", documented=False),
    Field("stdin", "boolean", _drop, "Is the client's own note.", documented=False),
)
