"""One module for each verb of the command line, with one public function that returns a result.

A command prints nothing. It may import every layer but `cli`. Start reading at `sync`.
"""
