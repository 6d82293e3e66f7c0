"""How long it takes from the tap in Slack to the key that is Inactive."""
