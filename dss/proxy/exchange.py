"""
One exchange: joins a request's head, its ruling, the lifecycle and the two sides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from dss.engine.call import EngineCall
from dss.engine.identity import Identity
from dss.errors import (
    BadRequest,
    BodyTooLarge,
    Denied,
    DssError,
    EngineAway,
    HeadTooSlow,
    TooMany,
)
from dss.lifecycle import Lifecycle
from dss.model.message import HeaderList, RequestHead, ResponseHead
from dss.model.ruling import Answer, EditJson, EditLines, Forward, Hijack, Ruling, Stream
from dss.policy import podman
from dss.policy.request import Circumstances, Request
from dss.proxy.client_side import ClientChannel
from dss.proxy.judging import ClientAnswers, drive
from dss.proxy.replies import Collected, Lines, PassOn, ReplyFlow
from dss.proxy.watching import WatchedBody
from dss.routes.content import check_type
from dss.routes.match import Match, match
from dss.routes.table import Body
from dss.routes.writing import render_path, render_query

if TYPE_CHECKING:
    from dss.proxy.guard import Guard

_log = Logger(namespace="dss.exchange")
_audit = Logger(namespace="dss.audit")


class Exchange:
    """
    Obeys the lifecycle: turns what happens on both sides into its inputs, and does what
    it says.

    Four roles meet here, each of them small: L{dss.proxy.client_side.ClientExchange},
    L{dss.engine.call.CallUser}, L{dss.proxy.replies.ReplySink} and
    L{dss.lifecycle.Sides}.
    """

    __slots__ = (
        "_answer",
        "_asking",
        "_body",
        "_body_deadline",
        "_call",
        "_channel",
        "_client_held",
        "_client_slow",
        "_complete",
        "_engine_held",
        "_engine_slow",
        "_flow",
        "_forward",
        "_guard",
        "_head",
        "_identity",
        "_machine",
        "_match",
        "_receive",
        "_reply_head",
        "_watched",
        "reply_received",
    )

    def __init__(self, guard: Guard, channel: ClientChannel, head: RequestHead) -> None:
        self._guard = guard
        self._channel = channel
        self._head = head
        self._identity: Identity | None = None
        self._match: Match | None = None
        self._forward: Forward | None = None
        self._answer: Answer | None = None
        self._call: EngineCall | None = None
        self._flow: ReplyFlow | None = None
        self._asking: Deferred[Any] | None = None
        self._reply_head: ResponseHead | None = None
        self._body = bytearray()
        self._body_deadline: IDelayedCall | None = None
        self._client_slow = False
        self._engine_held = False
        self._engine_slow = False
        self._complete = False
        self._client_held = False
        self._watched: WatchedBody | None = None
        self._receive = self._collect_body
        self.reply_received = self._drop_reply
        self._machine = Lifecycle(self)

    def start(self) -> None:
        """
        The head is read: find out what is to be done.
        """
        self._machine.head_read()
        identity = self._guard.identity.get()
        # To ask whether something is a Deferred takes longer: that is an abstract class.
        if isinstance(identity, Identity):
            self._identified(identity)
        else:
            self._asking = identity
            identity.addCallbacks(self._identified, self._failed)

    # judging

    def _identified(self, identity: Identity) -> None:
        self._asking = None
        self._identity = identity
        try:
            found = self._match = match(self._head, identity.newest)
        except Exception:
            self._failed(Failure())
            return
        if found.route.body is Body.STREAM or self._head.length == 0:
            self._judge(b"")
        elif (self._head.length or 0) > self._guard.limits.json_bytes:
            self._machine.failed(self._too_large())
        else:
            # A body that is judged, or one that the route doesn't take: that is read,
            # within the same limits, and dropped.
            self._body_deadline = self._guard.clock.callLater(
                self._guard.limits.json_seconds,
                self._machine.failed,
                HeadTooSlow("the request's body did not arrive in time"),
            )
            self._channel.accept_body()

    def _collect_body(self, data: bytes) -> None:
        # One array, since a client may send its body in pieces of a byte.
        self._body += data
        guard = self._guard
        guard.pending_json += len(data)
        if len(self._body) > guard.limits.json_bytes:
            self._stop_collecting()
            self._machine.failed(self._too_large())
        elif guard.pending_json > guard.limits.pending_json_bytes:
            self._stop_collecting()
            self._machine.failed(
                TooMany(
                    f"over {guard.limits.pending_json_bytes} bytes of bodies are on their way to "
                    "this socket at once; try again"
                )
            )

    def _too_large(self) -> BodyTooLarge:
        return BodyTooLarge(f"the request's body is over {self._guard.limits.json_bytes} bytes")

    def _stop_collecting(self) -> bytes:
        deadline, self._body_deadline = self._body_deadline, None
        if deadline is not None and deadline.active():
            deadline.cancel()
        body = bytes(self._body)
        self._guard.pending_json -= len(body)
        self._body = bytearray()
        self._receive = self._drop_body
        return body

    def _drop_body(self, data: bytes) -> None:
        """
        Nobody wants what still comes.
        """

    def _judge(self, body: bytes) -> None:
        found, identity, guard = self._match, self._identity, self._guard
        assert found is not None
        assert identity is not None
        request = Request(
            found.route.operation,
            self._head,
            found.version,
            found.params,
            found.query,
            body if found.route.body is Body.JSON else b"",
        )
        try:
            if found.route.body is Body.JSON:
                check_type(found.route, self._head, identity.newest)
            around = Circumstances(guard.settings.owner, guard.settings, identity.newest)
            answers = ClientAnswers(guard.answers, self._channel.peer)
            policy = found.route.policy
            if identity.is_podman:
                policy = podman.guarded(policy)
            ruling = drive(policy(request, around), answers)
            if isinstance(ruling, (Forward, Answer)):
                self._ruled(ruling)
                return
        except Exception:
            self._failed(Failure())
            return
        self._asking = ruling
        ruling.addCallback(self._ruled)
        ruling.addErrback(self._failed)

    def _ruled(self, ruling: Ruling) -> None:
        self._asking = None
        if isinstance(ruling, Answer):
            self._answer = ruling
            self._machine.answered()
            return
        self._forward = ruling
        if (
            self._match is not None
            and self._match.route.hijack
            and isinstance(ruling.reply, Hijack)
        ):
            self._machine.hijack_forwarded()
        else:
            self._machine.forwarded()

    def _failed(self, failure: Failure) -> None:
        """
        dss can't go on. Whatever it is, nothing passes.
        """
        self._asking = None
        error = failure.value
        if not isinstance(error, DssError):
            # What was asked for a client that left was cancelled: that is no failure.
            if not failure.check(CancelledError):
                _log.failure(
                    "{method} {path} failed",
                    failure=failure,
                    method=self._head.method,
                    path=self._head.target.path,
                )
            error = DssError("dss failed on this request, and denies it; its log says more")
        elif isinstance(error, EngineAway):
            self._guard.identity.forget()
        self._machine.failed(error)

    # the client's side

    def body_received(self, data: bytes) -> None:
        self._receive(data)

    def body_ended(self) -> None:
        call = self._call
        if self._watched is not None:
            self._watched.ended()
        elif call is not None:
            if self._receive == call.write:
                self._receive = self._drop_body
                call.end_request()
        elif self._body_deadline is not None:
            self._judge(self._stop_collecting())

    def relay_received(self, data: bytes) -> None:
        self._receive(data)

    def client_half_closed(self) -> None:
        self._machine.client_half_closed()

    def client_left(self) -> None:
        self._machine.client_left()

    def pause_reply(self) -> None:
        self._client_slow = True
        if self._call is not None:
            self._call.pause_reply()

    def resume_reply(self) -> None:
        self._client_slow = False
        if self._call is not None and not self._engine_held:
            self._call.resume_reply()

    # the engine's side

    def request_accepted(self) -> None:
        assert self._call is not None
        watch = None if self._forward is None else self._forward.watch
        if watch is None:
            self._receive = self._call.write
        else:
            self._watched = WatchedBody(watch, self._guard.answers, self)
            self._receive = self._watched.received
        self._channel.accept_body()

    def reply_began(self, head: ResponseHead) -> None:
        forward = self._forward
        assert forward is not None
        treatment = forward.reply
        answers = self._guard.answers
        limits = self._guard.limits
        good = head.status < 300
        edit_head = None if isinstance(treatment, (EditLines, Hijack)) else treatment.edit_head
        if edit_head is not None:
            head = edit_head(head)
        identity = self._identity
        if identity is not None and identity.is_newer:
            # No client is told of a version that dss doesn't know.
            newest = str(identity.newest)
            head = evolve(head, headers=head.replaced([("Api-Version", newest)]))
        self._reply_head = head
        if self._head.method == "HEAD" or head.status in (204, 304):
            flow: ReplyFlow = PassOn(self, head)
        elif isinstance(treatment, EditLines) and good:
            flow = Lines(self, head, treatment, answers, limits.json_bytes)
        elif (isinstance(treatment, EditJson) and good) or (
            isinstance(treatment, (EditJson, Stream))
            and treatment.edit_error is not None
            and head.status >= 400
        ):
            flow = Collected(self, head, treatment, answers, limits.reply_bytes)
        else:
            flow = PassOn(self, head)
        self._flow = flow
        self.reply_received = flow.received

    def _drop_reply(self, data: bytes) -> None:
        """
        Nobody wants what still comes.
        """

    def reply_ended(self) -> None:
        self._complete = True
        if self._flow is not None:
            self._flow.ended()

    def switched(self, head: ResponseHead) -> None:
        self._reply_head = head
        self._machine.upgraded()

    def engine_half_closed(self) -> None:
        self._machine.engine_half_closed()

    def engine_left(self) -> None:
        if self._reply_head is None:
            # The engine may have been replaced. (A raw stream that ends says nothing.)
            self._guard.identity.forget()
        self._machine.engine_left()

    def call_failed(self, error: DssError) -> None:
        self._guard.identity.forget()
        self._machine.failed(error)

    def pause_request(self) -> None:
        self._engine_slow = True
        self._channel.pause_body()

    def resume_request(self) -> None:
        self._engine_slow = False
        if not self._client_held:
            self._channel.resume_body()

    # a watched body on its way

    def write_body(self, data: bytes) -> None:
        if self._call is not None:
            self._call.write(data)

    def end_body(self) -> None:
        self._stop_watching()
        if self._call is not None:
            self._call.end_request()

    def hold_client(self) -> None:
        self._client_held = True
        self._channel.pause_body()

    def free_client(self) -> None:
        self._client_held = False
        if not self._engine_slow:
            self._channel.resume_body()

    def fail_body(self, failure: Failure) -> None:
        self._stop_watching()
        self._failed(failure)

    def _stop_watching(self) -> None:
        watched, self._watched = self._watched, None
        if watched is not None:
            self._receive = self._drop_body
            watched.stop()

    # the reply on its way

    def start_reply(self, head: ResponseHead) -> None:
        self._reply_head = head
        self._machine.reply_began()

    def write_reply(self, data: bytes) -> None:
        self._channel.write_reply(data)

    def finish_reply(self) -> None:
        self._machine.reply_ended()

    def fail_reply(self, failure: Failure) -> None:
        self._failed(failure)

    def hold_engine(self) -> None:
        self._engine_held = True
        if self._call is not None:
            self._call.pause_reply()

    def free_engine(self) -> None:
        self._engine_held = False
        if self._call is not None and not self._client_slow:
            self._call.resume_reply()

    # what the lifecycle asks for

    def send_request(self) -> None:
        found, forward = self._match, self._forward
        assert found is not None
        assert forward is not None
        target = render_path(found.route, forward.params, forward.version or found.version)
        query = render_query(forward.query)
        if query:
            target = f"{target}?{query}"
        headers = [("Host", "docker")]
        for name in found.route.headers:
            value = self._head.header(name)
            if value is None:
                continue
            if not (value.isascii() and value.isprintable()):
                self._machine.failed(BadRequest(f"the header {name} is not printable ASCII"))
                return
            headers.append((name, value))
        headers += forward.headers
        hijack = forward.reply if isinstance(forward.reply, Hijack) else None
        if hijack is not None:
            headers += (("Connection", "Upgrade"), ("Upgrade", hijack.protocol))
        if forward.body is not None:
            headers.append(("Content-Type", "application/json"))
        if forward.watch is not None and self._head.length == 0:
            self._machine.failed(BadRequest("the request has no archive"))
            return
        streams = (
            found.route.body is Body.STREAM and forward.body is None and (self._head.length != 0)
        )
        try:
            self._call = EngineCall(
                self._guard.pool,
                self,
                found.route.method,
                target,
                tuple(headers),
                forward.body,
                streams,
                # Where a body may break off, only its last chunk makes it whole.
                None if forward.watch is not None else self._head.length,
                # A websocket has one form only.
                may_switch=found.route.hijack and hijack is not None and hijack.protocol == "tcp",
            )
        except ValueError:
            self._failed(Failure())
            return
        self._call.start()

    def answer(self) -> None:
        answer = self._answer
        assert answer is not None
        self._channel.answer(answer.status, answer.body, answer.content_type, self._telling())

    def answer_error(self, error: DssError) -> None:
        if isinstance(error, Denied):
            _audit.info(
                "denied {owner} {method} {path}: {rules}",
                owner=self._guard.settings.owner.name,
                method=self._head.method,
                path=self._head.target.path,
                rules=", ".join(dict.fromkeys(problem.rule for problem in error.problems)),
            )
        elif error.status >= 500:
            _log.warn(
                "{method} {path}: {error}",
                method=self._head.method,
                path=self._head.target.path,
                error=error.message,
            )
        self._channel.answer_error(error, self._telling())

    def _telling(self) -> HeaderList:
        """
        Who the engine is, as it says itself in each of its answers.
        """
        return () if self._identity is None else self._identity.headers

    def begin_reply(self) -> None:
        assert self._reply_head is not None
        self._channel.start_reply(self._reply_head)

    def end_reply(self) -> None:
        self._channel.end_reply()

    def abort_reply(self) -> None:
        self._channel.abort()

    def begin_relay(self) -> None:
        head, call, forward = self._reply_head, self._call, self._forward
        assert head is not None
        assert call is not None
        assert forward is not None
        assert isinstance(forward.reply, Hijack)
        if self._head.lists("connection", "upgrade") and "upgrade" in self._head.headers:
            upgrade = (("Connection", "Upgrade"), ("Upgrade", forward.reply.protocol))
            reason = head.reason if head.status == 101 else "UPGRADED"
            head = ResponseHead(101, reason, (*head.headers, *upgrade))
        else:
            # What the engine itself answers a client that did not ask for an upgrade
            # (moby 28.5, api/server/router/container).
            head = ResponseHead(200, "OK", (("Content-Type", _RAW_STREAM),))
        self.reply_received = self._channel.write
        self._receive = call.write
        early = self._channel.hand_over(head)
        if early:
            call.write(early)
        if self._channel.read_ended:
            self._machine.client_half_closed()

    def half_close_engine(self) -> None:
        if self._call is not None:
            self._call.half_close()

    def half_close_client(self) -> None:
        self._channel.half_close()

    def close_client(self) -> None:
        self._channel.close()

    def close_engine(self) -> None:
        if self._call is not None:
            self._call.close()

    def drop_engine(self) -> None:
        asking, self._asking = self._asking, None
        if asking is not None:
            asking.addErrback(lambda failure: None)
            asking.cancel()
        if self._flow is not None:
            self._flow.stop()
        if self._call is not None:
            self._call.drop()

    def finish(self) -> None:
        self._stop_collecting()
        self._stop_watching()
        self.reply_received = self._drop_reply
        self._flow = None
        self._call = None
        after = None if self._forward is None else self._forward.after
        if after is not None:
            self._guard.run(after(self._complete))


_RAW_STREAM = "application/vnd.docker.raw-stream"
