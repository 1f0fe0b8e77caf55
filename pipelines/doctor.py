"""`gyakusan doctor`: every part of a company that a night needs, probed live, and what to do about what it finds.

Nothing is written but a trial file, and no secret is ever part of a finding.
"""

import os
import platform
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from errno import ENOTDIR
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from connectors.errors import SourceError
from connectors.personal import Pseudonyms
from connectors.text import Locale, Text, same
from pipelines import lock, probes
from pipelines.company import Company, load_company, yesterday
from pipelines.findings import Context, Finding, Status
from pipelines.probes import NAMES, Past

STALE_EXPORT = timedelta(days=7)
FREE_BYTES, LEAST_BYTES = 1 << 30, 256 << 20


def locale_of(folder: Path, asked: str | None) -> Locale:
    """The language asked for, else the company's, else that of the environment."""
    if asked in ("ja", "en"):
        return "ja" if asked == "ja" else "en"
    try:
        return load_company(folder).locale
    except SourceError:
        language = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
        return "ja" if language.startswith("ja") else "en"


def examine(context: Context) -> list[Finding]:
    """Every finding, in the order of the groups."""
    try:
        company = load_company(context.folder)
    except SourceError as error:
        later = Finding(
            "connections",
            "company",
            "skipped",
            Text("接続", "connections"),
            Text("company.yml を直すと調べます", "probed once company.yml is mended"),
        )
        return [*_environment(context), *_wrong_file(error, context, "company.yml"), later]
    past = _past(company)
    running = probes.begin(context, company, past)
    local = [*_environment(context), *_project(context, company)]
    data = [*_exports(context, company), *_notes(context, company), *_data(context, company, past)]
    return [*local, *probes.end(context, running), *data]


# The machine and the folder -------------------------------------------------------------------------------------------


def _environment(context: Context) -> Iterator[Finding]:
    def found(
        check: str, status: Status, label: Text, text: Text, remedy: Text | None = None, command: str | None = None
    ) -> Finding:
        return Finding("environment", check, status, label, text, remedy, command)

    python = found("python", "ok", same("Python"), same(platform.python_version()))
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        said = Text("{v} では動きません", "does not run on {v}").format(v=platform.python_version())
        yield found(
            "python",
            "error",
            python.label,
            said,
            Text("Python 3.11〜3.13 で入れ直してください", "install it again with Python 3.11 to 3.13"),
            "make clean install",
        )
    else:
        yield python
    yield _duckdb_version()
    state = context.folder / ".gyakusan"
    place = next(path for path in (state, context.folder, *context.folder.parents) if path.is_dir())
    label = Text("書き込み", "state folder")
    try:
        with tempfile.NamedTemporaryFile(dir=place, prefix=".doctor-"):
            pass
        if state.exists() and not state.is_dir():
            raise NotADirectoryError(ENOTDIR, os.strerror(ENOTDIR))
    except OSError as error:
        said = Text(f"{state} に書けません: {error.strerror}", f"{state} cannot be written: {error.strerror}")
        yield found(
            "state",
            "error",
            label,
            said,
            Text("夜間処理のユーザーに書き込みを許してください", "let the user who runs the night write there"),
            f"ls -ld {context.path('.gyakusan')} {context.path()}",
        )
        return
    yield found("state", "ok", label, same(str(state)))
    yield _disk(place, state)
    yield _night(context, state)


def _duckdb_version() -> Finding:
    import duckdb

    version, label = duckdb.__version__, same("DuckDB")
    if version.startswith("2.0."):
        return Finding("environment", "duckdb", "ok", label, same(version))
    return Finding(
        "environment",
        "duckdb",
        "error",
        label,
        Text(
            f"{version} は使えません（1.4 はディスクが一杯になると確定済みの行を失います）",
            f"{version} is not supported (1.4 loses committed rows when the disk is full)",
        ),
        Text("2.0 系を入れてください", "install 2.0"),
        f"{shlex.quote(sys.executable)} -m pip install 'duckdb>=2.0,<2.1'",
    )


def _disk(place: Path, state: Path) -> Finding:
    """A night needs the new published file beside the old one, and room for the warehouse to grow."""
    files = [path.stat().st_size for path in state.glob("*.duckdb")] if state.is_dir() else []
    free, wanted = shutil.disk_usage(place).free, FREE_BYTES + 2 * sum(files)
    label = Text("空き容量", "free disk space")
    said = Text(f"{free / (1 << 30):.1f} GiB", f"{free / (1 << 30):.1f} GiB")
    if free >= wanted:
        return Finding("environment", "disk", "ok", label, said)
    short = Text("{free}（目安は {wanted:.1f} GiB）", "{free}, where {wanted:.1f} GiB are wanted")
    return Finding(
        "environment",
        "disk",
        "error" if free < LEAST_BYTES else "warning",
        label,
        short.format(free=said, wanted=wanted / (1 << 30)),
        Text("空きを作ってください", "make room"),
        f"df -h {shlex.quote(str(place))}",
    )


def _night(context: Context, state: Path) -> Finding:
    label = Text("夜間処理", "a night running")
    holder = lock.holder(state)
    if holder is None:
        return Finding("environment", "lock", "ok", label, Text("実行中のものはありません", "none"))
    return Finding(
        "environment",
        "lock",
        "warning",
        label,
        Text(f"今、実行中です（{holder}）", f"one is running now ({holder})"),
        Text("終わるのを待ってください", "wait for it to end"),
        context.again,
    )


def _project(context: Context, company: Company) -> Iterator[Finding]:
    from pipelines.credentials import company_key

    named = Text(
        f"{company.name}（{company.timezone}、年度は{company.fiscal_year_start}月から）",
        f"{company.name} ({company.timezone}, fiscal year from month {company.fiscal_year_start})",
    )
    yield Finding("project", "company.yml", "ok", Text("company.yml", "company.yml"), named)
    yield from _plan(context, company)
    label, key = Text("仮名化の鍵", "key of pseudonyms"), company.state / "key"
    if not key.exists():
        yield Finding("project", "key", "skipped", label, Text("最初の夜間処理で作られます", "made by the first night"))
        return
    try:
        company_key(company.state)
        yield Finding(
            "project",
            "key",
            "ok",
            label,
            Text("このユーザーだけが読めます（0600）", "only this user can read it (0600)"),
        )
    except SourceError as error:
        path = context.path(".gyakusan", "key")
        open_to_all = "chmod" in error.remedy
        yield Finding(
            "project",
            "key",
            "error",
            label,
            Text("ほかのユーザーにも読めます" if open_to_all else "鍵のファイルが壊れています", error.problem),
            None if open_to_all else Text("バックアップから戻してください", error.remedy),
            f"chmod 600 {path}" if open_to_all else f"ls -l {path}",
        )


def _plan(context: Context, company: Company) -> Iterator[Finding]:
    """Of plan.yml; a sheet is probed with the connections."""
    from pipelines.sources import read_plan

    if company.plan:
        said = Text(
            "計画は Google スプレッドシートから読みます（接続を参照）",
            "the plan is a Google Sheet: see the connections",
        )
        yield Finding("project", "plan.yml", "skipped", same("plan.yml"), said)
        return
    try:
        yield Finding("project", "plan.yml", "ok", same("plan.yml"), probes.agreed(read_plan(company)[0]))
    except SourceError as error:
        yield from _wrong_file(error, context, "plan.yml")


def _wrong_file(error: SourceError, context: Context, name: str) -> Iterator[Finding]:
    """What is wrong with a file that a person writes, as its reader says it."""
    said = f"{error.where}: {error.problem}"
    if not any((context.folder / file).exists() for file in ("company.yml", "plan.yml")):
        command = f"gyakusan init {context.path()}"
        remedy = Text("下のコマンドが、質問しながら書きます", "the command below asks and writes it")
    else:
        command = f"${{EDITOR:-vi}} {context.path(name)}"
        remedy = Text("上の行を直してください: " + error.remedy, error.remedy)
    yield Finding("project", name, "error", same(name), same(said), remedy, command)


# Files and what nights left -------------------------------------------------------------------------------------------


def _exports(context: Context, company: Company) -> Iterator[Finding]:
    from connectors import export_columns, exports

    if not company.sources.exports:
        yield Finding(
            "data",
            "exports",
            "skipped",
            Text("エクスポート", "exports"),
            Text("ファイルは1つもつないでいません（sources.exports）", "no file is connected (sources.exports)"),
        )
    # Nothing that is read here is kept, so that no key of pseudonyms needs to be made.
    reader = export_columns.Company(ZoneInfo(company.timezone), company.currency, Pseudonyms(b""))
    for kind, entries in company.sources.exports.items():
        for settings in entries:
            for pattern in settings.file:
                label, check = same(kind), f"exports.{kind}"
                if context.seconds_left == 0:
                    yield Finding(
                        "data",
                        check,
                        "warning",
                        label,
                        Text("時間切れで調べていません", "not looked at: out of time"),
                        None,
                        context.again,
                    )
                    continue
                try:
                    found = exports.sample(kind, settings, pattern, company.folder, reader)
                except SourceError as error:
                    yield _unreadable(context, company, kind, error)
                    continue
                yield _export(context, company, kind, found)


def _unreadable(context: Context, company: Company, kind: str, error: SourceError) -> Finding:
    gone = "no such file" in error.problem or "matches no file" in error.problem
    said = f"{error.where}: {error.problem}"
    return Finding(
        "data",
        f"exports.{kind}",
        "error",
        same(kind),
        Text(f"ファイルがありません: {error.where}", said) if gone else same(said),
        Text("書き出して、そこに置いてください", error.remedy) if gone else same(error.remedy),
        f"ls -l {context.path('exports')}" if gone else context.edit,
    )


def _export(context: Context, company: Company, kind: str, found: Any) -> Finding:
    from connectors.exports import REJECTED_AT_MOST

    age = datetime.now(UTC) - found.modified_at
    columns = Text(f"{len(found.columns)} 列", f"{len(found.columns)} columns")
    lacking = Text("、ない列: ", ", lacks ") if found.lacking else same("")
    said = Text(
        "{name}（{columns}{lacking}{names}、{rows} 行まで確認）", "{name} ({columns}{lacking}{names}, {rows} rows read)"
    )
    said = said.format(
        name=found.name, columns=columns, lacking=lacking, names=", ".join(found.lacking), rows=found.rows
    )
    label, check = same(kind), f"exports.{kind}"
    if age > STALE_EXPORT:
        return Finding(
            "data",
            check,
            "warning",
            label,
            Text("{days} 日前の {said}", "{days} days old: {said}").format(days=age.days, said=said),
            Text("新しく書き出して、置き換えてください", "export it again and replace it"),
            f"ls -l {context.path(found.name)}",
        )
    if found.first_rejected:
        return Finding(
            "data",
            check,
            "error" if found.rejected > REJECTED_AT_MOST * found.rows else "warning",
            label,
            Text(
                f"{found.rows} 行のうち {found.rejected} 行が読めません。最初: {found.first_rejected.where}: "
                f"{found.first_rejected.problem}",
                f"{found.rejected} of {found.rows} rows cannot be read, first: {found.first_rejected.where}: "
                f"{found.first_rejected.problem}",
            ),
            same(found.first_rejected.remedy),
            context.edit,
        )
    if not found.rows:
        return Finding(
            "data",
            check,
            "warning",
            label,
            Text(f"{found.name} に行がありません", f"{found.name} holds no rows"),
            Text("書き出しの条件を確認してください", "look at the filter of the export"),
            context.again,
        )
    return Finding("data", check, "ok", label, said)


def _notes(context: Context, company: Company) -> Iterator[Finding]:
    """Of notes.csv, which nobody needs to have."""
    from connectors import notes

    if not notes.is_there(company.folder):
        return
    load, label = notes.load(company.folder, ZoneInfo(company.timezone)), same(notes.NAME)
    rows = sum(batch.num_rows for batch in load.batches)
    if load.intake and load.intake.rows:
        first = load.intake.rows[0]
        column = Text(f"の列 {first.column}", f" column {first.column}") if first.column else same("")
        said = Text(
            "{n} 行が読めません。最初は {line} 行目{column}: {why}",
            "{n} rows cannot be read, first line {line}{column}: {why}",
        ).format(n=load.intake.rejected, line=first.line, column=column, why=first.reason)
        edit = f"${{EDITOR:-vi}} {context.path(notes.NAME)}"
        yield Finding("data", notes.NAME, "warning", label, said, same(first.remedy or ""), edit)
        return
    yield Finding("data", notes.NAME, "ok", label, Text("{n} 件", "{n} notes").format(n=rows))


def _past(company: Company) -> Past:
    """What the warehouse holds of earlier nights; nothing while a night runs, which alone may open the file."""
    import duckdb

    from connectors import clarity, ga4, search_console
    from pipelines import warehouse

    path = company.state / "warehouse.duckdb"
    if not path.exists() or lock.holder(company.state):
        return Past()
    try:
        with duckdb.connect(str(path), read_only=True) as con:
            answer = con.execute(
                "select fetched_at::date, error from raw.fetches where table_name = ? order by fetched_at desc limit 1",
                [clarity.PAGE_DAYS.name],
            ).fetchone()
            missing = {}
            if company.sources.ga4:
                missing["ga4"] = warehouse.first_missing(con, ga4.TABLES, company.start)
            if company.sources.search_console:
                missing["search_console"] = warehouse.first_missing(con, search_console.TABLES, company.start)
            known = tuple(ga4.Definition.of_row(row) for row in warehouse.rows(con, ga4.DEFINITIONS))
            return Past(known, answer or (None, None), missing)
    except duckdb.Error:  # of an older version, or damaged: the night says what
        return Past()


def _data(context: Context, company: Company, past: Past) -> Iterator[Finding]:
    from pipelines import publish

    nightly = context.command("nightly")
    label = Text("公開済みの夜", "published night")
    last = publish.published(company.state / "marts.duckdb")
    if last is None:
        yield Finding("data", "published", "skipped", label, Text("まだありません", "none yet"), command=nightly)
        return
    zone = ZoneInfo(company.timezone)
    when = last.published_at.astimezone(zone).strftime("%Y-%m-%d %H:%M")
    behind = (yesterday(company) - last.as_of).days
    said = Text(f"{last.as_of} まで（{when} に公開）", f"up to {last.as_of} (published {when})")
    if behind > 0:
        yield Finding(
            "data",
            "published",
            "warning",
            label,
            Text("{said}。{behind} 日遅れています", "{said}: {behind} days behind").format(said=said, behind=behind),
            Text("毎晩動かす設定は docs/deploy.md にあります", "docs/deploy.md says how it runs every night"),
            nightly,
        )
    else:
        yield Finding("data", "published", "ok", label, said)
    for source, first in past.first_missing.items():
        # Search Console gives its days two or three days late.
        due = last.as_of - timedelta(days=3 if source == "search_console" else 0)
        name = Text(f"{NAMES[source]} の日", f"{NAMES[source]} days")
        if first <= due:
            yield Finding(
                "data",
                f"days.{source}",
                "warning",
                name,
                Text(f"{first} からの日が読めていません", f"days from {first} on are not loaded"),
                Text("次の夜間処理が続きから読みます", "the next night goes on from there"),
                nightly,
            )
        else:
            yield Finding(
                "data",
                f"days.{source}",
                "ok",
                name,
                Text(f"{first - timedelta(days=1)} まで欠けなし", f"complete up to {first - timedelta(days=1)}"),
            )
