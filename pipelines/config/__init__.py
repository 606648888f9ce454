"""The settings of a home: the keys, the paths of files, and the settings of dlt.

Imports `common` only. Start reading at `settings`.
"""
