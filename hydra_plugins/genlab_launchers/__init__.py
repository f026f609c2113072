"""Hydra's launchers for clusters; Hydra looks for plugins in `hydra_plugins`, and imports all it finds there."""
