"""What every layer uses, and what knows nothing of projects: errors, files, SQL, limits and signals.

Imports nothing of the other layers. Start reading at `errors`.
"""
