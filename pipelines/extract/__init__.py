"""Reading a provider: its description, HTTP client, listings and records.

Imports `transform`, `config` and `common`. Start reading at `provider`, then `client` and `listing`.
"""
