"""A run folder on disk."""
