"""Words on pictures that are looked at without their program: what rows and columns are, which epoch it is."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import matplotlib
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torchvision.transforms.functional import pil_to_tensor

from genlab.pictures.grids import LINES

SIZE = 12  # of the letters, in pixels
SPACE = 4  # around words
LEFT = 40  # pixels for the words of rows, or what they need: pictures of one kind are equally wide in all epochs

Places = Sequence[tuple[float, str]]  # (where along the side, of 0 to 1; words)


def with_axes(grid: Tensor, rows: Places, columns: Places) -> Tensor:
    """A picture (3, H, W) → (3, H + h, W + w): its rows, from above, are labelled to the left, its columns below."""
    left = max([LEFT, *(_width(words) + 2 * SPACE for _, words in rows)])
    height, width = grid.shape[1:]
    image = Image.new("RGB", (left + width, height + SIZE + 2 * SPACE), (round(255 * LINES),) * 3)
    draw = ImageDraw.Draw(image)
    for place, words in rows:
        draw.text((left - SPACE, place * height), words, "white", _font(), anchor="rm")
    for place, words in columns:
        half = _width(words) / 2
        x = min(max(left + place * width, left + half), left + width - half - SPACE)
        draw.text((x, height + SPACE + SIZE / 2), words, "white", _font(), anchor="mm")
    picture: Tensor = pil_to_tensor(image).float() / 255
    picture[:, :height, left:] = grid
    return picture


def captioned(image: Image.Image, words: str) -> Image.Image:
    """The same picture with words above it; its mode, as `L` or `RGB`, stays."""
    above = SIZE + 2 * SPACE
    taller = Image.new(image.mode, (image.width, image.height + above))
    taller.paste(image, (0, above))
    ImageDraw.Draw(taller).text((SPACE, above / 2), words, "white", _font(), anchor="lm")
    return taller


def _width(words: str) -> int:
    return round(_font().getlength(words))


@cache
def _font() -> ImageFont.FreeTypeFont:
    """The one that matplotlib brings: Pillow's own has no minus sign, no σ and no small digits."""
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", SIZE)
