"""7 explain: what a principal did in the 48 hours around an incident, and the investigation guide answered from it."""
