"""Inflates what came compressed. Never holds more than was allowed, and believes no stream that is cut off."""

import zlib
from collections.abc import AsyncIterator

FREE = 64 * 1024
"""Bytes that may come out whatever went in: short texts compress well."""


class BadCompression(Exception):
    """The stream is damaged, cut off, or a bomb."""


async def gunzip(chunks: AsyncIterator[bytes], limit: int, ratio: int) -> AsyncIterator[bytes]:
    """What is in a gzip stream, in pieces of at most `limit` bytes, `ratio` times what came in.

    Raises `BadCompression`. Whoever reads the pieces stops when they have enough.
    """
    inflater = zlib.decompressobj(wbits=31)
    taken = given = 0
    async for chunk in chunks:
        taken += len(chunk)
        while chunk and not inflater.eof:
            try:
                plain = inflater.decompress(chunk, limit + 1)
            except zlib.error as error:
                raise BadCompression("the answer cannot be inflated") from error
            chunk = inflater.unconsumed_tail
            given += len(plain)
            if given > FREE and given > ratio * taken:
                raise BadCompression("the answer is a compression bomb")
            yield plain
    if not inflater.eof:
        raise BadCompression("the compressed answer is cut off")
