"""What the plan asks and what will come of it: from the models' rows to the tables of layer ``analysis``."""

from collections.abc import Iterator, Mapping
from datetime import date

import duckdb
import pandas as pd
import pyarrow as pa

from analysis import funnel
from analysis.pace import Landing
from connectors.table import Load, Table
from pipelines.company import Company
from pipelines.plan import articles, forecasts, required, tables
from pipelines.plan.forecasts import Forecast
from pipelines.plan.inputs import GRAIN_DAYS, Inputs, Rows, read
from pipelines.plan.landings import INTERVAL, Landings, landing_rows
from pipelines.plan.required import WalkedBack
from pipelines.plan.smart import smart_rows


def loads(con: duckdb.DuckDBPyConnection, company: Company) -> Iterator[Load]:
    """The tables of :data:`pipelines.plan.tables.TABLES`, for the models as they are built."""
    given = read(con, company.calendar)
    yield _snapshot(tables.FUNNEL, funnel_rows(given))
    yield _snapshot(tables.COHORTS, cohort_rows(given))
    # What is written last says what is there, so that a kill in between leaves nothing half made.
    there = con.execute("select distinct goal_start from analysis.required_periods").fetchall()
    asked = required.asked(given, {start for (start,) in there})
    known = {planned.goal.start: required.walked_back(given, planned.goal) for planned in asked}
    earlier = con.execute(
        "select goal_start, goal_end, kpi, required, required_probable from analysis.required"
        " where required is not null and (method is null or method <> 'period_ratio') order by goal_start, place"
    ).fetchall()
    shares = required.share_rows(given, asked, known, required.stored(earlier))
    if asked:
        first = asked[0].goal.start
        rows = [row for one in asked for row in required.required_rows(one, known)]
        yield _span(tables.REQUIRED, first, date.max, rows)
        yield _span(tables.REQUIRED_PERIODS, min([first, *(row["period_start"] for row in shares)]), date.max, shares)
    made = [Forecast.of(given, planned) for planned in given.live]
    history = [one.row(given.as_of) for one in made]
    if not con.execute("select 1 from analysis.forecasts limit 1").fetchone():
        history += forecasts.hindcast_rows(given)  # in one load with the night's own, so that a kill leaves all or none
    first_day = min([given.as_of, *(row["as_of"] for row in history)])
    yield _span(tables.FORECASTS, first_day, given.as_of, history)
    yield _snapshot(tables.REMAINING, [row for one in made for row in forecasts.remaining_rows(given, one, known)])
    yield _snapshot(tables.DRIVERS, forecasts.driver_rows(made[0]) if made else [])
    landed = Landings(given, {one.key: Landing.of(one.outlook, INTERVAL) for one in made})
    yield _snapshot(tables.LANDINGS, landing_rows(landed))
    yield _snapshot(tables.SMART_CHECKS, smart_rows(landed, shares, known))
    yield _snapshot(tables.ARTICLE_RATES, article_rows(landed, known))


def _snapshot(table: Table, rows: Rows) -> Load:
    return _span(table, None, None, rows)


def _span(table: Table, start: date | None, end: date | None, rows: Rows) -> Load:
    return Load(table, start, end, iter([pa.RecordBatch.from_pylist(rows, schema=table.schema)]), [])


def _records(table: Table, frame: pd.DataFrame) -> Rows:
    """The rows of a frame by the table's columns, with None for what is not known."""
    if frame.empty:
        return []
    frame = frame.reindex(columns=table.schema.names)
    frame = frame.astype(object).where(frame.notna(), None)
    return [
        {str(name): value.date() if isinstance(value, pd.Timestamp) else value for name, value in row.items()}
        for row in frame.to_dict("records")
    ]


def article_rows(landed: Landings, known: Mapping[date, WalkedBack]) -> Rows:
    """What each article brings, against what the goal asks."""
    return _records(tables.ARTICLE_RATES, articles.rates(landed, known))


def funnel_rows(given: Inputs) -> Rows:
    """The observed funnel, whole and by segment."""
    found: Rows = []
    for way in given.ways:
        moves = given.moves(way)
        segments = [name for name in funnel.SEGMENTS if moves[name].notna().any()]
        found += _records(tables.FUNNEL, funnel.observe(moves, given.as_of, segments))
    return found


def cohort_rows(given: Inputs) -> Rows:
    """What became of those who entered in each week, month and quarter."""
    found: Rows = []
    for way in given.ways:
        moves = given.moves(way)
        for grain in GRAIN_DAYS:
            frame = funnel.cohorts(moves, given.as_of, grain, given.fiscal_year_start)
            found += _records(tables.COHORTS, frame.assign(grain=grain))
    return found
