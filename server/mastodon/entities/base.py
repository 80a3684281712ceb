"""What all entities share: moments with milliseconds and `Z`, as clients that parse strictly need them."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, PlainSerializer


def moment_text(moment: datetime) -> str:
    """`2026-11-27T10:20:30.000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Moment = Annotated[datetime, PlainSerializer(moment_text, return_type=str)]


class Entity(BaseModel):
    """Something that clients read."""

    model_config = ConfigDict(populate_by_name=True, frozen=True)
