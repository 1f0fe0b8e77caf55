"""Exported files as nobody should write them: damaged bytes, odd quotes, mixed encodings, hostile cells.

.venv/bin/python -m benchmarks.csv_fuzz --files 100000 [--first SEED]

Every file comes from its seed alone. Checked of each: nothing but SourceError is raised, every row that Python's own
csv module finds is loaded, rejected or set aside, and no e-mail address is in any row, quarantine or message.
"""

import argparse
import csv
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import duckdb
import pyarrow as pa

from connectors import csv_file, export_tables, exports
from connectors.errors import SourceError
from connectors.export_settings import ExportFile
from connectors.export_tables import CHOICES, KINDS, readable
from connectors.personal import Pseudonyms
from connectors.table import Load
from pipelines import warehouse

ENCODINGS = ("utf-8", "cp932", "euc_jp")
WRITTEN_IN = ("utf-8", "utf-8-sig", "cp932", "euc_jp", "utf-16", "latin-1")
ADDRESS = re.compile(r"[\w.+-]+(?:@|%40)[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}\b")
HOSTILE = (
    "", " ", "\u3000", "0", "-1", "1e308", "9" * 40, "NaN", "0000-00-00", "9999-12-31", "2025-02-30", "31/12/9999",
    "45748", "2958466", "令和元年4月31日", "10000年1月1日", "2025-04-01T25:61", "2025-04-01 09:00+99:99",
    "▲", "¥", "()",
    "(1)(2)", '=HYPERLINK("http://x")', "@SUM(1)", "+1", "\0", "\0\0a", "👩‍👩‍👧‍👦", "\u202eevil", "مرحبا",
    "a" * 5000, "%" * 50,
    "taro@example.co.jp", "Taro <taro.yamada+x@mail.example.com>", "ｔａｒｏ＠example.co.jp", "taro%40example.co.jp",
    "mailto:taro@example.co.jp?subject=hello", "https://www.example.co.jp/u/taro@example.co.jp/?m=a@b.jp",
    "090-1234-5678",
    "a;b;c", "a,b", '"', '""', "a\nb", "a\r\nb", "\r", "\ufeff", "\u2028", "TRUE", "false", "35%", "1,2,3",
    "--", "nan%",
)  # fmt: skip


MARKS = (b'"', b",", b";", b"\t", b"\n", b"\r", b"\0", b'""', b'"\n')


@dataclass(frozen=True)
class Outcome:
    """What became of a file, and in words the fault that was found."""

    ended: str
    fault: str | None = None


def ordinary(draw: random.Random, kind: str, column: str) -> str:
    """A cell as it should be."""
    number = draw.randrange(1, 500)
    if (kind, column) in CHOICES:
        return draw.choice([*CHOICES[kind, column], "ほか"])
    if column == "email":
        return f"person.{number}@company-{number % 50}.example.co.jp"
    if column.endswith("_on"):
        month = number % 12 + 1
        return draw.choice([f"2025-{month:02d}-{number % 28 + 1:02d}", f"2025/{month}/3", "令和7年4月1日"])
    if column.endswith("_at"):
        return f"2025/04/{number % 28 + 1:02d} {number % 24}:0{number % 10}"
    if column.startswith("is_"):
        return draw.choice(["TRUE", "", "0", "はい"])
    if column in ("amount", "cost", "monthly_amount"):
        return draw.choice([str(number), f"¥{number},000", f"▲{number}", ""])
    if column in ("page", "landing_page"):
        return draw.choice([f"https://www.example.co.jp/articles/{number}?mail=a%40b.jp", f"/a/{number}", ""])
    if column in ("followers", "sessions"):
        return str(number)
    if column == "scroll_depth":
        return f"{number % 100}%"
    if column == "currency":
        return "JPY"
    return draw.choice([f"{column[:1].upper()}{number}", f"製造業{number}", f"部長, {number}"])


def table(draw: random.Random, kind: str) -> tuple[dict[str, str], list[list[str]]]:
    """Our columns with a header each, and rows of ordinary cells with the header first."""
    columns = {column: f"{column}の列" for column in readable(kind) if column != "is_deleted" or draw.random() < 0.5}
    rows = [[ordinary(draw, kind, column) for column in columns] for _ in range(draw.randrange(0, 150))]
    return columns, [list(columns.values()), *rows]


def with_hostile_cells(draw: random.Random, rows: list[list[str]]) -> None:
    for _ in range(draw.choice([0, 0, 1, 1, 3, 30])):
        row = draw.choice(rows)
        row[draw.randrange(len(row))] = draw.choice(HOSTILE)


def with_other_columns(draw: random.Random, rows: list[list[str]]) -> None:
    row = draw.choice(rows)
    change = draw.randrange(3)
    if change == 0:
        draw.shuffle(row)
    elif change == 1:
        row.append("more")
    else:
        del row[-1]


def written(draw: random.Random, rows: list[list[str]]) -> bytes:
    out = StringIO(newline="")
    csv.writer(
        out,
        delimiter=draw.choice(",,,,;\t"),
        lineterminator=draw.choice(["\n", "\r\n", "\r\n", "\r"]),
        quoting=draw.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    ).writerows(rows)
    text = out.getvalue().replace("\0", draw.choice(["\0", ""]))
    return text.encode(draw.choice(WRITTEN_IN[: draw.choice([2, 4, 4, 4, 4, 4, 6])]), errors="replace")


def damaged(draw: random.Random, content: bytes) -> bytes:
    for _ in range(draw.choice([0, 0, 0, 1, 2, 5])):
        place, other = draw.randrange(len(content) + 1), draw.randrange(len(content) + 1)
        content = draw.choice(
            [
                content[:place] + bytes([draw.randrange(draw.choice([128, 128, 256]))]) + content[place + 1 :],
                content[:place] + draw.choice(MARKS) + content[place:],
                content[:place] + content[place + draw.randrange(1, 40) :],
                content[:place],
                content[:place] + content[other:],
                content + "Copyright (c) 山田 <yamada@example.co.jp>\n".encode(draw.choice(("utf-8", *ENCODINGS))),
            ]
        )
    return content


def check(seed: int, folder: Path, con: duckdb.DuckDBPyConnection | None = None) -> Outcome:
    """Make the file of a seed, load it (into the warehouse of ``con`` if one is given) and look for faults."""
    draw = random.Random(seed)
    kind = draw.choice(list(KINDS))
    columns, rows = table(draw, kind)
    with_hostile_cells(draw, rows)
    if draw.random() < 0.3:
        with_other_columns(draw, rows)
    path = folder / "export.csv"
    path.write_bytes(damaged(draw, written(draw, rows)))
    entry = ExportFile.model_validate(settings(draw, kind, columns))
    (load,) = exports.load({kind: [entry]}, folder, "Asia/Tokyo", "JPY", Pseudonyms(b"key"))
    said, complete = "", True
    loaded: list[pa.RecordBatch] = []
    listed = []
    try:
        if con is not None:
            warehouse.replace(con, load)
        else:
            loaded.extend(load.batches)
    except SourceError as error:
        said, complete = str(error), "cannot be read, more than" in str(error)
    except Exception as error:
        return Outcome("failed", f"{type(error).__name__}: {error}")
    assert load.intake is not None
    if con is not None:
        shown = str(con.execute(f"select * from raw.{load.table.name}").fetchall())
        shown += str(con.execute("select * exclude (loaded_at) from raw.quarantine").fetchall())
    else:
        listed = load.intake.rows
        shown = "".join(str(batch.to_pylist()) for batch in loaded) + str(listed)
    if found := ADDRESS.search(shown + said):
        return Outcome("leaked", f"e-mail address {found[0]}")
    if complete:
        fault = miscounted(load, entry, path, sum(batch.num_rows for batch in loaded) if con is None else None)
        if fault:
            return Outcome("miscounted", fault)
    return Outcome("loaded" if not said else "too many rows rejected" if complete else "refused")


def settings(draw: random.Random, kind: str, columns: Mapping[str, str]) -> dict[str, object]:
    values = {column: {"ほか": known[0]} for (of, column), known in CHOICES.items() if of == kind and column in columns}
    found: dict[str, object] = {"file": "export.csv", "columns": dict(columns), "values": values, "may_shrink": True}
    found["footer"] = draw.random() < 0.2
    if draw.random() < 0.2:
        found["id_format"] = "salesforce"
    if draw.random() < 0.2:
        found["day_order"] = "mdy"
    if draw.random() < 0.1:
        found["only"] = {draw.choice(list(columns.values())): ["mql", "won", "A1"]}
    return found


def miscounted(load: Load, entry: ExportFile, path: Path, loaded: int | None) -> str | None:
    """How the counts differ from each other, or from the rows that Python's csv module finds."""
    counts = load.intake
    assert counts is not None
    if loaded is not None and counts.read != loaded + counts.rejected + counts.set_aside:
        return f"{counts.read} read, {loaded} loaded, {counts.rejected} rejected, {counts.set_aside} set aside"
    listed = [row for row in counts.rows if row.is_rejected]
    if loaded is not None and len(listed) != counts.rejected:
        return f"{counts.rejected} rejected, {len(listed)} of them listed"
    wanted = {name for headers in entry.columns.values() for name in headers}
    found = csv_file.opened(
        path, path.name, ENCODINGS, None, lambda headers: len(wanted & {header.strip() for header in headers})
    )
    with path.open(encoding=found.encoding, newline="") as text:
        rows = sum(any(row) for row in csv.reader(text, delimiter=found.delimiter, strict=True)) - 1
    return None if rows == counts.read else f"the file has {rows} rows, {counts.read} were read"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--first", type=int, default=1, help="the seed of the first file")
    asked = parser.parse_args()
    ended: Counter[str] = Counter()
    faults: list[str] = []
    began, cpu = time.monotonic(), time.process_time()
    with tempfile.TemporaryDirectory() as tmp, duckdb.connect() as con:
        warehouse.prepare(con, [*export_tables.TABLES, *warehouse.TABLES])
        for number in range(asked.files):
            seed = asked.first + number
            outcome = check(seed, Path(tmp), con if seed % 20 == 0 else None)
            ended[outcome.ended] += 1
            if outcome.fault:
                faults.append(f"seed {seed}: {outcome.fault}")
            if number % 100 == 99 or number + 1 == asked.files:
                rate = (number + 1) / (time.monotonic() - began)
                print(f"\r{number + 1:,} files, {rate:.0f} a second: {dict(ended)}", end="", flush=True)
    print(f"; {time.process_time() - cpu:.0f} CPU s")
    print("\n".join(faults[:20]))
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
