"""Hydra's sweeper for genlab's table and resuming; Hydra looks for plugins in `hydra_plugins`."""
