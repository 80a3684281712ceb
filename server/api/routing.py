"""Routes of the client API, each with a description of what it takes."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute

from server.api.parameters import Given, Reader

_FORMS = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")


class ApiRoute(APIRoute):
    """A route that describes the parameters it declares with `given`."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        readers = [needed.call for needed in self.dependant.dependencies if isinstance(needed.call, Reader)]
        if readers:
            has_body = bool((self.methods or set()) - {"GET", "HEAD", "DELETE"})
            self.openapi_extra = _body_of(readers[0].model) if has_body else _query_of(readers[0].model)


def router() -> APIRouter:
    """An empty router for one resource."""
    return APIRouter(route_class=ApiRoute)


def _body_of(model: type[Given]) -> dict[str, Any]:
    schema = model.model_json_schema()
    return {"requestBody": {"content": {form: {"schema": schema} for form in _FORMS}}}


def _query_of(model: type[Given]) -> dict[str, Any]:
    schema = model.model_json_schema()
    required = schema.get("required", [])
    parameters = [
        {
            "name": f"{name}[]" if _is_array(kind) else name,
            "in": "query",
            "required": name in required,
            "schema": kind,
        }
        for name, kind in schema.get("properties", {}).items()
    ]
    return {"parameters": parameters}


def _is_array(kind: dict[str, Any]) -> bool:
    return kind.get("type") == "array" or any(option.get("type") == "array" for option in kind.get("anyOf", ()))
