"""The real images, and the real feature network."""

import pytest

from genlab.data.datamodule import ImageDataModule


@pytest.fixture(scope="session")
def mnist():
    """The bundled MNIST, set up."""
    data = ImageDataModule("mnist")
    data.prepare_data()
    data.setup()
    return data
