"""Reading a provider: its description, its HTTP client, one listing, and the records of its pages.

Imports `transform`, `config` and `common`. Start reading at `provider`, then `client` and `listing`.
"""
