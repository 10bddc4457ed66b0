"""The customer's OpenID Connect provider: signing people in there, and renewing what came of it.

    provider    what the bot asks of it              discovery   its metadata and keys, kept for an hour
    id_token    whether an ID token is to be trusted calls       one bounded HTTP call

Authlib builds the requests and checks the claims, joserfc verifies the signatures. Rules cited as "Core" and
"Discovery" are OpenID Connect Core 1.0 and Discovery 1.0.
"""
