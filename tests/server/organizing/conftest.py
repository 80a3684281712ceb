"""One unit of work for a test of the domain."""

from collections.abc import AsyncIterator

import pytest

from federation.context import Context
from server.db import Database


@pytest.fixture
async def context(database: Database) -> AsyncIterator[Context]:
    """A unit of work that lasts as long as the test, and is committed when it passed."""
    async with database.writing() as context:
        yield context
