"""`genlab features`: the network in whose features samples of a data set are scored."""

import time
from pathlib import Path
from typing import Any

import click

from genlab.cli.options import command, writing
from genlab.console.program import keep_quiet


@command(
    examples=[
        "genlab features data=fashion_mnist",
        "genlab features data=folder data.root=pictures data.image_size=32",
        "genlab features data=arrays data.root=mine.npz --epochs 20",
        "genlab features data=mnist --epochs 12 --out FOLDER",
    ]
)
@click.argument(
    "settings", metavar="KEY=VALUE...", help="see above; other settings of genlab train change nothing", nargs=-1
)
@click.option("--config-dir", metavar="FOLDER", help="folder of your configs, as of genlab train")
@click.option("--epochs", type=click.IntRange(1, 10_000), help="(default: 300,000 images in all, in 5 to 40 epochs)")
@click.option(
    "--out",
    type=click.Path(exists=True, file_okay=False, writable=True, path_type=Path),
    metavar="FOLDER",
    help="train anew, and write the files into this folder instead of your cache",
)
def features(settings: tuple[str, ...], config_dir: str | None, epochs: int | None, out: Path | None) -> None:
    """Train the small classifier in whose features samples of a data set are scored: by its labels, or where it has
    none by telling how an image was turned. Once for each data set, in minutes; genlab keeps it in your cache, and
    genlab evaluate, val/fid_NAME in training and the GAN's best.ckpt use it. MNIST's is there already. Of labels a
    second, other classifier is trained, for label_accuracy_second.

    data=… names the images, and trainer.accelerator=cpu|gpu where it is trained, both as of genlab train;
    docs/evaluation.md tells more.
    """
    from genlab.cli.overrides import composed  # here, because of Hydra, which --help does without

    cfg = composed(settings, config_dir)
    keep_quiet()
    # seconds, because of torch: a wrong name is answered before
    import torch
    from rich.console import Console
    from rich.progress import Progress

    from genlab.data.datamodule import ImageDataModule
    from genlab.evaluation.feature_network import FeatureNetwork, Space, packed, place_of, space_of
    from genlab.evaluation.feature_training import default_epochs, is_poor, train_features
    from genlab.runs.atomic import whole_file
    from genlab.runs.construction import construct

    data = construct(cfg.data, "data", ImageDataModule)
    data.prepare_data()
    data.setup()
    device = "cuda" if cfg.trainer.accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available() else "cpu"
    epochs = epochs or default_epochs(data)
    space = Space(data.space, None) if out else space_of(data)
    for second, found in ((False, space.network), (True, space.second)):
        what = "label_accuracy_second" if second else f"fid_{data.space}"
        if found is not None:
            print(f"{what}: there is a network already; {_told(found)}")
        if found is not None or (second and data.num_classes < 2):
            continue
        started, console = time.perf_counter(), Console(stderr=True)
        with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
            network, labelled, accuracy = train_features(data, epochs, device, progress.track, second)
        content = packed(network, data, labelled, accuracy, epochs)
        place = place_of(data, content, second, out)
        with writing(place, "make room, or allow access"), whole_file(place) as file:
            file.write(content)
        print(f"{what}: {_told(FeatureNetwork(content))}")
        print(f"written      {place}   ({time.perf_counter() - started:.0f} s)")
        if is_poor(accuracy, network.output.out_features):
            print(f"warning: {accuracy:.1%} is near to chance, so distances in these features say little")


def _told(network: Any) -> str:
    return f"{network.title}, test accuracy {network.test_accuracy:.2%}, SHA-256 {network.sha256[:16]}"
