"""genlab: generative models on MNIST-like images, trained, pictured, scored and compared by the same code."""

__version__ = "0.1.0"
