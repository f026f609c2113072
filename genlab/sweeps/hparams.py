"""TensorBoard's HParams tab over a whole sweep.

By TensorBoard's protocol buffers, because its `hparams_config_pb` cannot say that the values of a column differ.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from genlab.runs.identity import varying
from genlab.runs.record import flat_settings

SUFFIX = ".sweep"


def write_columns(sweep: Path, folders: Sequence[Path], headlines: Sequence[str]) -> None:
    """Say in the sweep's own folder which columns the tab has: what varies, and each headline.

    TensorBoard takes the columns from any one run that names some, and that of a VAE knows no headline of a GAN: so
    `genlab.loggers.tensorboard` names none for a job.
    """
    settings = [flat_settings(OmegaConf.load(folder / "config.yaml")) for folder in folders]  # type: ignore[arg-type]
    # among the runs that have them, because each model has settings of its own; all settings, if none varies
    names = varying(settings, among_owners=True) or list(settings[0])
    experiment = api_pb2.Experiment(
        name=sweep.name,
        hparam_infos=[_column(name, settings) for name in names],
        metric_infos=[api_pb2.MetricInfo(name=api_pb2.MetricName(tag=f"test/{name}")) for name in headlines],
    )
    content = plugin_data_pb2.HParamsPluginData(experiment=experiment)
    value = Summary.Value(tag=metadata.EXPERIMENT_TAG, metadata=metadata.create_summary_metadata(content))
    for earlier in sweep.glob(f"events.out.tfevents.*{SUFFIX}"):
        earlier.unlink()
    writer = EventFileWriter(str(sweep), filename_suffix=SUFFIX)
    writer.add_event(Event(summary=Summary(value=[value])))
    writer.close()


def _column(name: str, settings: Sequence[dict[str, Any]]) -> api_pb2.HParamInfo:
    values = [flat[name] for flat in settings if name in flat]
    types = {type(value) for value in values}
    number = api_pb2.DATA_TYPE_FLOAT64 if types <= {int, float} else api_pb2.DATA_TYPE_STRING
    kind = api_pb2.DATA_TYPE_BOOL if types == {bool} else number
    return api_pb2.HParamInfo(name=name, type=kind, differs=len(set(map(repr, values))) > 1)
