"""
The life of one exchange, from a request's head to the end of both streams.

All that an exchange may do next depends on which of the states below it is in, and
on nothing else. The machine knows neither sockets nor HTTP: what happened comes in
as an input, and what is to be done goes out to the L{Sides}. Bytes do not pass
through it; the sides move them between the inputs.

Two rules hold in every state. A reply that breaks off on one side is broken off on
the other, never ended as if it were complete. And no byte of a client goes to the
engine outside of a request that was judged, or of a stream that the engine itself
upgraded on a route that may.
"""

from __future__ import annotations

from typing import Any, Protocol

from automat import TypeMachineBuilder

from dss.errors import DssError, EngineAway, EngineOdd


class Sides(Protocol):
    """
    What an exchange can do to the client and to the engine.
    """

    def send_request(self) -> None:
        """
        Send the judged request to the engine.
        """

    def answer(self) -> None:
        """
        Give the client the whole answer that dss made itself.
        """

    def answer_error(self, error: DssError) -> None:
        """
        Give the client an error as its whole answer.
        """

    def begin_reply(self) -> None:
        """
        Pass the engine's reply head on.
        """

    def end_reply(self) -> None:
        """
        End the client's reply as complete.
        """

    def abort_reply(self) -> None:
        """
        Break the client's connection off, so that no reply looks complete.
        """

    def begin_relay(self) -> None:
        """
        Hand both connections to the relay, early bytes first.
        """

    def half_close_engine(self) -> None:
        """
        End the stream towards the engine, once it has all that the client sent.
        """

    def half_close_client(self) -> None:
        """
        End the stream towards the client, once it has all that the engine sent.
        """

    def close_client(self) -> None:
        """
        Close the client's connection, once it has all that the engine sent.
        """

    def close_engine(self) -> None:
        """
        Close the engine's connection, once it has all that the client sent.
        """

    def drop_engine(self) -> None:
        """
        Break the engine's connection off, and whatever is being asked: nobody waits
        for it any longer.
        """

    def finish(self) -> None:
        """
        The exchange is over: account for it, once.
        """


class Inputs(Protocol):
    """
    What can happen to an exchange.
    """

    def head_read(self) -> None:
        """
        The channel read a whole request head.
        """

    def forwarded(self) -> None:
        """
        The ruling is to forward an ordinary request.
        """

    def hijack_forwarded(self) -> None:
        """
        The ruling is to forward a request that asks for an upgrade.
        """

    def answered(self) -> None:
        """
        The ruling is an answer of dss's own.
        """

    def failed(self, error: DssError) -> None:
        """
        dss denies, or can't go on, for this reason.
        """

    def reply_began(self) -> None:
        """
        The engine's reply head came.
        """

    def reply_ended(self) -> None:
        """
        The engine's reply is complete, and so is what the client was given of it.
        """

    def upgraded(self) -> None:
        """
        The engine gave up HTTP on the connection.
        """

    def client_half_closed(self) -> None:
        """
        The client ended its side of the connection, and still reads.
        """

    def client_left(self) -> None:
        """
        The client's connection is gone.
        """

    def engine_half_closed(self) -> None:
        """
        The engine ended its side of the raw stream, and still reads.
        """

    def engine_left(self) -> None:
        """
        The engine's connection is gone.
        """


# The core may be a Protocol; mypy has no way to say so (python/mypy#4717).
_builder = TypeMachineBuilder(Inputs, Sides)  # type: ignore[type-abstract]

reading = _builder.state("reading")
asking = _builder.state("asking")
forwarding = _builder.state("forwarding")
upgrading = _builder.state("upgrading")
answering = _builder.state("answering")
relaying = _builder.state("relaying")
client_half_closed = _builder.state("half-closed by client")
engine_half_closed = _builder.state("half-closed by engine")
closed = _builder.state("closed")
aborted = _builder.state("aborted")


@reading.upon(Inputs.head_read).to(asking)
def _ask(inputs: Inputs, sides: Sides) -> None:
    """
    The judgement begins by itself, as soon as the body it needs is there.
    """


@asking.upon(Inputs.forwarded).to(forwarding)
def _forward(inputs: Inputs, sides: Sides) -> None:
    sides.send_request()


@asking.upon(Inputs.hijack_forwarded).to(upgrading)
def _forward_hijack(inputs: Inputs, sides: Sides) -> None:
    sides.send_request()


@asking.upon(Inputs.answered).to(closed)
def _answer(inputs: Inputs, sides: Sides) -> None:
    sides.answer()
    sides.finish()


@asking.upon(Inputs.failed).to(closed)
def _deny(inputs: Inputs, sides: Sides, error: DssError) -> None:
    sides.answer_error(error)
    sides.finish()


@forwarding.upon(Inputs.failed).to(closed)
@upgrading.upon(Inputs.failed).to(closed)
def _fail(inputs: Inputs, sides: Sides, error: DssError) -> None:
    sides.drop_engine()
    sides.answer_error(error)
    sides.finish()


@forwarding.upon(Inputs.engine_left).to(closed)
@upgrading.upon(Inputs.engine_left).to(closed)
def _engine_away(inputs: Inputs, sides: Sides) -> None:
    sides.drop_engine()
    sides.answer_error(EngineAway("the Docker Engine went away before it answered"))
    sides.finish()


@forwarding.upon(Inputs.reply_began).to(answering)
@upgrading.upon(Inputs.reply_began).to(answering)
def _begin_reply(inputs: Inputs, sides: Sides) -> None:
    sides.begin_reply()


@forwarding.upon(Inputs.upgraded).to(closed)
def _unasked_upgrade(inputs: Inputs, sides: Sides) -> None:
    """
    Only a hijack route may upgrade: anything else would be a blind tunnel to the
    engine.
    """
    sides.drop_engine()
    sides.answer_error(EngineOdd("the Docker Engine upgraded a request that did not ask for it"))
    sides.finish()


@upgrading.upon(Inputs.upgraded).to(relaying)
def _begin_relay(inputs: Inputs, sides: Sides) -> None:
    sides.begin_relay()


@answering.upon(Inputs.reply_ended).to(closed)
def _end_reply(inputs: Inputs, sides: Sides) -> None:
    sides.end_reply()
    sides.finish()


@answering.upon(Inputs.engine_left).to(aborted)
def _break_reply(inputs: Inputs, sides: Sides) -> None:
    sides.drop_engine()
    sides.abort_reply()
    sides.finish()


@answering.upon(Inputs.failed).to(aborted)
def _break_failed_reply(inputs: Inputs, sides: Sides, error: DssError) -> None:
    sides.drop_engine()
    sides.abort_reply()
    sides.finish()


@asking.upon(Inputs.client_half_closed).loop()
@upgrading.upon(Inputs.client_half_closed).loop()
def _note_half_close(inputs: Inputs, sides: Sides) -> None:
    """
    Nothing is there yet to half-close: the relay, once it begins, passes it on.
    """


@forwarding.upon(Inputs.client_half_closed).loop()
@answering.upon(Inputs.client_half_closed).loop()
def _await_reply(inputs: Inputs, sides: Sides) -> None:
    """
    A client that has sent its whole request and still reads gets its whole reply.
    """


@relaying.upon(Inputs.client_half_closed).to(client_half_closed)
def _pass_on_to_engine(inputs: Inputs, sides: Sides) -> None:
    sides.half_close_engine()


@relaying.upon(Inputs.engine_half_closed).to(engine_half_closed)
def _pass_on_to_client(inputs: Inputs, sides: Sides) -> None:
    sides.half_close_client()


@client_half_closed.upon(Inputs.engine_half_closed).to(closed)
def _both_ended(inputs: Inputs, sides: Sides) -> None:
    sides.close_client()
    sides.drop_engine()
    sides.finish()


@engine_half_closed.upon(Inputs.client_half_closed).to(closed)
def _both_ended_too(inputs: Inputs, sides: Sides) -> None:
    sides.close_engine()
    sides.close_client()
    sides.finish()


@relaying.upon(Inputs.engine_left).to(closed)
@client_half_closed.upon(Inputs.engine_left).to(closed)
@engine_half_closed.upon(Inputs.engine_left).to(closed)
def _engine_ended(inputs: Inputs, sides: Sides) -> None:
    """
    A raw stream has no other end than the connection's.
    """
    sides.close_client()
    sides.drop_engine()
    sides.finish()


@asking.upon(Inputs.client_left).to(aborted)
@forwarding.upon(Inputs.client_left).to(aborted)
@upgrading.upon(Inputs.client_left).to(aborted)
@answering.upon(Inputs.client_left).to(aborted)
def _cancel(inputs: Inputs, sides: Sides) -> None:
    """
    A client that leaves takes its engine connection with it, which is how the
    engine learns that nobody waits for the reply.
    """
    sides.drop_engine()
    sides.finish()


@relaying.upon(Inputs.client_left).to(closed)
@client_half_closed.upon(Inputs.client_left).to(closed)
@engine_half_closed.upon(Inputs.client_left).to(closed)
def _leave_relay(inputs: Inputs, sides: Sides) -> None:
    """
    What the client sent before it left still goes to the engine, as it would have
    without dss: C{echo x | docker exec -i …} may be gone before C{x} is read.
    """
    sides.close_engine()
    sides.finish()


def _too_late(inputs: Inputs, sides: Sides) -> None:
    """
    What still comes after the end changes nothing.
    """


def _too_late_error(inputs: Inputs, sides: Sides, error: DssError) -> None:
    """
    What still fails after the end changes nothing.
    """


for _end in (closed, aborted):
    for _input in (
        Inputs.forwarded,
        Inputs.hijack_forwarded,
        Inputs.answered,
        Inputs.reply_began,
        Inputs.reply_ended,
        Inputs.upgraded,
        Inputs.client_half_closed,
        Inputs.client_left,
        Inputs.engine_half_closed,
        Inputs.engine_left,
    ):
        _end.upon(_input).loop()(_too_late)
    _end.upon(Inputs.failed).loop()(_too_late_error)


def _index(machine: Any) -> None:
    """
    Find transitions by a dictionary. Automat 25.4 walks over all of them for each input,
    which was a fifth of what a short exchange costs (C{doc/performance.rst}).
    """
    automaton = machine.__automat_automaton__
    # States are there once and stay, so their identity stands for them: hashing one
    # hashes its name and its builder.
    found = {
        (id(old), symbol): (new, outputs)
        for old, symbol, new, outputs in automaton.allTransitions()
    }
    walk = automaton.outputForInput

    def output_for_input(state: Any, symbol: str) -> Any:
        # What is not there is Automat's to complain of.
        return found.get((id(state), symbol)) or walk(state, symbol)

    automaton.outputForInput = output_for_input


#: Makes the machine of one exchange, given its sides.
Lifecycle = _builder.build()
_index(Lifecycle)
