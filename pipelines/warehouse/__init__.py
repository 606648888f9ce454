"""The warehouse file: where it is, its lock, drafting and publishing it, and reading it.

Imports `transform`, `config` and `common`. Start reading at `lock`, `draft` and `publish`, then `reader`.
"""
