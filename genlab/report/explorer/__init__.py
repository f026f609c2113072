"""A trained run as one page that computes: its networks, run by the page's own script."""

BITS, SNAPSHOT_BITS = 11, 8  # of each weight: of the run itself; of an epoch of its training
