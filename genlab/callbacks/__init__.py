"""Everything that has side effects."""
