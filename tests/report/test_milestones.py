"""Who reached whose best, and when."""

import pytest

from genlab.report.grouping import group_runs
from genlab.report.milestones import milestones
from genlab.report.reading import read_run

SCORED = {"val/fid_mnist": "2000 samples"}


@pytest.fixture
def scored(make_run):
    """scored("a", [30, 10, 3], model="GAN"): a run with val/fid_mnist, an epoch each 10 s."""

    def make(name, fid, **settings):
        return make_run(name, fid=fid, kinds=(), **{"protocol": SCORED} | settings)

    return make


def found(*folders):
    return milestones(group_runs([read_run(folder) for folder in folders]))


def seconds(milestone):
    return [[reached.seconds for reached in row] for row in milestone.reached]


def test_each_comes_to_its_own_best_and_perhaps_to_that_of_another(scored):
    (milestone,) = found(scored("vae", [20, 12, 9]), scored("gan", [30, 9, 3], model="GAN", seconds_per_epoch=50.0))
    assert [group.label for group in milestone.groups] == ["GAN", "VAE"]  # the best first
    assert milestone.goals == [3, 9]
    assert seconds(milestone) == [[150, 100], [None, 30]]
    assert milestone.ahead == [0, 100]  # where both are at 9


def test_a_best_of_several_seeds_is_what_each_came_to(scored):
    (milestone,) = found(
        *(scored(f"vae/{seed}", [20, 12, 9 + seed], seed=seed) for seed in range(2)),
        *(scored(f"gan/{seed}", [30, 11 - 2 * seed, 3], model="GAN", seed=seed) for seed in range(2)),
    )
    assert milestone.goals == [3, 10]
    assert seconds(milestone) == [[30, 25], [None, 30]]
    assert milestone.reached[0][1].seeds == milestone.reached[0][1].of == 2


def test_who_is_ahead_is_asked_of_the_best_so_far(scored):
    (milestone,) = found(scored("vae", [9, 12, 20, 20]), scored("gan", [30, 10, 8, 5], model="GAN"))
    assert milestone.ahead == [0, 30]


def test_of_many_settings_the_best_of_each_model_are_there(scored):
    folders = [scored(str(dim), [30, 9 + dim], settings={"latent_dim": dim}, epochs=2) for dim in range(6)]
    folders.append(scored("gan", [90, 80], model="GAN", epochs=2))
    (milestone,) = found(*folders)
    assert [group.label for group in milestone.groups] == [*(f"VAE latent_dim={dim}" for dim in range(3)), "GAN"]


def test_what_does_not_compare_is_not_compared(scored):
    vae = scored("vae", [20, 12, 9])
    assert found(vae) == []
    assert found(vae, scored("a", [9, 8, 7], model="GAN", protocol={"val/fid_mnist": "other"})) == []
    assert found(vae, scored("b", [9, 8, 7], model="GAN", protocol={})) == []
    assert (
        found(*(scored(f"silent/{dim}", [9, 8, 7], settings={"latent_dim": dim}, protocol={}) for dim in (1, 2))) == []
    )
    assert found(vae, scored("c", [9, 8, 7], model="GAN", data="kmnist")) == []
    assert found(vae, scored("d", [9, 8, 7], model="GAN", status="interrupted")) == []
    assert found(vae, scored("e", [9, 8, 7], model="GAN", seconds_per_epoch=None)) == []
