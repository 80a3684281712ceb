"""What can go wrong, in the words and the form that Mastodon's clients know."""

from collections.abc import Mapping

from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from federation.identities import BadHandle, HandleTaken
from server.organizing.refusal import Refused


class ApiError(Exception):
    """An answer other than the one hoped for. `error` may be shown to whoever asked."""

    status = 500

    def __init__(self, error: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.headers = headers


class BadRequest(ApiError):
    """The request cannot be read."""

    status = 400


class Unauthorized(ApiError):
    """No token, or one that is not valid (RFC 6750 section 3)."""

    status = 401

    def __init__(self, error: str = "The access token is invalid") -> None:
        super().__init__(error, headers={"WWW-Authenticate": 'Bearer realm="Groundswell", error="invalid_token"'})


class Forbidden(ApiError):
    """The token is good, and not for this."""

    status = 403


class Missing(ApiError):
    """There is no such thing, or it is hidden: the same answer."""

    status = 404

    def __init__(self, error: str = "Record not found") -> None:
        super().__init__(error)


class Unprocessable(ApiError):
    """It can be read, and cannot be done."""

    status = 422


class TooMany(ApiError):
    """Later."""

    status = 429


async def tell(request: Request, error: Exception) -> Response:
    """The answer to a known problem. Called outside the operation's unit of work, which the problem rolled back."""
    if isinstance(error, ApiError):
        return _answer(error.status, error.error, error.headers)
    if isinstance(error, Refused):
        return _answer(404 if error.refusal.missing else 422, str(error))
    said = "Validation failed" if isinstance(error, RequestValidationError) else f"Validation failed: {error}"
    return _answer(422, said)


KNOWN: tuple[type[Exception], ...] = (ApiError, Refused, BadHandle, HandleTaken, RequestValidationError)
"""What `tell` knows to answer; everything else is a bug."""


def _answer(status: int, error: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": error}, status_code=status, headers=headers)
