"""Steps that touch the world, wrapped for Prefect: thin; they hand each other ids and settings, never frames."""
