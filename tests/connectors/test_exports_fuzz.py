"""Some hundred files that nobody should write: benchmarks/csv_fuzz.py makes as many as one likes."""

from pathlib import Path

import duckdb
import pytest

from benchmarks import csv_fuzz
from connectors import export_tables
from pipelines import warehouse


@pytest.mark.parametrize("first", [1, 1_000_001])
def test_every_row_of_a_damaged_file_is_accounted_for_and_nobody_s_address_is_shown(tmp_path: Path, first: int) -> None:
    with duckdb.connect() as con:
        warehouse.prepare(con, [*export_tables.TABLES, *warehouse.TABLES])
        ended = {
            seed: csv_fuzz.check(seed, tmp_path, con if seed % 20 == 0 else None) for seed in range(first, first + 150)
        }
    assert {seed: outcome for seed, outcome in ended.items() if outcome.fault} == {}
    assert {outcome.ended for outcome in ended.values()} == {"loaded", "refused", "too many rows rejected"}
