"""What every layer uses and what does not depend on projects: errors, files, SQL, limits and signals.

Imports none of the other layers. Start reading at `errors`.
"""
