"""The pictures of a page: each is embedded once, and all of them within a size."""

import base64
import io
import warnings
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

BUDGET = 14_000_000  # characters of all pictures of a page
LARGEST_FILE = 20_000_000  # bytes; genlab's own have 300,000 at most
LARGEST_SIDE = 4096  # pixels; genlab's own have 1,400 at most
QUALITY = 75  # of 100: a quarter of the lossless size, and digits look the same


@dataclass(frozen=True)
class Picture:
    """A place in the album, and the size that it is shown in, in pixels."""

    index: int
    width: int
    height: int


class Album:
    """Files → data URIs, so many characters at most, encoded anew so that only a file's pixels come into the page."""

    def __init__(self, budget: int = BUDGET) -> None:
        self.left = budget
        self.unreadable: list[Path] = []
        self.left_out = 0  # pictures for which there was no room
        self._uris: list[str] = []
        self._known: dict[Path, Picture | None] = {}
        self._placed: set[int] = set()

    def add(self, path: Path) -> Picture | None:
        """A picture of the page; None if it cannot be read, or there is no room."""
        if path not in self._known:
            self._known[path] = self._encode(path)
        return self._known[path]

    def source(self, picture: Picture) -> str:
        """The data URI where the picture is placed first; empty after that, where the page's script puts it."""
        if picture.index in self._placed:
            return ""
        self._placed.add(picture.index)
        return self._uris[picture.index]

    def rest(self) -> dict[int, str]:
        """The pictures that were not placed: the other epochs."""
        return {index: uri for index, uri in enumerate(self._uris) if index not in self._placed}

    def _encode(self, path: Path) -> Picture | None:
        try:
            if path.stat().st_size > LARGEST_FILE:
                raise ValueError("too large")
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # of a picture that unpacks to something huge, or is damaged
                with Image.open(path, formats=["PNG"]) as image:
                    if max(image.size) > LARGEST_SIDE:
                        raise ValueError("too large")
                    width, height = image.size
                    pixels = _smallest(image.convert("RGB"))
        except Exception:  # a crafted file ends in any: Pillow's readers of chunks raise IndexError, AssertionError, …
            self.unreadable.append(path)
            return None
        file = io.BytesIO()
        pixels.save(file, "WEBP", quality=QUALITY, method=3)
        uri = f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode()}"
        if len(uri) > self.left:
            self.left_out += 1
            return None
        self.left -= len(uri)
        self._uris.append(uri)
        return Picture(len(self._uris) - 1, width, height)


def _smallest(image: Image.Image) -> Image.Image:
    """The same picture: grey if it has no colour, and at half size if each pixel is drawn as four, as grids are."""
    red, green, blue = image.split()
    if red.tobytes() == green.tobytes() == blue.tobytes():
        image = red
    width, height = image.size
    if width % 2 == 0 and height % 2 == 0 and min(width, height) > 2:
        half = image.resize((width // 2, height // 2), Image.Resampling.NEAREST)
        if half.resize((width, height), Image.Resampling.NEAREST).tobytes() == image.tobytes():
            return half
    return image
