"""One image file of the user's → its pixels, or in words why there are none."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

FORMATS = ("PNG", "JPEG", "WEBP", "BMP")
GREY, COLOUR = ("1", "L", "LA"), ("P", "PA", "RGB", "RGBA", "RGBX")  # Pillow's modes of 8 bits and less
ORIENTATION, TURNED = 0x0112, (5, 6, 7, 8)  # in EXIF: which way is up, and that width is height
UNREADABLE = (OSError, ValueError, SyntaxError, IndexError)  # what Pillow raises for damaged files


class Header(NamedTuple):
    """What a file says of its image."""

    is_grey: bool
    size: tuple[int, int]  # width, height


def read_header(path: Path) -> Header | str:
    """What a file says of its pixels, or why they are not taken."""
    if not path.is_file():
        return "no file but a pipe, a device or a broken link"
    try:
        with path.open("rb") as file:
            start = file.read(25)
        with Image.open(path, formats=FORMATS) as image:
            if getattr(image, "is_animated", False):
                return "animated"
            if image.format == "PNG" and start[24] == 16:  # which Pillow would round, of colours without a word
                return "16 bits a colour"
            if image.mode not in (*GREY, *COLOUR):
                return f"{image.mode} pixels"
            turned = image.getexif().get(ORIENTATION) in TURNED
            return Header(image.mode in GREY, image.size[::-1] if turned else image.size)
    except UnidentifiedImageError:
        return "no PNG, JPEG, WebP or BMP image"
    except Image.DecompressionBombError:
        return "too large"
    except UNREADABLE as error:
        return f"damaged: {error}"


def read_pixels(path: Path, channels: int, size: tuple[int, int]) -> bytes | str:
    """(C, H, W) as bytes, on white where the image is transparent; or why there is none."""
    try:
        with Image.open(path, formats=FORMATS) as opened:
            image: Image.Image = ImageOps.exif_transpose(opened)
            if image.has_transparency_data:
                above = image.convert("RGBA")
                image = Image.alpha_composite(Image.new("RGBA", above.size, "white"), above)
            image = image.convert("L" if channels == 1 else "RGB")
            if image.size != size:
                image = ImageOps.fit(image, size, Image.Resampling.BICUBIC)
            pixels = np.asarray(image).reshape(*size[::-1], channels)
            return pixels.transpose(2, 0, 1).tobytes()
    except UNREADABLE as error:
        return f"damaged: {error}"
