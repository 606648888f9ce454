"""Runs that workers share: an engine such as Ray starts, retries and places the units of one run.

Imports `load`, `warehouse`, `transform` and the layers below. `unit` is what one worker does at a time: the
same reading, merging and SQL as in a run of one process, for one connection or for one bucket of its
records. `job` is what is sent to a worker and back. `run` divides a run into units and adds up what they
return. `attempts` does a task on a worker. Only `workers` and the modules `on_ENGINE` know an engine. Start
reading at `run`, then `unit`.
"""
