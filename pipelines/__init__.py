"""Rollcall: all projects of five services, with their history, in one DuckDB warehouse."""
