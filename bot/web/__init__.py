"""What browsers and Slack reach by HTTP: the link pages, Slack's endpoint, health."""
