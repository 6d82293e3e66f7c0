"""What Prefect schedules and starts: detect, respond, backfill."""
