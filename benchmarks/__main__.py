"""Measures every aim of docs/BENCHMARKS.md, one after the other, and prints the page's tables: `python -m benchmarks`.

About ten minutes; what else runs on the machine meanwhile shows in the figures.
"""

import os
import platform
from collections.abc import Iterable, Sequence
from statistics import median

import uvloop

from benchmarks import bare, fanout, growth, inbox, memory
from benchmarks.machine import rsa_limits


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Prints a table in Markdown."""
    for row in (head, ["---"] * len(head), *rows):
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print(flush=True)


async def _machine() -> None:
    limits = rsa_limits()
    rows = [
        ("cores", os.cpu_count()),
        ("Python", platform.python_version()),
        ("RSA-2048 signatures/s per core", f"{limits.signatures:,.0f}"),
        ("RSA-2048 verifications/s per core", f"{limits.verifications:,.0f}"),
        ("POST/s per core of a route that only answers 202", f"{await bare.rate():,.0f}"),
    ]
    table(("this machine", ""), rows)


async def _rates() -> None:
    head = ("aim", "measured", "how")
    taken = await inbox.taken()
    accepted, visible = taken.count / taken.accepted_cpu, taken.count / taken.visible_cpu
    how = "`python -m benchmarks.inbox`"
    rows = [
        (
            "inbox: 2,500 POST/s per core, verified and durable",
            f"{taken.count / taken.accepted:,.0f}/s, {accepted:,.0f}/s per core "
            f"({1e3 / accepted:.2f} ms; most were processed as well by then)",
            how,
        ),
        (
            "inbox: 1,500/s per core, processed and visible",
            f"{taken.count / taken.visible:,.0f}/s, {visible:,.0f}/s per core ({1e3 / visible:.2f} ms)",
            how,
        ),
    ]
    sent = await fanout.one(fanout.RUNS[0], True)
    count = sent.run.deliveries
    rows.append(
        (
            "fan-out: 1,200 signed HTTPS deliveries/s, warm, at 0.8 ms CPU each",
            f"{count / sent.took:,.0f}/s at {sent.cpu / count * 1e3:.2f} ms; a bare client: {sent.bare:,.0f}/s",
            "`python -m benchmarks.fanout --only warm --tls`",
        )
    )
    starts, how = await memory.starts(), "`python -m benchmarks.memory`"
    rows += [
        ("idle memory: 120 MB in one process", f"{median(start.megabytes for start in starts):.0f} MB", how),
        ("start to first answer: 1.5 s", f"{median(start.seconds for start in starts):.2f} s", how),
    ]
    table(head, rows)


async def _growth() -> None:
    rows = [
        (
            f"{line.followers:,}",
            f"{line.inboxes:,}",
            f"{line.answered * 1e3:.0f} ms",
            f"{line.queued:.2f} s",
            f"{line.cpu / line.followers * 1e6:.0f} us",
        )
        async for line in growth.growing(growth.NUMBERS)
    ]
    table(
        ("followers", "servers", "post answered (aim 300 ms)", "all queued", "CPU per follower (aim: constant)"), rows
    )


async def main() -> None:
    """Prints each table as soon as it is there."""
    await _machine()
    await _rates()
    await _growth()


if __name__ == "__main__":
    uvloop.run(main())
