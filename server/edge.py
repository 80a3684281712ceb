"""What a caller may send, how slowly, and how many may call at once: bounds around uvicorn's HTTP protocol.

uvicorn itself waits for ever for the end of a head or a body, and a proxy before us is no excuse. What is refused is
answered where an answer can still be read, and the connection is closed.
"""

import asyncio
import math
import resource
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

MOST_CONNECTIONS = 10_000

LINGER = 0.5
"""Seconds for which what a refused caller still sends is dropped: one cut off at once would not see the answer."""


def share_of_open_files() -> int:
    """How many connections leave half of the files that this process may open to deliveries and the database."""
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return MOST_CONNECTIONS if allowed == resource.RLIM_INFINITY else min(MOST_CONNECTIONS, allowed // 2)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes and seconds. A body's bytes are counted as they come, with whatever frames them."""

    head: int = 32 * 1024
    head_seconds: float = 20.0
    """From the connection, or the first byte after an answer, to the end of the head."""
    body: int = 16 * 1024 * 1024
    """More than any route reads: what is too big for the inbox, the inbox says, and for a picture, the upload."""
    body_pause: float = 15.0
    """Between two pieces of a body."""
    body_seconds: float = 60.0
    connections: int | None = None
    """None for `share_of_open_files`."""


class Phase(Enum):
    """What a connection is about to send, and REFUSED when nothing of it counts any more."""

    NOTHING = auto()
    HEAD = auto()
    BODY = auto()
    REFUSED = auto()


def bounded(limits: Limits) -> type[HttpToolsProtocol]:
    """The protocol class for `uvicorn.Config(http=…)` with these limits."""
    most = share_of_open_files() if limits.connections is None else limits.connections
    return type("BoundedProtocol", (_Bounded,), {"limits": limits, "most": most})


class _Bounded(HttpToolsProtocol):
    """One timer for each connection, moved only when it has to fire earlier: most requests cost two comparisons."""

    limits: Limits
    most: int

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._phase, self._received, self._head = Phase.NOTHING, 0, 0
        self._deadline = self._body_until = self._fires = math.inf
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        if len(self.connections) > self.most:
            self._refuse(503, "too many connections", linger=0)
        else:
            self._begin_head()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._phase is Phase.REFUSED:
            return
        if self._phase is Phase.NOTHING:
            self._begin_head()
        self._received += len(data)
        super().data_received(data)
        if self._phase is Phase.HEAD and self._received > self.limits.head:
            self._refuse(431, "the head is too big")
        elif self._phase is Phase.BODY and self._received > self.limits.body:
            self._refuse(413, "the body is too big")

    def on_message_begin(self) -> None:
        if self._phase is Phase.NOTHING:
            self._begin_head()
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        if self._counts(len(url)):
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._counts(len(name) + len(value) + len(": \r\n")):
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._phase is Phase.REFUSED:
            return
        super().on_headers_complete()
        now = self.loop.time()
        self._phase, self._received, self._body_until = Phase.BODY, 0, now + self.limits.body_seconds
        self._wait_until(now + self.limits.body_pause)

    def on_body(self, body: bytes) -> None:
        if self._phase is Phase.REFUSED:
            return
        self._wait_until(min(self.loop.time() + self.limits.body_pause, self._body_until))
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self._phase is Phase.REFUSED:
            return
        self._phase, self._deadline = Phase.NOTHING, math.inf
        super().on_message_complete()

    def _begin_head(self) -> None:
        self._phase, self._received, self._head = Phase.HEAD, 0, 0
        self._wait_until(self.loop.time() + self.limits.head_seconds)

    def _counts(self, size: int) -> bool:
        """Whether a piece of the head, or of what may follow a body, still has room."""
        if self._phase is not Phase.REFUSED:
            self._head += size
            if self._head > self.limits.head:
                self._refuse(431, "the head is too big")
        return self._phase is not Phase.REFUSED

    def _wait_until(self, moment: float) -> None:
        self._deadline = moment
        if moment < self._fires:
            if self._timer is not None:
                self._timer.cancel()
            self._fires = moment
            self._timer = self.loop.call_at(moment, self._look_at_clock)

    def _look_at_clock(self) -> None:
        self._timer, self._fires, now = None, math.inf, self.loop.time()
        if self._phase is Phase.BODY and self.flow.read_paused:
            # We do not take what comes: the sender is not the slow one.
            self._body_until += self.limits.body_pause
            self._deadline = now + self.limits.body_pause
        if now < self._deadline:
            if self._deadline != math.inf:
                self._wait_until(self._deadline)
        elif self._phase is Phase.HEAD and not self._received:
            self.transport.close()
        else:
            self._refuse(408, "too slow")

    def _refuse(self, status: int, words: str, *, linger: float = LINGER) -> None:
        """Closes, with an answer where none has begun; what the application still says goes nowhere."""
        if self.transport.is_closing():
            return
        cycle: RequestResponseCycle | None = self.cycle
        under_way = cycle is not None and not cycle.response_complete
        begun = self.cycle.response_started if self._phase is Phase.BODY else under_way
        self._phase, self._deadline = Phase.REFUSED, math.inf
        if not begun:
            self.transport.write(_answer(status, words))
        if under_way:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.flow.resume_reading()
        if linger and self.transport.can_write_eof():
            self.transport.write_eof()
            self.loop.call_later(linger, self.transport.close)
        else:
            self.transport.close()


def _answer(status: int, words: str) -> bytes:
    body = f"{words}\n".encode()
    fields = f"content-type: text/plain; charset=utf-8\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    return STATUS_LINE[status] + fields.encode() + body
