"""9 ask: the card, its thread and the dialogs (pure), and what brings them to Slack and answers back."""
