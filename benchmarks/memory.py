"""How much memory an idle server holds, and how long it takes from its start to its first answer.

`python -m benchmarks.memory [--database-url URL]`
"""

import argparse
import asyncio
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop

from benchmarks.subject import settings_for, subject

STARTS = 5
IDLE = 5.0
"""Seconds until a server counts as idle."""


@dataclass(frozen=True)
class Start:
    """Seconds from the start to the first answer, and the memory held when nothing was asked since."""

    seconds: float
    megabytes: float


async def starts(count: int = STARTS, url: str | None = None) -> list[Start]:
    """So many starts with the same data."""
    made_starts = []
    with TemporaryDirectory() as folder:
        settings = settings_for(Path(folder), url)
        for _ in range(count):
            async with subject(settings) as made:
                await asyncio.sleep(IDLE)
                made_starts.append(Start(made.seconds_to_start, made.megabytes))
    return made_starts


async def main() -> None:
    """Runs once and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database-url")
    for start in await starts(url=parser.parse_args().database_url):
        print(f"first answer after {start.seconds:.2f} s; idle: {start.megabytes:.1f} MB")


if __name__ == "__main__":
    uvloop.run(main())
