"""Tensors → grids and figures: pure, no trainer."""
