"""Everything that speaks Slack: what comes in, how answers look, how they go out."""
