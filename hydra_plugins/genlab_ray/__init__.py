"""Hydra's launcher for a Ray cluster; Hydra looks for launchers in `hydra_plugins`, and imports all it finds there."""
