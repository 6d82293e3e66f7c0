"""How fast every step is at an organisation's scale, beside its peers in the same run."""
