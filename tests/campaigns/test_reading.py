"""Promises 6 and 7: Python and DuckDB read the same from every accepted record."""

import pytest

from pipelines.extract.records import read_record
from tests.campaigns.reading import GROWING, PROVIDER, campaign

BATCHES = 3


def test_promise_07_python_and_duckdb_read_the_same_of_every_record_that_is_taken() -> None:
    found = campaign(7, lambda batches: batches == BATCHES)
    assert found.differences == []
    assert found.counts["accepted"] > 500
    assert found.counts["quarantined"] > 200
    assert found.counts["read without a canonical hash"] > 300
    assert found.counts["values compared"] > 1_500
    assert found.counts["timestamps compared"] > 1_000
    assert found.counts["pages cut"] > 30


@pytest.mark.parametrize("kind", GROWING)
def test_promise_16_a_text_of_a_megabyte_is_read(kind: str) -> None:
    """Reading in quadratic time would take hours."""
    text = GROWING[kind](1 << 20)
    assert len(text) > 900_000
    taken = read_record(PROVIDER, (), text, {})
    assert taken.record_id == "1" or taken.reason
