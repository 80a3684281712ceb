"""`groundswell run` with handlers that fail in every way, each with what somebody sent in the text of its error."""

import asyncio
import threading
import warnings
from functools import partial

import structlog
from starlette.requests import Request
from starlette.responses import Response

from federation.context import Context
from federation.received import Received
from federation.table import ANY, Outcome, Table
from server import assembly, logs
from server.app import create_app
from server.application import Groundswell
from server.config import Settings
from server.running import serve

WAYS = ("at-once", "task", "thread", "warn", "chain", "group", "unraisable", "structlog")
"""What may follow `/fail/`."""


async def fail(request: Request) -> Response:
    """Fails as the path says, with everything of the request in the words."""
    words = f"{request.url} {dict(request.headers)} {await request.body()!r}"
    match request.path_params["how"]:
        case "task":
            _kept.append(asyncio.create_task(_raise(words), name=words))
            await asyncio.sleep(0)
            _kept.clear()
        case "thread":
            thread = threading.Thread(target=_raise_now, args=(words,), name=words)
            thread.start()
            await asyncio.to_thread(thread.join)
        case "warn":
            warnings.warn(words, stacklevel=1)
        case "chain":
            try:
                raise KeyError(words)
            except KeyError as error:
                raise RuntimeError(words) from error
        case "group":
            raise ExceptionGroup(words, [ValueError(words)])
        case "unraisable":
            _Falling(words)
        case "structlog":
            structlog.get_logger().error("failed", problem=ValueError(words), exc_info=ValueError(words))
        case _:
            raise RuntimeError(words)
    return Response("ok")


_kept: list[asyncio.Task[None]] = []


class _Falling:
    def __init__(self, words: str) -> None:
        self._words = words

    def __del__(self) -> None:
        raise RuntimeError(self._words)

    def __repr__(self) -> str:
        return self._words


async def _raise(words: str) -> None:
    raise RuntimeError(words)


def _raise_now(words: str) -> None:
    raise RuntimeError(words)


async def fail_to_handle(context: Context, received: Received) -> Outcome:
    """What a bug in the handler of an activity does."""
    raise RuntimeError(str(received))


def main() -> None:
    """Serves until a signal."""
    settings = Settings()
    logs.configure(settings)
    table = Table([("Follow", ANY, fail_to_handle)])
    setattr(assembly, "Groundswell", partial(Groundswell, table=table))  # noqa: B010  (a name that is looked up there)
    app = create_app(settings)
    app.add_route("/fail/{how}/{rest:path}", fail, methods=["GET", "POST"])
    app.router.routes.insert(0, app.router.routes.pop())
    serve(app, settings)


if __name__ == "__main__":
    main()
