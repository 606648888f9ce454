"""Writing results: a table for people, CSV, JSON, Parquet, Arrow or a workbook.

Imports `warehouse` and the layers below. Start reading at `result`, then `writer`.
"""
