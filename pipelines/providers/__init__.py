"""One module per provider, found by its name; see `pipelines.extract.provider`."""
