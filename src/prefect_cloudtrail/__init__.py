"""Finds AWS commands from unusual cities in CloudTrail, and runs the response, on Prefect."""
