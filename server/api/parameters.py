"""What a client gave, in whichever form: query, form, multipart or JSON, nested as Rails writes it."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, get_origin

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from starlette.datastructures import UploadFile

from server.api.errors import BadRequest, Unprocessable

_PART = re.compile(r"\[([^\[\]]*)\]")
_DEEPEST = 4


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file that came in a multipart form, and what type its sender says it has."""

    media_type: str
    content: bytes = field(repr=False)


class Given(BaseModel):
    """The parameters of one operation. Unknown ones are ignored; `a[]`, `a[0]` and a lone `a` make a list alike."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True, arbitrary_types_allowed=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _lists(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        names = {info.alias or name for name, info in cls.model_fields.items() if _is_list(info.annotation)}
        return values | {name: _as_list(values[name]) for name in names & set(values)}


Model = TypeVar("Model", bound=Given)


class Reader:
    """The dependency that reads one operation's parameters. Raises `BadRequest` or `Unprocessable`."""

    def __init__(self, model: type[Given]) -> None:
        self.model = model

    async def __call__(self, request: Request) -> Given:
        """Query and body together; where both name something, the body counts."""
        try:
            return self.model.model_validate(nested(request.query_params.multi_items()) | await _body(request))
        except ValidationError as error:
            problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
            place = ".".join(str(part) for part in problem["loc"])
            raise Unprocessable(f"Validation failed: {place or 'the request'}: {problem['msg']}") from error


def given(model: type[Model]) -> Any:
    """Declares that an operation takes these parameters; `server/api/routing.py` documents them."""
    return Depends(Reader(model))


def nested(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """`a[b][]=c` as `{"a": {"b": ["c"]}}`. Raises `BadRequest` for what cannot be text or nests too deeply."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        _check_text(name, value)
        head, parts = name.partition("[")[0], _PART.findall(name)
        if len(parts) > _DEEPEST:
            raise BadRequest("parameters are nested too deeply")
        _put(found, [head, *parts], value)
    return found


def _put(into: dict[str, Any], path: list[str], value: Any) -> None:
    """Writes a value where a path leads; an empty part is the next place of a list."""
    head, *rest = path
    if not rest:
        into[head] = value
    elif rest == [""]:
        kept = into.setdefault(head, [])
        if isinstance(kept, list):
            kept.append(value)
    elif rest[0] == "":
        _put_in_list(into.setdefault(head, []), rest[1:], value)
    else:
        inner = into.setdefault(head, {})
        if isinstance(inner, dict):
            _put(inner, rest, value)


def _put_in_list(rows: Any, path: list[str], value: Any) -> None:
    """`a[][b]`: into the last row that has no such name yet, as Rack reads it."""
    if not isinstance(rows, list):
        return
    if not rows or not isinstance(rows[-1], dict) or path[0] in rows[-1]:
        rows.append({})
    _put(rows[-1], path, value)


async def _body(request: Request) -> dict[str, Any]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await request.body()  # first: whoever reads the form first leaves no body to others
    if kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        async with request.form() as form:
            return nested([(name, await _value(value)) for name, value in form.multi_items()])
    if not body.strip() or not kind.endswith("json"):
        return {}
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest("the body is no JSON") from error
    if not isinstance(parsed, dict):
        raise BadRequest("the body is no JSON object")
    _check_all(parsed)
    return parsed


def _check_all(value: Any) -> None:
    """Looks at every text in what was parsed; it nests as deeply as the parser allowed."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Mapping):
            waiting += [*item.keys(), *item.values()]
        elif isinstance(item, list):
            waiting += item
        else:
            _check_text("", item)


def _check_text(name: str, value: Any) -> None:
    """PostgreSQL takes no NUL, and nothing takes half a character."""
    for text in (name, value):
        if isinstance(text, str) and ("\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text)):
            raise BadRequest("the request has characters that are none")


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) is list or any(
        get_origin(part) is list for part in getattr(annotation, "__args__", ())
    )


def _as_list(value: Any) -> Any:
    if isinstance(value, dict):  # `a[0][b]=…`
        return [value[key] for key in sorted(value, key=lambda key: (len(str(key)), str(key)))]
    return value if isinstance(value, list) or value is None else [value]


async def _value(value: str | UploadFile) -> str | SentFile:
    """A part of a form; of a file's name nothing is kept."""
    if isinstance(value, UploadFile):
        return SentFile(value.content_type or "", await value.read())
    return value
