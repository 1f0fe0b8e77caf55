"""Exported contacts, CSV to DuckDB, with e-mail addresses made pseudonyms: 100,000 and 1,000,000 rows in four files
of mixed encodings, and beside it pandas.read_csv of the same files, which reads text and no more.

.venv/bin/python -m benchmarks.csv_intake
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import process_time

import pandas as pd
from rich.console import Console
from rich.table import Table as Printed

from connectors import export_tables, exports
from connectors.export_settings import ExportFile
from connectors.personal import Pseudonyms
from pipelines import warehouse

SIZES = (100_000, 1_000_000)
ENCODINGS = ("utf-8-sig", "cp932", "euc_jp", "utf-8-sig")
COLUMNS = {
    "contact_id": "コンタクトID",
    "email": "メールアドレス",
    "account_id": "会社ID",
    "industry": "業種",
    "job_title": "役職",
    "created_on": "作成日",
    "landing_page": "最初に閲覧したページ",
    "newsletter_on": "メルマガ登録日",
    "unsubscribed_on": "配信停止日",
    "invalid_reason": "無効理由",
}
HEADER = ",".join([*COLUMNS.values(), "氏名", "電話番号", "備考"])
INDUSTRIES = ("製造業", "卸売業", "情報通信業", "サービス業", "")
TITLES = ("課長", "部長", "主任", "代表取締役", "担当")


def lines(first: int, last: int) -> Iterator[str]:
    for n in range(first, last):
        day = f"{n % 28 + 1:02d}"
        cells = (
            f"C{n:08d}",
            f"tantou.{n}@c{n % 90_000}.example.co.jp",
            f"A{n % 90_000:06d}",
            INDUSTRIES[n % 5],
            TITLES[n % 5],
            f"2025/{n % 12 + 1:02d}/{day}",
            f"https://www.example.co.jp/articles/{n % 120}?utm_source={n % 7}",
            f"2025-0{n % 9 + 1}-{day}" if n % 3 else "",
            "",
            "" if n % 50 else "競合",
            f"担当者{n:07d}",
            f"03-0000-{n % 10_000:04d}",
            '"展示会で名刺交換, 折り返し電話を希望"' if n % 10 else "",
        )
        yield ",".join(cells) + "\r\n"


def write(folder: Path, rows: int) -> None:
    share = rows // len(ENCODINGS)
    for number, encoding in enumerate(ENCODINGS):
        with (folder / f"contacts-{number}.csv").open("w", encoding=encoding, newline="") as file:
            file.write(HEADER + "\r\n")
            file.writelines(lines(number * share, (number + 1) * share))


def to_duckdb(folder: Path) -> None:
    """What a night does with the files of a kind."""
    files = [f"contacts-{number}.csv" for number in range(len(ENCODINGS))]
    values = {"invalid_reason": {"競合": "competitor"}}
    entry = ExportFile.model_validate({"file": files, "columns": COLUMNS, "values": values})
    with warehouse.connect(folder / "warehouse.duckdb") as con:
        warehouse.prepare(con, [*export_tables.TABLES, *warehouse.TABLES])
        for load in exports.load({"contacts": [entry]}, folder, "Asia/Tokyo", "JPY", Pseudonyms(b"key")):
            warehouse.replace(con, load)


def to_pandas(folder: Path) -> None:
    for number, encoding in enumerate(ENCODINGS):
        pd.read_csv(folder / f"contacts-{number}.csv", dtype=str, keep_default_na=False, encoding=encoding)


WORK = {"duckdb": to_duckdb, "pandas": to_pandas}


def measured(name: str, folder: Path) -> tuple[float, float]:
    """CPU seconds and peak MB of the work, in a process of its own; its imports are not counted."""
    child = subprocess.run(
        [sys.executable, "-m", "benchmarks.csv_intake", name, str(folder)], capture_output=True, text=True, check=True
    )
    seconds, peak, imported = json.loads(child.stdout)
    return seconds, peak - imported


def peak_mb() -> float:
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1000


def main() -> None:
    printed = Printed("rows", "rows per CPU second", "CPU s", "peak MB above imports", "pandas: CPU s", "ratio")
    with tempfile.TemporaryDirectory() as tmp:
        for rows in SIZES:
            folder = Path(tmp) / str(rows)
            folder.mkdir()
            write(folder, rows)
            (ours, peak), (theirs, _) = measured("duckdb", folder), measured("pandas", folder)
            printed.add_row(
                f"{rows:,}", f"{rows / ours:,.0f}", f"{ours:.2f}", f"{peak:,.0f}", f"{theirs:.2f}",
                f"{ours / theirs:.2f}",
            )  # fmt: skip
    Console().print(printed, "aim: 200,000 rows per CPU second, and a peak that does not grow with the rows")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        imported, began = peak_mb(), process_time()
        WORK[sys.argv[1]](Path(sys.argv[2]))
        print(json.dumps([process_time() - began, peak_mb(), imported]))
    else:
        main()
