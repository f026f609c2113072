"""Which positions a block sees, what it computes of them, and that a cache changes nothing."""

import math

import pytest
import torch
from torch.nn import functional as F

from genlab.networks.causal_transformer import CausalTransformer, earlier_neighbours
from genlab.networks.made import MADE
from genlab.networks.transformer import KeyValueCache, TransformerBlock, sinusoidal_positions

POSITIONS, WIDTH, HEADS = 6, 12, 3


def block(**more):
    torch.manual_seed(0)
    block = TransformerBlock(WIDTH, HEADS, **more).double()
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return block


@pytest.fixture
def x():
    return torch.randn(2, POSITIONS, WIDTH, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.fixture
def condition():
    return torch.randn(2, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def dependence(function, x):
    """(out, in): whether an output position's values depend on an input position's, (1, N, …) both."""
    jacobian = torch.autograd.functional.jacobian(function, x)
    n = x.shape[1]
    return jacobian.view(n, -1, n, x[0, 0].numel()).abs().sum((1, 3)) > 0


def attention_by_hand(block, x):
    """softmax(Q Kᵀ / √d) V, head by head and position by position."""
    queries, keys, values = block.to_queries_keys_values(x).chunk(3, dim=-1)
    d = WIDTH // HEADS
    attended = torch.zeros_like(x)
    for image in range(len(x)):
        for head in range(HEADS):
            own = slice(head * d, (head + 1) * d)
            for i in range(POSITIONS):
                seen = slice(0, i + 1 if block.causal else POSITIONS)
                weights = (keys[image, seen, own] @ queries[image, i, own] / math.sqrt(d)).softmax(0)
                attended[image, i, own] = weights @ values[image, seen, own]
    return block.attention_out(attended)


# The block


@pytest.mark.parametrize("causal", [True, False])
def test_a_block_is_the_formula(x, causal):
    layers = block(causal=causal)
    middle = x + attention_by_hand(layers, layers.attention_norm(x))
    torch.testing.assert_close(layers(x), middle + layers.mlp(layers.mlp_norm(middle)))


@pytest.mark.parametrize("causal", [True, False])
def test_a_condition_shifts_scales_and_gates(x, condition, causal):
    layers = block(causal=causal, condition_dim=5)
    modulation = layers.modulation(condition * torch.sigmoid(condition))
    shift_1, scale_1, gate_1, shift_2, scale_2, gate_2 = modulation.view(2, 6, 1, WIDTH).unbind(1)

    def norm(x):
        return F.layer_norm(x, (WIDTH,))

    middle = x + gate_1 * attention_by_hand(layers, norm(x) * (1 + scale_1) + shift_1)
    expected = middle + gate_2 * layers.mlp(norm(middle) * (1 + scale_2) + shift_2)
    torch.testing.assert_close(layers(x, condition), expected)


def test_a_conditional_block_starts_as_the_identity(x, condition):
    assert torch.equal(TransformerBlock(WIDTH, HEADS, condition_dim=5).double()(x, condition), x)


def test_a_conditional_block_needs_its_condition_and_no_other_does(x, condition):
    with pytest.raises(ValueError, match="a condition"):
        block(condition_dim=5)(x)
    with pytest.raises(ValueError, match="a condition"):
        block()(x, condition)


def test_the_jacobian_of_a_causal_block_is_triangular(x):
    assert torch.equal(dependence(block(causal=True), x[:1]), torch.ones(POSITIONS, POSITIONS).tril().bool())


def test_without_a_mask_each_position_sees_all(x):
    assert dependence(block(), x[:1]).all()


@pytest.mark.parametrize("parts", [[1] * POSITIONS, [4, 1, 1], [2, 3, 1], [POSITIONS]])
def test_a_cache_changes_nothing(x, parts):
    layers, cache = block(causal=True), KeyValueCache(POSITIONS)
    found = torch.cat([layers(part, cache=cache) for part in x.split(parts, dim=1)], dim=1)
    torch.testing.assert_close(found, layers(x))


def test_heads_divide_the_width():
    with pytest.raises(ValueError, match="5 do not divide 12"):
        TransformerBlock(12, 5)


def test_sinusoidal_positions_know_the_way_from_one_to_another():
    """⟨p(a), p(b)⟩ = Σ cos(frequency · (a − b)) over rows and columns, a function of the offset alone."""
    positions = sinusoidal_positions(4, 5, 16).double().view(4, 5, 16)
    products = torch.einsum("abw,cdw->abcd", positions, positions)
    for a, b, c, d in [(0, 0, 1, 2), (3, 4, 0, 0), (2, 1, 2, 1)]:
        frequencies = 10_000.0 ** -(torch.arange(4, dtype=torch.float64) / 4)
        expected = ((a - c) * frequencies).cos().sum() + ((b - d) * frequencies).cos().sum()
        # angles are float32, at most 4 with seven digits
        torch.testing.assert_close(products[a, b, c, d], expected, rtol=0, atol=1e-5)


def test_sinusoidal_positions_need_a_width_divisible_by_four():
    with pytest.raises(ValueError, match="divisible by 4, got 6"):
        sinusoidal_positions(4, 4, 6)


# Networks that are autoregressive


def strictly_lower():
    return torch.ones(12, 12).tril(-1).bool()


@pytest.mark.parametrize("positions", ["learned", "sinusoidal"])
def test_the_jacobian_of_the_transformer_is_strictly_triangular(positions):
    torch.manual_seed(0)
    network = CausalTransformer((3, 4), features=2, symbols=4, layers=2, width=8, heads=2, positions=positions)
    patches = torch.rand(1, 12, 2, dtype=torch.float64)
    assert torch.equal(dependence(network.double(), patches), strictly_lower())


def test_without_blocks_a_position_sees_its_earlier_neighbours():
    """Those in reach, and the one just before."""
    patches = torch.rand(1, 12, 1, dtype=torch.float64)
    network = CausalTransformer((3, 4), features=1, symbols=4, layers=1, width=8, heads=2).double()
    network.blocks = torch.nn.ModuleList()
    seen = dependence(network, patches)
    assert seen[6].nonzero().flatten().tolist() == [0, 1, 2, 3, 4, 5]  # row 1, column 2: all of them
    assert seen[7].nonzero().flatten().tolist() == [1, 2, 3, 5, 6]  # row 1, column 3: not 4, which starts its row
    assert seen[8].nonzero().flatten().tolist() == [0, 1, 2, 4, 5, 6, 7]  # row 2, column 0


def test_earlier_neighbours_come_earlier():
    for position, around in enumerate(earlier_neighbours(5, 7).tolist()):
        inside = [other for other in around if other != 35]
        assert all(other < position for other in inside)
        assert len(inside) == len(set(inside))
        assert position == 0 or position - 1 in inside


@pytest.mark.parametrize("end", [1, 5, 12])
def test_the_transformer_s_cache_changes_nothing(end):
    torch.manual_seed(0)
    network = CausalTransformer((3, 4), features=2, symbols=4, layers=2, width=8, heads=2).double()
    patches = torch.rand(3, 12, 2, dtype=torch.float64)
    caches, whole = network.empty_caches(), network(patches)
    torch.testing.assert_close(network(patches, end, caches), whole[:, :end])
    for last in range(end + 1, 13):
        torch.testing.assert_close(network(patches, last, caches), whole[:, last - 1 : last])


@pytest.mark.parametrize("hidden_dims", [[80], [80, 90]])
@pytest.mark.parametrize("order", range(3))
def test_the_jacobian_of_made_is_strictly_triangular_in_each_order(hidden_dims, order):
    torch.manual_seed(0)
    network = MADE(positions=12, features=2, symbols=4, hidden_dims=hidden_dims, orders=3, activation="tanh").double()
    patches = torch.rand(1, 12, 2, dtype=torch.float64)
    seen = dependence(lambda patches: network(patches, order), patches)
    sequence = network.ranks[order].argsort()
    assert torch.equal(seen[sequence][:, sequence], strictly_lower())


def test_made_s_first_order_is_row_by_row_and_the_others_are_not():
    ranks = MADE(positions=12, features=1, symbols=2, hidden_dims=[4], orders=3).ranks
    assert ranks[0].tolist() == list(range(12))
    assert all(sorted(rank.tolist()) == list(range(12)) for rank in ranks)
    assert len({tuple(rank.tolist()) for rank in ranks}) == 3
