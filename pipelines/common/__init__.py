"""What every layer uses: errors, files, SQL, limits and signals. None of it knows about projects.

Imports none of the other layers. Start reading at `errors`.
"""
