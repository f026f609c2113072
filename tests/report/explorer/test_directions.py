"""Directions through the latent space, of a linear decoder whose Jacobian is known."""

import torch

from genlab.report.explorer.directions import principal_directions


def test_of_a_linear_decoder_they_are_the_right_singular_vectors():
    generator = torch.Generator().manual_seed(0)
    matrix, scale = torch.randn(12, 4, generator=generator), torch.tensor([1.0, 0.5, 2.0, 1.0])
    points = torch.randn(3, 4, generator=generator)
    directions, strengths, effects = principal_directions([lambda z: (z @ matrix.T).view(-1, 1, 3, 4)], points, scale)
    _, values, vectors = torch.linalg.svd(matrix * scale)
    # float32 differences over steps of 0.2 have errors of about 1e-6 / 0.2
    torch.testing.assert_close(strengths, values, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close((directions * vectors).sum(1).abs(), torch.ones(4), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(effects, (matrix * scale).norm(dim=0), rtol=1e-4, atol=1e-4)
    assert (directions.gather(1, directions.abs().argmax(1, keepdim=True)) > 0).all()
