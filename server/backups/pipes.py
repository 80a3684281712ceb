"""One side writes a stream, the other reads it, and neither holds it whole."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO


@contextmanager
def produced(produce: Callable[[BinaryIO], None]) -> Iterator[BinaryIO]:
    """What `produce` writes, in a thread of its own, to be read in the block.

    What `produce` raised is raised here, unless the block raised before: then the rest is not written.
    """
    reading, writing = (os.fdopen(end, mode) for end, mode in zip(os.pipe(), ("rb", "wb"), strict=True))
    failures: list[BaseException] = []

    def work() -> None:
        try:
            with writing:
                produce(writing)  # type: ignore[arg-type]  # opened for bytes
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        with reading:
            yield reading  # type: ignore[misc]  # opened for bytes
            while reading.read(1 << 16):
                pass
    except BaseException:
        thread.join()
        # A reader that stumbled over a stream that ended too early: why it ended is the better answer.
        if failures and not isinstance(failures[0], BrokenPipeError):
            raise failures[0] from None
        raise
    thread.join()
    if failures:
        raise failures[0]
