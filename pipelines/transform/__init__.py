"""The SQL models: what they are, in which order they run, building them, and building only what changed.

Imports `common` only. Start reading at `model`, then `graph` and `build`.
"""
