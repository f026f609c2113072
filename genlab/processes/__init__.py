"""Several processes of one run: who is here, what they agree on, and which of them speaks."""
