"""Numbers as the console shows them."""


def readable(value: float) -> str:
    """Two decimals, or three below ten: an ELBO of -98.16 nats, 1.108 bits per dimension."""
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.2f}"
