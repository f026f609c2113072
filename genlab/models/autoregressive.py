"""The autoregressive model: a causal transformer over patches, or MADE (Germain et al. 2015)."""

import math
from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor
from torch.nn import functional as F

from genlab.arguments import checked
from genlab.bijections import bits_per_dim
from genlab.capabilities import Temperature
from genlab.models.binarization import binarize, binarize_afresh
from genlab.models.cosine_schedule import cosine_schedule
from genlab.models.evaluation_means import log_means
from genlab.models.fixed_noise import fixed_uniform
from genlab.models.labels import LabelDropout, LabelledModel
from genlab.networks import ImageShape
from genlab.networks.causal_transformer import CausalTransformer, Positions
from genlab.networks.made import MADE
from genlab.networks.patches import PatchSize, from_patches, patch_grid, to_patches
from genlab.objectives import importance_weighted_bound

LEVELS = {"binary": 2, "8-bit": 256}  # of a pixel
MOST_SYMBOLS = 4096


class Autoregressive(LabelledModel):
    """p(x) = Π_i p(x_i | x_1, …, x_{i−1}), exact: x_i is a patch of pixels, one of finitely many symbols.

    Training maximises log p(x). Binary pixels are drawn from the grey ones as the VAE's are.

    A conditional one has p(x_i | x_1, …, x_{i−1}, y) for the label y. In training, validation and test it is measured
    by log p(x, y) = log p(x|y) + log p(y), which is no larger than log p(x).

    Args:
        architecture: `transformer`: causal, patches row by row; `made`: a masked network (Germain et al. 2015).
        pixels: `binary`, or `8-bit` with 256 levels.
        patch_size: height and width in pixels. A patch of n binary pixels is one of 2ⁿ symbols, of 8-bit ones 256ⁿ.
        layers: of the transformer.
        width: of the transformer's features.
        heads: of its attention.
        positions: their embedding in the transformer.
        hidden_dims: of made.
        orders: of made, which share the weights; training takes them in turn. p(x) is the mean of p(x | order).
        learning_rate: Adam's, at its highest.
        learning_rate_schedule: `cosine` lets it rise over the warm-up and fall to 0 at the end of the run.
        warmup_steps: over which it rises linearly from 0.
        conditional, label_dropout, num_classes: see `LabelledModel`.
        image_shape: (C, H, W).
    """

    @checked
    def __init__(
        self,
        architecture: Literal["transformer", "made"] = "transformer",
        pixels: Literal["binary", "8-bit"] = "binary",
        patch_size: PatchSize = (2, 2),
        layers: PositiveInt = 3,
        width: PositiveInt = 96,
        heads: PositiveInt = 3,
        positions: Positions = "learned",
        hidden_dims: Annotated[Sequence[PositiveInt], Field(min_length=1)] = (1000,),
        orders: PositiveInt = 1,
        learning_rate: PositiveFloat = 4e-3,
        learning_rate_schedule: Literal["constant", "cosine"] = "cosine",
        warmup_steps: NonNegativeInt = 100,
        conditional: bool = False,
        label_dropout: LabelDropout = 0.0,
        image_shape: ImageShape = (1, 28, 28),
        num_classes: NonNegativeInt = 10,
    ) -> None:
        super().__init__(conditional, num_classes, label_dropout)
        self.save_hyperparameters()
        self.pixels = pixels
        self.image_shape = image_shape
        self.patch_size = (patch_size[0], patch_size[1])
        self.learning_rate = learning_rate
        self.learning_rate_schedule = learning_rate_schedule
        self.warmup_steps = warmup_steps
        self.grid = patch_grid(image_shape, patch_size)
        features, levels = image_shape[0] * math.prod(patch_size), LEVELS[pixels]
        symbols = levels**features
        if symbols > MOST_SYMBOLS:
            raise ValueError(f"patch_size: {features} {pixels} pixels make {symbols} symbols; use smaller patches")
        self.place: Tensor  # value of a pixel's place in the number of its patch, whose digits the pixels are
        self.palette: Tensor  # (symbols, features): the pixels of each symbol
        place = levels ** torch.arange(features)
        self.register_buffer("place", place, persistent=False)
        palette = torch.arange(symbols).unsqueeze(1) // place % levels / (levels - 1)
        self.register_buffer("palette", palette, persistent=False)
        self.network: CausalTransformer | MADE
        if architecture == "made":
            self.orders = orders
            classes = self.classes_told
            self.network = MADE(math.prod(self.grid), features, symbols, hidden_dims, orders, classes=classes)
        else:
            self.orders = 1
            self.network = CausalTransformer(
                self.grid, features, symbols, layers, width, heads, positions, self.classes_told
            )

    # Images as symbols

    def patches(self, x: Tensor) -> Tensor:
        """Images (B, C, H, W) → patches (B, N, features), row by row."""
        return to_patches(x, self.patch_size)

    def images(self, patches: Tensor) -> Tensor:
        """Patches (B, N, features) → images (B, C, H, W)."""
        return from_patches(patches, self.image_shape, self.patch_size)

    def symbols(self, patches: Tensor) -> Tensor:
        """Patches (…, features) → their numbers in the palette (…)."""
        return ((patches * (LEVELS[self.pixels] - 1)).round().long() * self.place).sum(-1)

    def observe(self, images: Tensor) -> Tensor:
        """Grey images → the x that the model explains: binary, drawn anew in training, else fixed for each image."""
        if self.pixels == "8-bit":
            return images
        if self.training:
            return binarize_afresh(images)
        return binarize(images, fixed_uniform(images, tuple(images.shape[1:])))

    # The objective

    def logits(self, patches: Tensor, order: int = 0, labels: Tensor | None = None) -> Tensor:
        """log p(x_i | those before it, y) up to a constant: patches (B, N, features), labels (B,) → (B, N, symbols)."""
        if isinstance(self.network, MADE):
            logits = self.network(patches, order, labels)
        else:
            logits = self.network(patches, labels=labels)
        return logits.to(patches)  # of bfloat16 under autocast

    def log_likelihood_in(self, order: int, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """log p(x | order, y), in nats: (B, C, H, W), labels (B,) → (B,)."""
        return self._of_each_patch(self.patches(x), order, labels).sum(1)

    def _of_each_patch(self, patches: Tensor, order: int, labels: Tensor | None) -> Tensor:
        """log p(x_i | those before it, y), in nats: (B, N, features) → (B, N)."""
        logits, symbols = self.logits(patches, order, labels), self.symbols(patches)
        # one row a patch: with the symbols in the second dimension it takes half as long again
        information = F.cross_entropy(logits.flatten(0, 1), symbols.flatten(), reduction="none")
        return -information.view_as(symbols)

    def exact_log_likelihood(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """log p(x), in nats: grey images (B, C, H, W) → (B,).

        x is the one binarization that validation and test use. With labels (B,) log p(x|y); without, of a conditional
        model, log Σ_y p(x|y) p(y).
        """
        x = self.observe(images)
        return self.over_labels(len(x), lambda labels: self._over_orders(x, labels), labels)

    def log_likelihood_by_class(self, images: Tensor) -> Tensor:
        """log p(x|y) for all y, in nats: grey images (B, C, H, W) → (B, num_classes); x as above."""
        x = self.observe(images)
        return self.of_each_label(len(x), lambda labels: self._over_orders(x, labels))

    def _over_orders(self, x: Tensor, labels: Tensor | None) -> Tensor:
        with self._full_precision():
            # of equal weights a mean of probabilities, as of importance weights
            return importance_weighted_bound(
                torch.stack([self.log_likelihood_in(order, x, labels) for order in range(self.orders)])
            )

    # Training, validation, test

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> dict[str, Tensor]:
        (order,) = self.step_constants(batch_idx)
        labels = self.told(batch[1])
        log_likelihood = self.joint(self.log_likelihood_in(order, self.observe(batch[0]), labels), labels).mean()
        return {"loss": -log_likelihood, **self._measure(log_likelihood)}

    def step_constants(self, batch_idx: int) -> tuple[int]:
        """The order of the pixels."""
        return (batch_idx % self.orders,)

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._evaluate("val", *batch)

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._evaluate("test", *batch)

    def _evaluate(self, split: str, images: Tensor, labels: Tensor) -> None:
        told = self.told(labels)
        log_likelihood = self.joint(self._over_orders(self.observe(images), told), told)
        log_means(self, split, self._measure(log_likelihood.mean()), len(images))

    def _measure(self, log_likelihood: Tensor) -> dict[str, Tensor]:
        if self.pixels == "binary":
            return {"nll": -log_likelihood}
        bits = bits_per_dim(log_likelihood, math.prod(self.image_shape))
        return {"bits_per_dim": bits, "log_likelihood": log_likelihood}

    def _full_precision(self) -> torch.autocast:
        return torch.autocast(self.device.type, enabled=False)

    def configure_optimizers(self) -> torch.optim.Optimizer | OptimizerLRSchedulerConfig:
        optimizer = torch.optim.Adam(self.parameters(), lr=self.learning_rate, fused=True)
        if self.learning_rate_schedule == "constant":
            return optimizer
        return cosine_schedule(optimizer, self.trainer, self.warmup_steps)

    @property
    def quantities(self) -> tuple[str, ...]:
        """The first is the headline of a run."""
        return ("nll",) if self.pixels == "binary" else ("bits_per_dim", "log_likelihood")

    @property
    def protocol(self) -> dict[str, str]:
        """What each logged quantity of validation and test is."""
        if self.pixels == "binary":
            return {"nll": "nats per image; x drawn once for each image"}
        return {
            "bits_per_dim": f"-log2 P(image) / {math.prod(self.image_shape)}, 256 levels",
            "log_likelihood": "log P(image), nats per image, 256 levels",
        }

    @property
    def estimators(self) -> dict[str, str]:
        """How they are computed."""
        how = f"exact: the mean of p over {self.orders} orders" if self.orders > 1 else "exact"
        return dict.fromkeys(self.quantities, f"upper bound: -log p(x, y), {how}" if self.conditional else how)

    # What the mathematics gives

    def sample(
        self,
        n: int,
        generator: torch.Generator | None = None,
        temperature: Temperature = 1.0,
        *,
        labels: Tensor | None = None,
    ) -> Tensor:
        """n images (n, C, H, W), x ~ p(x), which a CPU generator fixes.

        At a temperature T each patch is drawn from p(x_i | those before it)^(1/T), normalised.
        Labels (n,): see `genlab.capabilities.CanSampleLabels`.
        """
        order = torch.randint(self.orders, (n,), generator=generator)
        uniform = torch.rand(n, math.prod(self.grid), generator=generator).to(self.palette)
        patches = uniform.new_zeros(*uniform.shape, self.palette.shape[1])
        labels = self.labels_for(n, generator, labels)
        for one in order.unique().tolist():
            rows = (order == one).to(uniform.device)
            theirs = None if labels is None else labels[rows]
            patches[rows] = self.draw(patches[rows], uniform[rows], order=one, temperature=temperature, labels=theirs)
        return self.images(patches)

    @property
    def network_evaluations(self) -> int:
        """For a sample: one for each patch."""
        return math.prod(self.grid)

    def complete(self, images: Tensor, rows: int, generator: torch.Generator | None = None) -> Tensor:
        """Grey images (B, C, H, W) → x whose first rows of pixels are theirs and whose others are drawn, given these.

        Where a patch has pixels of both, it is drawn. In the order row by row, also where the model has others. A
        conditional model draws the label first, given the rows too.
        """
        patches = self.patches(self.observe(images))
        uniform = torch.rand(patches.shape[:2], generator=generator).to(patches)
        start = rows // self.patch_size[0] * self.grid[1]
        labels = self._labels_given(patches, start, generator) if self.conditional else None
        return self.images(self.draw(patches, uniform, start=start, labels=labels))

    @torch.no_grad()
    def _labels_given(self, patches: Tensor, start: int, generator: torch.Generator | None) -> Tensor:
        """y ~ p(y | the first `start` patches): (B, N, features) → (B,)."""
        with self._full_precision():
            by_class = self.of_each_label(
                len(patches), lambda labels: self._of_each_patch(patches, 0, labels)[:, :start].sum(1)
            )
        posterior = (by_class + self.label_prior.log()).softmax(-1)
        uniform = torch.rand(len(patches), 1, generator=generator).to(posterior)
        return (posterior.cumsum(-1)[:, :-1] < uniform).sum(-1)

    @torch.no_grad()
    def draw(
        self,
        patches: Tensor,
        uniform: Tensor,
        start: int = 0,
        order: int = 0,
        temperature: float = 1.0,
        cached: bool = True,
        labels: Tensor | None = None,
    ) -> Tensor:
        """Patches (B, N, features) with all but the first `start` drawn anew, given these.

        Args:
            patches: those behind the first `start` are not looked at.
            uniform: U(0, 1) noise (B, N): the symbol drawn is the one whose step of the distribution function it meets.
            start: how many are kept.
            order: of made.
            temperature: see `sample`.
            cached: the transformer keeps keys and values of the positions that are done. Without, each is a pass over
                all before it, with the same result.
            labels: (B,), of a conditional model; None is the null label.
        """
        patches = patches.clone()
        caches = self.network.empty_caches() if cached and isinstance(self.network, CausalTransformer) else None
        with self._full_precision():
            for i in self._sequence(order)[start:]:
                if isinstance(self.network, MADE):
                    logits = self.network(patches, order, labels)[:, i]
                else:
                    logits = self.network(patches, i + 1, caches, labels)[:, -1]
                cumulative = (logits / temperature).softmax(-1).cumsum(-1)
                symbol = (cumulative[:, :-1] < uniform[:, i : i + 1]).sum(-1)
                patches[:, i] = self.palette[symbol]
        return patches

    def _sequence(self, order: int) -> list[int]:
        """Which position comes first, second, …"""
        if isinstance(self.network, MADE):
            return self.network.ranks[order].argsort().tolist()
        return list(range(math.prod(self.grid)))
