"""Load and chaos: thousands of commands and clicks while everything round the bot breaks, and a strict count after."""
