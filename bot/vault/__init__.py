"""Vault's REST API as this bot uses it: thirteen calls, all but opening, keeping and ending a session only reading.

    endpoints   every call the bot makes          refusals   which failure means which error of the model
    messages    request and answer as values      records    Vault's JSON, made into model values
    wire        requests out, no I/O              answers    answers in, no I/O
    client      the calls                         shapes     what the JSON is made of
    pool        the HTTP client                   sending    one request over it

Facts cited as "Vault: ..." come from Veeva's developer portal (veevavault.dev, API v24.3) unless said otherwise.
"""
