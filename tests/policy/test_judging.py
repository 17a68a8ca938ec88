"""
The driver of policies does what the proxy does.
"""

from __future__ import annotations

import pytest

from dss.errors import EngineAway, NotFound
from dss.model.facts import ContainerFacts, ContainerNamed
from dss.model.ruling import EditLines, Judgement, Stream, ask, settled
from dss.testing.judging import circumstances, drive, edited, request


def found(reference: str) -> Judgement[str]:
    """
    Ask for a container, and say how that went.
    """
    try:
        facts = yield from ask(ContainerNamed(reference))
    except EngineAway:
        return "away"
    return "none" if facts is None else facts.id


def test_answers_are_given() -> None:
    """
    To each question, by its class.
    """
    answers = {ContainerNamed: lambda asked: ContainerFacts(asked.reference * 2, None)}
    assert drive(found("ab"), answers) == "abab"
    assert drive(settled(3)) == 3


def test_errors_are_raised_inside() -> None:
    """
    An answer that fails is an error of the question.
    """

    def away(asked: ContainerNamed) -> None:
        raise EngineAway("away")

    def gone(asked: ContainerNamed) -> None:
        raise NotFound("gone")

    assert drive(found("x"), {ContainerNamed: away}) == "away"
    with pytest.raises(NotFound, match="gone"):
        drive(found("x"), {ContainerNamed: gone})


def test_a_question_that_nobody_answers() -> None:
    """
    A test that forgot an answer fails, and says which.
    """
    with pytest.raises(AssertionError, match="ContainerNamed"):
        drive(found("x"))


def test_edited() -> None:
    """
    Only replies of JSON can be edited.
    """
    assert edited(EditLines(lambda value: settled([value])), 1) == [1]
    with pytest.raises(AssertionError, match="edits no JSON"):
        edited(Stream(), 1)


def test_values() -> None:
    """
    Requests and circumstances are made of what matters to a test.
    """
    asked = request("Op", {"id": "x"}, {"t": "1"}, b"{}")
    assert (asked.operation, asked.params, asked.query, asked.body) == (
        "Op",
        {"id": "x"},
        {"t": "1"},
        b"{}",
    )
    around = circumstances("me", ("/srv/a:ro",))
    assert around.owner.name == "me"
    assert [str(root) for root in around.settings.roots] == ["/srv/a:ro"]
