"""A number that changes with each batch."""

import pytest
import torch

from genlab.models.scheduled import Scheduled


def test_it_changes_where_it_is_and_no_checkpoint_has_it():
    number = Scheduled(1)
    place = number.value.data_ptr()
    number.set(0.3)
    assert number.value.item() == pytest.approx(0.3)
    assert number.value.data_ptr() == place
    assert not number.state_dict()


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_a_product_is_that_with_the_number_to_the_bit(kind):
    number = Scheduled(0.3)
    x = torch.randn(100, generator=torch.Generator().manual_seed(0)).to(kind).requires_grad_()
    slopes = torch.linspace(-1, 1, 100).to(kind)
    by_number, by_tensor = x * 0.3, x * number.value
    assert torch.equal(by_number, by_tensor)
    assert torch.equal(*(torch.autograd.grad(product, x, slopes)[0] for product in (by_number, by_tensor)))
