"""The warehouse file: where it is, drafting and publishing it, and reading it.

Imports `transform`, `config` and `common`. Start reading at `publish`, then `reader`.
"""
