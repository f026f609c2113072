"""The commands, and the answers to wrong ones."""
