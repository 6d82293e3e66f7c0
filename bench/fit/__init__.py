"""The numbers that are fitted: what each piece of evidence weighs, and how much a wider context counts."""
