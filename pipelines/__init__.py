"""Rollcall: asks five services for all their projects every night and keeps them, with their history, in one DuckDB file."""
