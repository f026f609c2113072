"""What is no parameter, buffer or module is set past torch, and everything else by torch."""

import pytest
import torch
from torch import nn

from genlab.models.plain_attributes import PlainAttributes


@pytest.fixture
def model():
    model = PlainAttributes()
    model.word = None
    model.layer = nn.Linear(2, 2)
    model.register_buffer("count", torch.zeros(()))
    return model


def test_words_and_nothing_are_set(model):
    for value in ("on_train_start", None):
        model.word = value
        assert model.word is value


def test_a_module_may_take_the_place_of_a_word(model):
    model.word = nn.Linear(1, 1, bias=False)
    assert set(model.state_dict()) == {"layer.weight", "layer.bias", "count", "word.weight"}


def test_a_part_may_be_left_out(model):
    model.layer = model.count = None
    assert not model.state_dict()
    with pytest.raises(TypeError):
        model.layer = "a word"
