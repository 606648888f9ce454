"""The SQL models: reading and ordering them, building their tables, updating what changed, and checking.

Imports `common` only. Start reading at `model`, then `graph` and `build`.
"""
