"""
The life of an exchange: every state with every input, some lives as stories, and the
diagram in the documents.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from automat import NoTransition

from dss import lifecycle
from dss.errors import DssError, EngineAway, EngineOdd, NotFound
from dss.lifecycle import Inputs, Lifecycle, Sides

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "doc" / "lifecycle.rst"

INPUTS = [name for name in vars(Inputs) if not name.startswith("_")]
ACTIONS = [name for name in vars(Sides) if not name.startswith("_")]


class Recorder:
    """
    Sides that do nothing, and remember what they were to do.
    """

    def __init__(self) -> None:
        self.done: list[str] = []
        self.error: DssError | None = None

    def __getattr__(self, name: str) -> object:
        if name not in ACTIONS:
            raise AttributeError(name)

        def act(*arguments: DssError) -> None:
            self.done.append(name)
            if arguments:
                (self.error,) = arguments

        return act


class Life:
    """
    One exchange.
    """

    def __init__(self) -> None:
        self.sides = Recorder()
        self._machine = Lifecycle(cast(Sides, self.sides))

    def live(self, name: str) -> list[str]:
        """
        Let something happen.

        @return: what is to be done for it.
        """
        self.sides.done.clear()
        arguments = [NotFound("no such thing")] if name == "failed" else []
        getattr(self._machine, name)(*arguments)
        return list(self.sides.done)


#: How each state is reached.
WAYS = {
    "reading": "",
    "asking": "head_read",
    "forwarding": "head_read forwarded",
    "upgrading": "head_read hijack_forwarded",
    "answering": "head_read forwarded reply_began",
    "relaying": "head_read hijack_forwarded upgraded",
    "half-closed by client": "head_read hijack_forwarded upgraded client_half_closed",
    "half-closed by engine": "head_read hijack_forwarded upgraded engine_half_closed",
    "closed": "head_read answered",
    "aborted": "head_read client_left",
}

#: What each state does at each input: the next state, and the actions. What is not
#: here can't happen, and raises.
TABLE = {
    "reading": {"head_read": ("asking", "")},
    "asking": {
        "forwarded": ("forwarding", "send_request"),
        "hijack_forwarded": ("upgrading", "send_request"),
        "answered": ("closed", "answer finish"),
        "failed": ("closed", "answer_error finish"),
        "client_half_closed": ("asking", ""),
        "client_left": ("aborted", "drop_engine finish"),
    },
    "forwarding": {
        "reply_began": ("answering", "begin_reply"),
        "failed": ("closed", "drop_engine answer_error finish"),
        "engine_left": ("closed", "drop_engine answer_error finish"),
        "upgraded": ("closed", "drop_engine answer_error finish"),
        "client_half_closed": ("forwarding", ""),
        "client_left": ("aborted", "drop_engine finish"),
    },
    "upgrading": {
        "upgraded": ("relaying", "begin_relay"),
        "reply_began": ("answering", "begin_reply"),
        "failed": ("closed", "drop_engine answer_error finish"),
        "engine_left": ("closed", "drop_engine answer_error finish"),
        "client_half_closed": ("upgrading", ""),
        "client_left": ("aborted", "drop_engine finish"),
    },
    "answering": {
        "reply_ended": ("closed", "end_reply finish"),
        "failed": ("aborted", "drop_engine abort_reply finish"),
        "engine_left": ("aborted", "drop_engine abort_reply finish"),
        "client_half_closed": ("answering", ""),
        "client_left": ("aborted", "drop_engine finish"),
    },
    "relaying": {
        "client_half_closed": ("half-closed by client", "half_close_engine"),
        "engine_half_closed": ("half-closed by engine", "half_close_client"),
        "engine_left": ("closed", "close_client drop_engine finish"),
        "client_left": ("closed", "close_engine finish"),
    },
    "half-closed by client": {
        "engine_half_closed": ("closed", "close_client drop_engine finish"),
        "engine_left": ("closed", "close_client drop_engine finish"),
        "client_left": ("closed", "close_engine finish"),
    },
    "half-closed by engine": {
        "client_half_closed": ("closed", "close_engine close_client finish"),
        "engine_left": ("closed", "close_client drop_engine finish"),
        "client_left": ("closed", "close_engine finish"),
    },
    "closed": {name: ("closed", "") for name in INPUTS if name != "head_read"},
    "aborted": {name: ("aborted", "") for name in INPUTS if name != "head_read"},
}

CASES = [(state, name) for state in WAYS for name in INPUTS]


def reached(state: str) -> Life:
    """
    An exchange in this state.
    """
    life = Life()
    for name in WAYS[state].split():
        life.live(name)
    return life


def behaviour(life: Life) -> dict[str, str]:
    """
    What tells a state from others: what a copy of its next inputs would do is not to be
    had, so only the ways that lead on are tried, one after another.
    """
    found = {}
    for name in ("reply_ended", "engine_half_closed", "client_half_closed", "client_left"):
        try:
            found[name] = " ".join(life.live(name))
        except NoTransition:
            found[name] = "never"
    return found


@pytest.mark.parametrize(("state", "name"), CASES, ids=[f"{a}-{b}" for a, b in CASES])
def test_every_state_and_input(state: str, name: str) -> None:
    """
    A state does at an input what the table says, and is what it says afterwards; what
    the table does not have is an error of the program, and does nothing.
    """
    life = reached(state)
    expected = TABLE[state].get(name)
    if expected is None:
        with pytest.raises(NoTransition):
            life.live(name)
        return
    after, actions = expected
    assert life.live(name) == actions.split()
    assert behaviour(life) == behaviour(reached(after))


def transitions() -> Iterator[tuple[str, str, str, str]]:
    """
    What the machine itself has: state, input, next state, and the actions that it then
    asks for.
    """
    automaton = lifecycle._builder._automaton  # as automat's own drawings read it
    for old, method, new, _ in automaton.allTransitions():
        life = reached(str(old.name))
        actions = life.live(method)
        yield str(old.name), str(method), str(new.name), " ".join(actions)


def test_the_machine_has_no_other_transitions() -> None:
    """
    The table above is the whole machine.
    """
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for old, method, new, actions in transitions():
        found.setdefault(old, {})[method] = (new, actions)
    assert found == TABLE


@pytest.mark.parametrize("state", [each for each in WAYS if each not in ("closed", "aborted")])
def test_every_life_ends_once(state: str) -> None:
    """
    From every state a client that leaves ends the exchange, which is accounted for
    once, whatever comes later.
    """
    life = reached(state)
    if state == "reading":
        life.live("head_read")
    finished = life.live("client_left").count("finish")
    for name in INPUTS:
        if name != "head_read":
            finished += life.live(name).count("finish")
    assert finished == 1


@pytest.mark.parametrize(
    ("way", "error"),
    [
        ("head_read failed", NotFound),
        ("head_read forwarded failed", NotFound),
        ("head_read forwarded engine_left", EngineAway),
        ("head_read hijack_forwarded engine_left", EngineAway),
        ("head_read forwarded upgraded", EngineOdd),
    ],
)
def test_what_the_client_is_told(way: str, error: type[DssError]) -> None:
    """
    Each failure has its own answer.
    """
    life = Life()
    for name in way.split():
        life.live(name)
    assert type(life.sides.error) is error


STORIES = {
    "a plain request": """
        head_read
        forwarded            -> send_request
        reply_began          -> begin_reply
        reply_ended          -> end_reply finish
    """,
    "a denied request": """
        head_read
        failed               -> answer_error finish
    """,
    "echo x | docker run -i": """
        head_read
        hijack_forwarded     -> send_request
        upgraded             -> begin_relay
        client_half_closed   -> half_close_engine
        engine_half_closed   -> close_client drop_engine finish
        engine_left
    """,
    "docker attach to a container that is gone": """
        head_read
        hijack_forwarded     -> send_request
        reply_began          -> begin_reply
        reply_ended          -> end_reply finish
    """,
    "a program that ends its output and still reads": """
        head_read
        hijack_forwarded     -> send_request
        upgraded             -> begin_relay
        engine_half_closed   -> half_close_client
        client_half_closed   -> close_engine close_client finish
        client_left
    """,
    "an engine that dies in the middle of logs": """
        head_read
        forwarded            -> send_request
        reply_began          -> begin_reply
        engine_left          -> drop_engine abort_reply finish
        client_left
    """,
    "a client that leaves an event stream": """
        head_read
        forwarded            -> send_request
        reply_began          -> begin_reply
        client_left          -> drop_engine finish
        engine_left
    """,
    "a client that half-closes after a plain request": """
        head_read
        client_half_closed
        forwarded            -> send_request
        reply_began          -> begin_reply
        reply_ended          -> end_reply finish
    """,
    "an engine that upgrades what may not be": """
        head_read
        forwarded            -> send_request
        upgraded             -> drop_engine answer_error finish
    """,
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_story(story: str) -> None:
    """
    One exchange from its head to its end.
    """
    life = Life()
    for line in story.strip().splitlines():
        name, *actions = line.replace("->", "").split()
        assert life.live(name) == actions, line


class Answering(Recorder):
    """
    Sides on which everything happens at once: the reply begins and ends while the
    request is being sent.
    """

    machine: Inputs

    def send_request(self) -> None:
        self.done.append("send_request")
        self.machine.reply_began()
        self.machine.reply_ended()
        self.machine.client_left()


def test_what_happens_during_an_action_happens_after_it() -> None:
    """
    Inputs from within an action wait until it is done, and keep their order.
    """
    sides = Answering()
    machine = sides.machine = Lifecycle(cast(Sides, sides))
    machine.head_read()
    machine.forwarded()
    assert sides.done == ["send_request", "begin_reply", "end_reply", "finish"]


def rendered() -> list[str]:
    """
    The machine's transitions as the rows of a table, those that change nothing after
    the end left out.
    """
    order = {name: place for place, name in enumerate(WAYS)}
    rows = [
        (order[old], INPUTS.index(method), old, method, new, actions)
        for old, method, new, actions in transitions()
        if old not in ("closed", "aborted")
    ]
    lines = []
    for _, _, old, method, new, actions in sorted(rows):
        lines += [f"   * - {old}", f"     - {method}", f"     - {new}"]
        lines += [f"     - {actions.replace(' ', ', ')}".rstrip()]
    return lines


def test_the_document_is_not_stale() -> None:
    """
    The table of transitions in the documents is the machine's.
    """
    text = DOCUMENT.read_text("utf-8")
    rows = re.findall(r"^(?:   \* -|     -).*$", text, re.MULTILINE)
    assert [row.rstrip() for row in rows[4:]] == rendered()


def test_every_state_is_explained() -> None:
    """
    The document has a word on each state.
    """
    explained = re.findall(r"^\*\*(.+?)\*\*", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    assert explained == list(WAYS)
