"""Vault's REST API as this bot uses it: eight calls, all but signing in, keeping alive and signing out only reading.

    endpoints   every call the bot makes          refusals   which failure means which error of the model
    records     Vault's JSON, made into model values
    wire        requests out, answers in, no I/O  client     the calls, over one pooled HTTP client
    pool        that HTTP client

Facts cited as "Vault: ..." come from Veeva's developer portal (veevavault.dev, API v24.3) unless said otherwise.
"""
