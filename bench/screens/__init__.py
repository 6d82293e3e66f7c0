"""A person with a browser goes from the card to the receipt; what they saw is kept as pictures."""
