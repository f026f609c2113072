"""Words beside a grid leave the grid as it is."""

import torch
from PIL import Image

from genlab.pictures.grids import LINES
from genlab.pictures.labels import captioned, with_axes


def test_the_grid_is_unchanged_and_its_words_are_beside_it():
    grid = torch.rand(3, 60, 90, generator=torch.Generator().manual_seed(0))
    picture = with_axes(grid, [(0.25, "z7"), (0.75, "z12")], [(0.1, "−3σ"), (0.9, "+3σ")])
    assert torch.equal(picture[:, :60, -90:], grid)
    beside, below = picture[0, :60, :-90], picture[0, 60:, -90:]
    empty = round(255 * LINES) / 255
    written = beside > empty + 0.01
    assert written[:30].any() and written[30:].any()
    assert written[30:].sum() > written[:30].sum()  # two digits
    assert (below > empty + 0.01)[:, :45].any() and (below > empty + 0.01)[:, 45:].any()
    assert picture.min() >= 0 and picture.max() <= 1


def test_the_letters_of_labels_are_in_the_font():
    """A letter that is not there is drawn as an empty box, each the same."""
    blank = torch.zeros(3, 30, 40)
    pictures = [with_axes(blank, [(0.5, letter)], [])[:, :30, :40] for letter in ("−", "σ", "z", "\uffff")]
    assert all(not torch.equal(one, pictures[-1]) for one in pictures[:-1])


def test_a_caption_keeps_the_mode_and_the_picture():
    image = Image.effect_noise((50, 40), 30)
    taller = captioned(image, "epoch 7")
    assert taller.mode == image.mode == "L" and taller.size[0] == 50
    assert taller.crop((0, taller.height - 40, 50, taller.height)).tobytes() == image.tobytes()
    assert captioned(image, "epoch 8").tobytes() != taller.tobytes()
