"""From a provider's records to `raw.*`: dlt lands them as Parquet, one transaction merges them.

Imports `extract`, `warehouse` and the layers below. Start reading at `plan`, then `listings`, `landing` and
`merge`.
"""
