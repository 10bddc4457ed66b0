"""Vault Uploads: a Slack app that tells people where their Vault upload sessions stand."""

__version__ = "0.1.0"
