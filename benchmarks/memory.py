"""How much memory an idle server holds, and how long it takes from its start to its first answer.

`python -m benchmarks.memory [--database-url URL]`
"""

import argparse
import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop

from benchmarks.subject import settings_for, subject

STARTS = 5
IDLE = 5.0
"""Seconds until a server counts as idle."""


async def main() -> None:
    """Runs once and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database-url")
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        settings = settings_for(Path(folder), given.database_url)
        for number in range(STARTS):
            async with subject(settings) as made:
                await asyncio.sleep(IDLE)
                first = "first start" if number == 0 else "start"
                print(f"{first}: first answer after {made.seconds_to_start:.2f} s; idle: {made.megabytes:.1f} MB")


if __name__ == "__main__":
    uvloop.run(main())
