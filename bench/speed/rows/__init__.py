"""The rows of the table: each is ours beside its peers, in one run."""
