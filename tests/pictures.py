"""Pictures as people upload them: with everything in them that must not go on."""

import io
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

MARKER = "taken-at-the-office"
"""Stands in every place of a file that is not pixels."""


def jpeg(width: int = 60, height: int = 40, *, rotated: bool = False) -> bytes:
    """A photograph with a place, a comment, a colour profile, and more behind its end."""
    image = Image.new("RGB", (width, height), (200, 30, 30))
    exif = Image.Exif()
    exif[0x010E] = MARKER
    if rotated:
        exif[0x0112] = 6
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    saved = _saved(image, "JPEG", exif=exif, icc_profile=MARKER.encode() * 20, comment=MARKER.encode())
    return saved + b"<script>" + MARKER.encode()


def png(width: int = 60, height: int = 40, *, transparent: bool = False) -> bytes:
    """A drawing with a text in it."""
    info = PngInfo()
    info.add_text("Author", MARKER)
    mode, colour = ("RGBA", (0, 120, 0, 90)) if transparent else ("RGB", (0, 120, 0))
    return _saved(Image.new(mode, (width, height), colour), "PNG", pnginfo=info)


def moving_gif() -> bytes:
    """Two frames."""
    frames = [Image.new("RGB", (30, 20), colour) for colour in ((255, 0, 0), (0, 0, 255))]
    return _saved(frames[0], "GIF", save_all=True, append_images=frames[1:], comment=MARKER.encode())


def bomb(side: int = 20_000) -> bytes:
    """A few kilobytes that are a wall of pixels."""
    return _saved(Image.new("1", (side, side)), "PNG")


def opened(content: bytes) -> Any:
    """A picture, to be looked at."""
    return Image.open(io.BytesIO(content))


def _saved(image: Any, kind: str, **options: Any) -> bytes:
    target = io.BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()
