"""Makes pictures anew from what somebody uploads: nothing but the pixels is kept. Blocks; call it in a thread."""

import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

LARGEST = 12 * 1024 * 1024
"""Bytes of an upload."""
MOST_PIXELS = 40_000_000
"""Of a picture that comes in: a compressed file of a few kilobytes can be a wall of them."""
MOST_KEPT = 1920 * 1920
"""Pixels of a picture that is kept."""
SMALL = 640
"""Pixels of the longer side of its small version."""
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
TYPES = ("image/jpeg", "image/png", "image/webp", "image/gif")
_HASHED = 32


class NotAPicture(ValueError):
    """It cannot be read, is no picture, or too big a one. The message may be shown."""


@dataclass(frozen=True, slots=True)
class Size:
    """In pixels."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture in two sizes, both of one media type."""

    media_type: str
    original: bytes
    small: bytes
    size: Size
    small_size: Size
    blurhash: str


def picture_of(data: bytes, *, shape: Size | None = None) -> Picture:
    """The picture in some bytes, upright, without metadata, as JPEG, or PNG where it is transparent.

    With a `shape` it is cut to that. Of something that moves, the first frame. Raises `NotAPicture`.
    """
    # Here: servers on which nobody uploads need not hold the library.
    from PIL import Image, ImageOps

    if len(data) > LARGEST:
        raise NotAPicture(f"A picture has at most {LARGEST // 1024 // 1024} MB.")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as opened:  # reads no pixel yet
            if opened.width * opened.height > MOST_PIXELS:
                raise NotAPicture(f"A picture has at most {MOST_PIXELS // 1_000_000} million pixels.")
            plain = _plain(ImageOps.exif_transpose(opened))
    except NotAPicture:
        raise
    except Exception as error:  # whatever a decoder raises at what it cannot read
        raise NotAPicture("This is no picture that can be read: JPEG, PNG, WebP or GIF.") from error
    if shape is not None:
        plain = ImageOps.fit(plain, (shape.width, shape.height))
    return _made(plain)


def _plain(image: "Image") -> "Image":
    """Pixels in the two modes that are kept; nothing else of the file goes on."""
    has_alpha = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
    return image.convert("RGBA" if has_alpha else "RGB")


def _made(image: "Image") -> Picture:
    kept = _within(image, MOST_KEPT)
    small = kept.copy()
    small.thumbnail((SMALL, SMALL))
    return Picture(
        media_type="image/png" if kept.mode == "RGBA" else "image/jpeg",
        original=_encoded(kept),
        small=_encoded(small),
        size=Size(kept.width, kept.height),
        small_size=Size(small.width, small.height),
        blurhash=_blurhash(small),
    )


def _within(image: "Image", pixels: int) -> "Image":
    factor = math.sqrt(pixels / (image.width * image.height))
    if factor >= 1:
        return image
    return image.resize((max(1, int(image.width * factor)), max(1, int(image.height * factor))))


def _encoded(image: "Image") -> bytes:
    """A file with the pixels and nothing besides: a new image, to which no information clings."""
    from PIL import Image

    clean = Image.frombytes(image.mode, image.size, image.tobytes())
    target = io.BytesIO()
    if clean.mode == "RGBA":
        clean.save(target, "PNG", optimize=True)
    else:
        clean.save(target, "JPEG", quality=85, optimize=True)
    return target.getvalue()


def _blurhash(image: "Image") -> str:
    import blurhash

    tiny = image.convert("RGB")
    tiny.thumbnail((_HASHED, _HASHED))
    pixels = tiny.tobytes()
    rows = [
        [tuple(pixels[at : at + 3]) for at in range(row * tiny.width * 3, (row + 1) * tiny.width * 3, 3)]
        for row in range(tiny.height)
    ]
    encoded: str = blurhash.encode(rows, components_x=4, components_y=3)
    return encoded
