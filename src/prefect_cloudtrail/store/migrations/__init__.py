"""How the case store's tables came to be, one revision a file."""
