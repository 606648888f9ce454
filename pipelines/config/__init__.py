"""What a home configures: the keys there are, where files are, and what dlt is told.

Imports `common` only. Start reading at `settings`.
"""
