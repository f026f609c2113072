"""What could make the VAE's step on a CPU cheaper: steps without Lightning, data or logging, against a plain loop's.

    python benchmarks/floor.py             # about two minutes on two cores
    python benchmarks/floor.py --compile   # and torch.compile, which needs a C++ compiler

Each round times some steps of every contender in turn; ratios are taken round by round. The floor is the step's
matrix products and nothing else: what no fusion and no cheaper optimizer can take away at this precision.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from loops import SHAPE, VAE_BATCH, HandWrittenVAE
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from genlab.models.vae import VAE
from genlab.training.quick_cpu import flushed_denormals, quick_gpu_check

Step = Callable[[], None]
MODELS, STEPS = 8, 50


def plain_step(images: Tensor) -> Step:
    """The plain loop's of `benchmarks/throughput.py`."""
    model = HandWrittenVAE()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def step() -> None:
        optimizer.zero_grad()
        model.loss(images).backward()
        optimizer.step()

    return step


def genlab_step(images: Tensor, compiled: bool = False) -> Step:
    """genlab's binarization, bound and optimizer, compiled by torch if so wanted."""
    model = VAE().train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)

    def loss(images: Tensor) -> Tensor:
        x = model.observe(images)
        return -model.bounds(x, torch.randn(1, len(x), model.latent_dim))["objective"].mean()

    loss = torch.compile(loss) if compiled else loss

    def step() -> None:
        optimizer.zero_grad()
        loss(images).backward()
        optimizer.step()

    return step


class _Objective(nn.Module):
    def __init__(self, model: VAE) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        return -self.model.bounds(x, noise)["objective"].mean()


def ensemble_step(images: Tensor) -> Step:
    """Eight models that differ in their seed, as one with stacked weights, each with its own binarization."""
    models = [_Objective(VAE().train()) for _ in range(MODELS)]
    stacked, _ = stack_module_state(models)
    weights = {name: weight.detach().requires_grad_() for name, weight in stacked.items()}
    optimizer = torch.optim.Adam(weights.values(), lr=1e-3, fused=True)
    one = models[0]

    def objective(weights: dict[str, Tensor], x: Tensor, noise: Tensor) -> Tensor:
        return functional_call(one, weights, (x, noise))

    def step() -> None:
        x = one.model.observe(images.expand(MODELS, *images.shape))
        noise = torch.randn(MODELS, 1, len(images), one.model.latent_dim)
        optimizer.zero_grad()
        vmap(objective)(weights, x, noise).sum().backward()
        optimizer.step()

    return step


def matrix_products(images: Tensor) -> Step:
    """Those of the linear layers, forward and backward; nothing asks for the gradient of the images."""
    layers = [module for module in VAE().modules() if isinstance(module, nn.Linear)]
    inputs = [torch.rand(len(images), layer.in_features) for layer in layers]
    gradients = [torch.rand(len(images), layer.out_features) for layer in layers]

    @torch.no_grad()
    def step() -> None:
        for i, (layer, x, gradient) in enumerate(zip(layers, inputs, gradients, strict=True)):
            torch.addmm(layer.bias, x, layer.weight.T)
            gradient.T @ x
            if i:
                gradient @ layer.weight

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description="Milliseconds of a VAE's step on the CPU, against a plain loop's")
    parser.add_argument("--rounds", type=int, default=9, help=f"of {STEPS} steps of each")
    parser.add_argument("--compile", action="store_true", help="torch.compile too")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    images = torch.rand(VAE_BATCH, *SHAPE)
    steps: dict[str, Step] = {
        "a plain loop's step": plain_step(images),
        "genlab's step": genlab_step(images),
        f"{MODELS} models as one, for each": ensemble_step(images),
        "matrix products only": matrix_products(images),
    }
    if arguments.compile:
        steps["genlab's step, compiled"] = genlab_step(images, compiled=True)
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    with flushed_denormals(), quick_gpu_check():
        for name, step in steps.items():
            started = time.perf_counter()
            step()
            print(f"{name:30} first step {time.perf_counter() - started:6.2f} s")
        for _ in range(arguments.rounds):
            for name, step in steps.items():
                models = MODELS if "models" in name else 1
                started = time.perf_counter()
                for _ in range(STEPS // models):
                    step()
                seconds[name].append((time.perf_counter() - started) / (STEPS // models * models))
    print(f"{arguments.rounds} rounds, {torch.get_num_threads()} threads, torch {torch.__version__}")
    plain = next(iter(seconds.values()))
    for name, timed in seconds.items():
        ratio = statistics.median(own / other for own, other in zip(timed, plain, strict=True))
        print(f"{name:30} median {1000 * statistics.median(timed):6.2f} ms   {ratio:.2f} of the plain loop's")


if __name__ == "__main__":
    main()
