"""The sentences that say what is being seen."""

from collections.abc import Mapping
from typing import Any


def sentences(shown: Mapping[str, Any], way: str = "") -> list[str]:
    """Three, for what a model has.

    Args:
        shown: see `genlab.report.explorer.exhibit`.
        way: how the model draws, if by changing noise step by step: see `genlab.capabilities.CanTrace`.
    """
    if way:
        return [
            "The model begins with noise from N(0, I) and changes it step by step into a picture.",
            way,
            "The network is too large a program for this page: torch has computed the ways that are shown.",
        ]
    networks = shown["networks"]
    told = bool(shown["shares"])  # the label y
    point = "Each point z of the latent space" + ", with a class y," * told
    if "discriminator" in networks:
        return [
            f"{point} is turned into a picture G(z) by the generator; drawing z ~ N(0, I) draws a picture.",
            f"The discriminator D looks at a picture and says how likely it is a real one{' of that class' * told}.",
            "Both learn from each other: min over G, max over D of E log D(x) + E log(1 − D(G(z))), or the like.",
        ]
    decoder = f"{point} is turned into a picture by the decoder"
    if shown["bound"]:
        x, q, prior = ("p(x|z, y)", "q(z|x, y)", " + log p(y)") if told else ("p(x|z)", "q(z|x)", "")
        return [
            f"{decoder}, which says for every pixel how likely it is white: {x}.",
            f"The encoder goes back: it says where in the space a picture x belongs, {q} = N(μ, σ²), and the point "
            "shown is μ.",
            f"Training raises the bound ELBO = E_q[log {x}] − KL({q} ‖ N(0, I)){prior} ≤ log p(x): pictures come back "
            "(the first part), and their codes fill the space as N(0, I) does (the second).",
        ]
    if "encoder" in networks and not shown["prior"]:
        return [
            f"{decoder}, x̂ = d(z).",
            "The encoder goes back: z = e(x) is the code of a picture x.",
            "Training only makes x̂ = d(e(x)) like x, so nothing says where codes lie, and there is no p(z): "
            "the sliders count standard deviations of the test images' codes.",
        ]
    return [
        f"{decoder}, x = d(z).",
        "Drawing z ~ N(0, I) draws a picture.",
        *(["The encoder goes back: z = e(x) is the code of a picture x."] if "encoder" in networks else []),
    ]
