"""What the bot does, in order: gather, decide, return a value. Knows no Slack and no web framework."""
