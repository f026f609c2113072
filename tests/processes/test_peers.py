"""Who has started this process, by the environment; and what Lightning is told about it."""

import subprocess
import sys
from types import SimpleNamespace

import pytest
from pytorch_lightning.plugins.environments import LightningEnvironment, SLURMEnvironment, TorchElasticEnvironment

from genlab.errors import ConfigError
from genlab.processes.cluster import check_launch, cluster_environment
from genlab.processes.peers import Peers, is_first, peers

TORCHRUN = {"TORCHELASTIC_RUN_ID": "none", "RANK": "1", "WORLD_SIZE": "4", "LOCAL_RANK": "1"}
JOB = {"SLURM_JOB_ID": "7", "SLURM_JOB_NAME": "python", "SLURM_NTASKS": "2", "SLURM_PROCID": "0", "SLURM_LOCALID": "0"}
SRUN = {**JOB, "SLURM_PROCID": "1", "SLURM_LOCALID": "1", "SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_NUM_NODES": "1"}
ONE_TASK = {**SRUN, "SLURM_NTASKS": "1", "SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "1"}


@pytest.fixture
def environment(monkeypatch):
    """environment({"RANK": "1"}): these variables, and no others of their kind."""

    def put(variables):
        for name in {*TORCHRUN, *SRUN, "NODE_RANK", "SLURM_NTASKS_PER_NODE", "MASTER_ADDR", "MASTER_PORT"}:
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return put


@pytest.mark.parametrize(
    ("variables", "expected", "first"),
    [
        ({}, None, True),
        (TORCHRUN, Peers("torchrun", 1, 4), False),
        (TORCHRUN | {"RANK": "0", "LOCAL_RANK": "0"}, Peers("torchrun", 0, 4), True),
        (TORCHRUN | {"RANK": "2", "LOCAL_RANK": "0"}, Peers("torchrun", 2, 4), False),  # on the second machine
        (TORCHRUN | {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1"}, None, True),
        (SRUN, Peers("srun", 1, 2), False),
        (SRUN | {"SLURM_PROCID": "0"}, Peers("srun", 0, 2), True),
        (SRUN | {"SLURM_JOB_NAME": "bash"}, None, True),
        (JOB, None, True),  # sbatch -n2 starts one process
        (ONE_TASK, None, True),
        (ONE_TASK | {"LOCAL_RANK": "1", "NODE_RANK": "0"}, None, False),  # which Lightning has started in it
        ({"LOCAL_RANK": "0", "NODE_RANK": "0"}, None, True),
        ({"LOCAL_RANK": "1", "NODE_RANK": "0"}, None, False),
        ({"LOCAL_RANK": "0", "NODE_RANK": "1"}, None, False),
    ],
)
def test_the_environment_tells_which_process_this_is(environment, variables, expected, first):
    environment(variables)
    assert (peers(), is_first()) == (expected, first)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, type(None)),
        (TORCHRUN, TorchElasticEnvironment),
        (SRUN, SLURMEnvironment),
        (SRUN | TORCHRUN, TorchElasticEnvironment),
        (ONE_TASK, LightningEnvironment),
        (JOB, LightningEnvironment),
    ],
)
def test_lightning_is_told_who_starts_the_processes(environment, variables, expected):
    environment(variables)
    assert type(cluster_environment()) is expected


def test_slurm_requeues_nothing_and_needs_no_ntasks_per_node(environment):
    environment(SRUN)
    slurm = cluster_environment()
    assert (slurm.auto_requeue, slurm.world_size(), slurm.global_rank()) == (False, 2, 1)
    slurm.validate_settings(num_devices=2, num_nodes=1)


@pytest.mark.parametrize(("devices", "nodes"), [(1, 1), (3, 1), (4, 2)])
def test_another_number_of_devices_is_refused(environment, devices, nodes):
    environment(TORCHRUN)
    trainer = SimpleNamespace(num_devices=devices, num_nodes=nodes)
    with pytest.raises(ConfigError, match=rf"^trainer.devices={devices}\b.*torchrun has started 4 processes"):
        check_launch(trainer)


@pytest.mark.parametrize(("devices", "nodes"), [(4, 1), (2, 2)])
def test_the_same_number_is_not(environment, devices, nodes):
    environment(TORCHRUN)
    check_launch(SimpleNamespace(num_devices=devices, num_nodes=nodes))


def test_a_process_by_itself_names_its_run_without_torch():
    code = "import sys, genlab.runs.configuration as c; c.run_name(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
