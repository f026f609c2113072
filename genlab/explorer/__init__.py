"""A trained run as one page that computes: its networks, run by the page's own script."""
