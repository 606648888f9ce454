"""The log of a run, and notifications.

Imports `config` and `common`. Start reading at `notifications`.
"""
