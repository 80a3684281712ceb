"""What this server is, and what there is none of here. Publishes no count of people."""

from typing import Annotated, Any

from server.api.access import Visit, looks
from server.api.routing import router
from server.mastodon.entities.instance import Configuration, Instance, Urls, V1Instance
from server.organizing.media.pictures import LARGEST, MOST_PIXELS, TYPES
from server.organizing.media.policy import LONGEST_DESCRIPTION, MOST_ON_A_POST
from server.organizing.people.policy import LONGEST_FIELD, LONGEST_NAME, LONGEST_SUMMARY, MOST_FIELDS
from server.organizing.posts import policy
from server.organizing.tags.policy import MOST_FEATURED
from server.push.keys import public_key
from server.version import VERSION

API_VERSION = 2
"""`api_versions.mastodon`: it switches features on in clients, so it names only what works."""

COMPATIBLE = f"4.3.0 (compatible; Groundswell {VERSION})"
"""Clients decide by the leading number what they may ask for."""

SOURCE = "https://example.org/groundswell"

routes = router()


@routes.get("/api/v2/instance")
async def show_instance(visit: Annotated[Visit, looks("read")]) -> Instance:
    """The server with its limits."""
    domain = visit.context.origin.domain
    return Instance(
        domain=domain,
        title=domain,
        version=COMPATIBLE,
        source_url=SOURCE,
        description="",
        thumbnail={"url": f"{visit.context.origin}/static/header.png", "blurhash": None, "versions": {}},
        configuration=await configuration_of(visit),
        registrations={"enabled": False, "approval_required": False, "message": None, "url": None, "min_age": None},
        api_versions={"mastodon": API_VERSION},
        contact={"email": "", "account": None},
    )


@routes.get("/api/v1/instance")
async def show_instance_v1(visit: Annotated[Visit, looks("read")]) -> V1Instance:
    """The same in the older form."""
    domain, configuration = visit.context.origin.domain, await configuration_of(visit)
    return V1Instance(
        uri=domain,
        title=domain,
        short_description="",
        description="",
        email="",
        version=COMPATIBLE,
        urls={"streaming_api": configuration.urls.streaming},
        stats={"user_count": 0, "status_count": 0, "domain_count": 0},
        thumbnail=f"{visit.context.origin}/static/header.png",
        configuration=configuration,
    )


@routes.get("/api/v1/custom_emojis")
async def custom_emojis(visit: Annotated[Visit, looks("read")]) -> list[Any]:
    """There are none."""
    return []


async def configuration_of(visit: Visit) -> Configuration:
    """The limits, for both forms."""
    origin = visit.context.origin
    scheme = "wss" if origin.scheme == "https" else "ws"
    return Configuration(
        urls=Urls(streaming=f"{scheme}://{origin.domain}"),
        accounts={
            "max_featured_tags": MOST_FEATURED,
            "max_pinned_statuses": policy.MOST_PINNED,
            "max_profile_fields": MOST_FIELDS,
            "profile_field_name_limit": LONGEST_FIELD,
            "profile_field_value_limit": LONGEST_FIELD,
            "max_display_name_length": LONGEST_NAME,
            "max_note_length": LONGEST_SUMMARY,
        },
        statuses={
            "max_characters": policy.LONGEST_TEXT,
            "max_media_attachments": MOST_ON_A_POST,
            "characters_reserved_per_url": 23,
        },
        media_attachments={
            "supported_mime_types": list(TYPES),
            "image_size_limit": LARGEST,
            "image_matrix_limit": MOST_PIXELS,
            "video_size_limit": 0,
            "video_frame_rate_limit": 0,
            "video_matrix_limit": 0,
            "description_limit": LONGEST_DESCRIPTION,
        },
        polls={
            "max_options": policy.MOST_OPTIONS,
            "max_characters_per_option": policy.LONGEST_OPTION,
            "min_expiration": int(policy.SHORTEST_POLL.total_seconds()),
            "max_expiration": int(policy.LONGEST_POLL.total_seconds()),
        },
        vapid={"public_key": await public_key(visit.context)},
    )
