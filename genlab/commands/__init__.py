"""The subcommands of `genlab` that work on run folders."""
