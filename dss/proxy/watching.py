"""
An archive on its way to the engine: its last piece waits until what is inside is judged, a
build's Dockerfile or the images to load.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from dss.model.ruling import ContextWatch, ImagesWatch, Judgement
from dss.proxy.judging import Answers, drive
from dss.wire.context import ContextReader
from dss.wire.images import ImagesReader


class BodySides(Protocol):
    """
    What a watched body does to the client and to the engine.
    """

    def write_body(self, data: bytes) -> None:
        """
        Send the engine a piece.
        """

    def end_body(self) -> None:
        """
        End the engine's request.
        """

    def hold_client(self) -> None:
        """
        Read no more of the client for now.
        """

    def free_client(self) -> None:
        """
        Read of the client again.
        """

    def fail_body(self, failure: Failure) -> None:
        """
        Nothing more may pass.
        """


class WatchedBody:
    """
    Passes an archive on, but for what completes it. The engine begins with a build, or a
    load, once it has read the archive's end, and gives up where its connection ends before that
    (proved on engines 20.10, 26.1 and 28.5).
    """

    __slots__ = ("_answers", "_asking", "_ended", "_held", "_judged", "_reader", "_sides", "_watch")

    def __init__(
        self, watch: ContextWatch | ImagesWatch, answers: Answers, sides: BodySides
    ) -> None:
        self._watch = watch
        self._answers = answers
        self._sides = sides
        self._reader: ContextReader | ImagesReader = (
            ImagesReader() if isinstance(watch, ImagesWatch) else ContextReader(watch.dockerfile)
        )
        self._held: list[bytes] | None = None
        self._judged = False
        self._ended = False
        self._asking: Deferred[Any] | None = None

    def received(self, data: bytes) -> None:
        """
        A piece of the client's body.
        """
        if self._held is not None:
            self._held.append(data)
            return
        try:
            self._reader.feed(data)
        except Exception:
            self._sides.fail_body(Failure())
            return
        if self._reader.complete and not self._judged:
            self._judge([data])
        else:
            self._sides.write_body(data)

    def ended(self) -> None:
        """
        The client's body is complete.
        """
        self._ended = True
        if self._held is not None:
            return
        try:
            self._reader.end()
        except Exception:
            self._sides.fail_body(Failure())
            return
        if self._judged:
            self._sides.end_body()
        else:
            self._judge([])

    def stop(self) -> None:
        """
        Nobody waits for it any longer.
        """
        asking, self._asking = self._asking, None
        if asking is not None:
            asking.addErrback(lambda failure: None)
            asking.cancel()

    def _judge(self, held: list[bytes]) -> None:
        self._held = held
        self._sides.hold_client()
        try:
            judging = drive(self._judgement(), self._answers)
        except Exception:
            self._sides.fail_body(Failure())
            return
        if isinstance(judging, Deferred):
            self._asking = judging
            judging.addCallbacks(self._allowed, self._denied)
        else:
            self._allowed(None)

    def _judgement(self) -> Judgement[None]:
        reader, watch = self._reader, self._watch
        if isinstance(reader, ImagesReader):
            assert isinstance(watch, ImagesWatch)
            return watch.judge(reader.files())
        assert isinstance(watch, ContextWatch)
        return watch.judge(reader.dockerfile())

    def _denied(self, failure: Failure) -> None:
        if self._asking is not None:
            self._asking = None
            self._sides.fail_body(failure)

    def _allowed(self, result: None) -> None:
        self._asking = None
        self._judged = True
        held, self._held = self._held or [], None
        # The first piece was read already, before it was held.
        for piece in held[:1]:
            self._sides.write_body(piece)
        for piece in held[1:]:
            self.received(piece)
        if self._ended:
            self.ended()
        self._sides.free_client()
