"""The demo workspace: emulated Slack and Vault on loopback, with the real bot between them."""
