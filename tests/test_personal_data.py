"""Known personal data in every source: nothing of it is in any file of the state folder, in what is said or in errors.

Every word of the 300 persons holds one of ``NEEDLES``, which stand nowhere else, so a search for these finds them all.
"""

import csv
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest

from demo import Demo, company_copy, serve, simulate, site, web
from pipelines.credentials import pseudonyms

pytestmark = pytest.mark.timeout(600)

AS_OF = date(2026, 10, 18)
NEEDLES = ("鯨岡", "クジラオカ", "ｸｼﾞﾗｵｶ", "くじらおか", "kujiraoka", "KUJIRAOKA", "9173", "９１７３", "鯨ヶ丘")
PHONES = (
    "090-9173-26{n:02}", "0909173{n:04}", "+81 90-9173-26{n:02}", "(090) 9173-26{n:02}", "０９０−９１７３−２６{n:02}",
    "03-9173-26{n:02}", "03(9173)26{n:02}", "+81-3-9173-26{n:02}",
)  # fmt: skip
SPELLINGS = ("鯨岡 太郎{n}", "クジラオカ　タロウ{n}", "ｸｼﾞﾗｵｶ ﾀﾛｳ{n}", "くじらおか たろう{n}", "Taro Kujiraoka {n}")


def person(n: int) -> dict[str, str]:
    email = f"taro.kujiraoka{n}@example.com"
    return {
        "氏名": SPELLINGS[n % len(SPELLINGS)].format(n=n),
        "電話番号": PHONES[n % len(PHONES)].format(n=n % 100),
        "住所": f"東京都鯨ヶ丘{n}-9173",
        "メールアドレス": email if n % 2 else email.upper(),
        "備考": f"{email} に {PHONES[n % 8].format(n=n % 100)} から連絡",
    }


def into_exports(folder: Path, bad_rows: int) -> None:
    """Personal data in columns that are not mapped and in mapped ones where it has no business (``bad_rows`` rows)."""
    for path in sorted(folder.glob("*.csv")):
        encoding = "cp932" if "商談ID".encode("cp932") in path.read_bytes()[:20] else "utf-8-sig"
        with path.open(encoding=encoding, newline="") as file:
            rows = [row for row in csv.DictReader(file) if "鯨岡" not in next(iter(row.values()))]
        texts = [column for column in rows[0] if column in MISUSED]
        for n, row in enumerate(rows):
            row.update(person(n % 300))
            for column in ("最初に閲覧したページ", "ページURL"):
                if row.get(column) and n % 3 == 0:
                    row[column] += f"/{row['メールアドレス']}/?mail={row['メールアドレス']}&tel=090-9173-2604#kujiraoka"
            if n < bad_rows * len(texts):
                row[texts[n % len(texts)]] = list(person(n).values())[n % 5]
        with path.open("w", encoding=encoding, newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
            if bad_rows:  # a row that came apart at a line break in its remarks
                file.write("鯨岡,090-9173-2604\n")


MISUSED = (
    *("作成日", "送信日時", "変更日時", "受注日", "受注額", "開始日", "月額", "金額", "フォロワー数"),
    *("種別", "区分", "フォーム名"),
)
"""Headers of dates, amounts and choices."""


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Demo]]:
    """A demo whose pages, queries and campaigns hold addresses and telephone numbers, and its company folder."""
    tmp, patch = tmp_path_factory.mktemp("personal"), pytest.MonkeyPatch()
    paths, titles = list(site.site().paths), list(site.site().titles)
    paths[site.THANKS] = "/thanks/taro.kujiraoka1@example.com"
    paths[site.FIRST_DOWNLOAD] = "/download/TARO.KUJIRAOKA2%40example.com/090-9173-2604"
    paths[-1] += "/taro.kujiraoka3@example.com"
    paths[-2] += "/03-9173-2604"
    titles[site.PRODUCT], titles[site.PRICING] = "taro.kujiraoka4@example.com", "090-9173-2604"
    page_titles = list(site.site().page_titles)
    page_titles[-3] = "担当 taro.kujiraoka7@example.com 090-9173-2604"
    before = site.site().paths, site.site().titles, site.site().page_titles
    object.__setattr__(site.site(), "paths", tuple(paths))
    object.__setattr__(site.site(), "titles", tuple(titles))
    object.__setattr__(site.site(), "page_titles", tuple(page_titles))
    patch.setattr(web, "SOURCES", (*web.SOURCES[:-1], "taro.kujiraoka5@example.com / email"))
    try:
        world = simulate(AS_OF)
        with serve(world=world) as demo:
            folder = company_copy(tmp / "company", demo.ga4_grpc, demo.http, world, start=date(2026, 9, 1))
            deals = folder / "exports" / "deals.csv"
            into_exports(folder / "exports", bad_rows=1)
            deals.rename(deals.with_name("taro.kujiraoka6@example.com 090-9173-2604.csv"))
            settings = folder / "company.yml"
            settings.write_text(settings.read_text().replace("exports/deals.csv", "exports/*@example.com*.csv"))
            yield folder, demo
    finally:
        object.__setattr__(site.site(), "paths", before[0])
        object.__setattr__(site.site(), "titles", before[1])
        object.__setattr__(site.site(), "page_titles", before[2])
        patch.undo()


def command(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    asked = [sys.executable, "-m", "pipelines.cli", *arguments, "--company", str(folder)]
    return subprocess.run(asked, capture_output=True, check=False)


def traces(state: Path) -> list[str]:
    """Files whose bytes hold a needle in any encoding, and tables of DuckDB with one among their values."""
    coded = {needle.encode(code, "ignore") for needle in NEEDLES for code in ("utf-8", "utf-16-le", "cp932", "euc_jp")}
    coded |= {needle.encode("unicode_escape") for needle in NEEDLES}
    coded.discard(b"")
    coded.discard(b"9173")  # also a part of numbers
    coded |= {b"9173-26", b"9173)26", b"9173-2", b"9173 26", b"090 9173"}
    files = [path for path in sorted(state.rglob("*")) if path.is_file()]
    found = [str(path.relative_to(state)) for path in files if any(needle in path.read_bytes() for needle in coded)]
    for path in state.glob("*.duckdb"):
        with duckdb.connect(str(path), read_only=True) as con:
            columns = con.execute(
                "select schema_name, table_name, column_name from duckdb_columns()"
                " where data_type = 'VARCHAR' and not internal"
            ).fetchall()
            for schema, table, column in columns:
                words = "|".join(needle for needle in NEEDLES if needle != "9173")
                pattern = f"(?i){words}|9173[-) ]26"
                sql = f'select "{column}" from "{schema}"."{table}" where regexp_matches("{column}", ?) limit 1'
                if hit := con.execute(sql, [pattern]).fetchone():
                    found.append(f"{path.name}: {schema}.{table}.{column}: {hit[0]}")
    return found


def said(text: bytes) -> list[str]:
    decoded = text.decode()
    return [needle for needle in NEEDLES if needle in decoded]


def test_nothing_personal_lands_or_is_said(town: tuple[Path, Demo]) -> None:
    folder, _ = town
    night = command(folder, "nightly", "--as-of", str(AS_OF))
    assert night.returncode == 0, night.stderr.decode()
    assert said(night.stdout + night.stderr) == []
    assert traces(folder / ".gyakusan") == []
    with duckdb.connect(str(folder / ".gyakusan" / "warehouse.duckdb"), read_only=True) as con:
        rejected = con.execute("select count(distinct table_name), count(*) from raw.quarantine").fetchone()
        assert rejected is not None and rejected[0] >= 5 and rejected[1] >= 12  # the canaries were there to be found
        taro = pseudonyms(folder / ".gyakusan").person("taro.kujiraoka7@example.com")
        assert con.execute("select count(*) from raw.exports_contacts where person_id = ?", [taro]).fetchone() != (0,)
        for table in ("ga4_page_days", "search_console_page_days", "clarity_page_days"):
            paths = con.execute(f"select count(*) from raw.{table} where path like '%(redacted)%'").fetchone()
            assert paths is not None and paths[0] > 0, table
        queries = con.execute("select count(*) from raw.search_console_query_days where query like '%(redacted)%'")
        assert (queries.fetchone() or (0,))[0] > 0


def test_nothing_personal_is_in_the_errors_of_a_night_that_fails(town: tuple[Path, Demo]) -> None:
    folder, _ = town
    kept = folder.with_name("kept")
    shutil.copytree(folder / "exports", kept)
    into_exports(folder / "exports", bad_rows=500)
    try:
        night = command(folder, "nightly", "--as-of", str(AS_OF))
        doctor = command(folder, "doctor", "--offline")
    finally:
        shutil.rmtree(folder / "exports")
        kept.rename(folder / "exports")
    assert night.returncode == 1
    assert b"cannot be read" in night.stderr
    assert said(night.stdout + night.stderr + doctor.stdout + doctor.stderr) == []
    assert traces(folder / ".gyakusan") == []


def test_a_person_is_forgotten_and_an_old_export_does_not_bring_them_back(town: tuple[Path, Demo]) -> None:
    folder, _ = town
    state, email = folder / ".gyakusan", "taro.kujiraoka7@example.com"
    taro = pseudonyms(state).person(email)
    with duckdb.connect(str(state / "warehouse.duckdb"), read_only=True) as con:
        mine = con.execute("select contact_id from raw.exports_contacts where person_id = ?", [taro]).fetchall()
        others = con.execute("select count(*) from raw.exports_contacts").fetchone()
    contacts = [row[0] for row in mine]
    assert contacts and others

    forgotten = command(folder, "forget", email)
    assert forgotten.returncode == 0, forgotten.stderr.decode()
    assert b"exports/contacts.csv" in forgotten.stderr  # their own file still names the person
    again = command(folder, "nightly", "--as-of", str(AS_OF))
    assert again.returncode == 0, again.stderr.decode()
    needles = [taro.encode(), email.encode(), email.upper().encode()]
    for path in state.rglob("*"):
        assert not path.is_file() or not [needle for needle in needles if needle in path.read_bytes()], path
    with duckdb.connect(str(state / "warehouse.duckdb"), read_only=True) as con:
        columns = con.execute(
            "select schema_name, table_name, column_name from duckdb_columns() where column_name in "
            "('contact_id', 'person_id', 'object_id', 'subscriber_id', 'kept_id', 'record_id') and not internal"
        ).fetchall()
        for schema, table, column in columns:
            sql = f'select count(*) from "{schema}"."{table}" where list_contains(?, "{column}")'
            assert con.execute(sql, [[taro, *contacts]]).fetchone() == (0,), (schema, table, column)
        left = con.execute("select count(*) from raw.exports_contacts").fetchone()
    assert left == (others[0] - len(contacts),)
