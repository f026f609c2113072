"""Many images in one picture."""

import torch

from genlab.pictures.grids import image_grid


def test_grid_enlarges_without_blur():
    images = torch.tensor([[0.0, 1.0], [1.0, 0.5]]).view(2, 1, 1, 2)
    picture = image_grid(images, columns=2, scale=2)[0]
    assert picture[2:4, 2:6].tolist() == [[0, 0, 1, 1], [0, 0, 1, 1]]
    assert picture[2:4, 8:12].tolist() == [[1, 1, 0.5, 0.5], [1, 1, 0.5, 0.5]]
