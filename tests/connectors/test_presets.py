"""Every preset against the files beside it: ``presets/<preset>/<kind>[.<variant>].csv`` and its ``.expected.yml``.

The expected file holds ``rows`` (each with its filled columns, as text; ``person_id`` is written as the address) and,
where a company must say something itself, ``company``: what stands beside ``preset:`` in its company.yml.
"""

import csv
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml

from connectors import cells, export_presets, exports
from connectors.errors import SourceError
from connectors.export_settings import ExportFile
from connectors.personal import Pseudonyms
from pipelines.company import Company, inputs, load_company

PSEUDONYMS = Pseudonyms(b"a key for tests only")
FILES = sorted(path for path in export_presets.FOLDER.glob("*/*") if not path.name.endswith(".expected.yml"))


def entry(preset: str, kind: str, file: Path, company: dict[str, Any]) -> ExportFile:
    settings = ExportFile(preset=preset, file=(str(file),), **company)
    return export_presets.merged(kind, settings, export_presets.built_in(preset).exports[kind])


def rows(kind: str, *entries: ExportFile) -> list[dict[str, str]]:
    (load,) = exports.load({kind: entries}, Path(), "Asia/Tokyo", "JPY", PSEUDONYMS)
    table = pa.Table.from_batches(load.batches, load.table.schema)
    return [{name: str(value) for name, value in row.items() if value is not None} for row in table.to_pylist()]


def expected_of(file: Path) -> dict[str, Any]:
    expected: dict[str, Any] = yaml.load(file.with_suffix(".expected.yml").read_text(), yaml.BaseLoader)  # noqa: S506
    return expected
