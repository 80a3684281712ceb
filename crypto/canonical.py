"""Writes a JSON document in its one canonical form (JCS). Never writes what another reader would read differently."""

from collections.abc import Mapping
from typing import Any

import rfc8785


class NotCanonical(ValueError):
    """The document has no canonical form: NaN, an infinity, an integer beyond 2^53, a lone surrogate, or no JSON."""


def canonicalize(document: Mapping[str, Any]) -> bytes:
    """Return the document as RFC 8785 wants it: UTF-8, keys in order of UTF-16 code units, numbers as ECMAScript
    writes them.

    Integers from 2^53 on are refused, because readers that hold numbers as doubles would sign something else.
    Raises NotCanonical, for nesting too deep for the interpreter as well.
    """
    try:
        return rfc8785.dumps(dict(document))
    # A lone surrogate in a key reaches us as the codec's own error.
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise NotCanonical("the document has no canonical form") from error
    except RecursionError as error:
        raise NotCanonical("the document is nested too deeply") from error
