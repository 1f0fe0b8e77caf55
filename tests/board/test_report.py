"""What a month's report says: worked out by hand from the small night of conftest.py."""

from datetime import date
from pathlib import Path

import pytest

from board.pack import sentences
from connectors.errors import SourceError
from tests.board.conftest import make_marts, read


def test_by_default_it_is_the_last_month_that_was_over(marts: Path) -> None:
    assert read(marts).month == date(2026, 10, 1)
    assert read(marts, month=date(2026, 11, 17)).month == date(2026, 11, 1)


@pytest.mark.parametrize("month", [date(2026, 8, 1), date(2027, 1, 1)])
def test_a_month_of_which_nothing_is_known_is_refused(marts: Path, month: date) -> None:
    with pytest.raises(SourceError, match="give a month from 2026-09 to 2026-11"):
        read(marts, month=month)


def test_the_kgi_is_shown_up_to_the_months_period(marts: Path) -> None:
    report = read(marts)
    assert [row["period_start"] for row in report.kgi] == [date(2026, 4, 1), date(2026, 7, 1), date(2026, 10, 1)]
    assert sentences.conclusion(report) == (
        "受注数の着地見込みは21（80%の幅 18〜25）で、目標30に届かない見込み（達成確率1%以下）"
    )
    assert sentences.record(report) == "受注数は、終わった2期のうち1期で目標を達成"
    assert sentences.conclusion(read(marts, "en", date(2026, 9, 1))) == "Orders: 29, short of the target of 30 (97%)"


def test_titles_say_what_the_numbers_say(marts: Path) -> None:
    report = read(marts)
    assert sentences.count(report) == "目標5つのうち、達成3、未達2"
    assert sentences.watch(report) == "見るべきは商談数・MQL数"
    assert sentences.target(report, report.watched()[1]) == "MQL数は目標比82%で未達、2026年11月の着地見込みも届かない"
    assert sentences.shortest(report) == "KGI から逆算した必要数に最も足りないのは受注数（必要数の38%）"
    # 20 + 18 + 16 of 20 + 18 + ... + 4 = 108
    assert sentences.articles(report, 3) == "上位3記事が、記事から生まれたリード108件の50%を占める"
    assert sentences.actions(report) == [
        "MQL数を増やしても、この期間には届かない。商談数を増やすか、次の期間の分として増やす。",
        "10%増やすと受注数が最も増えるのは受注率（+0.9）",
        "原因を分ける",
    ]


def test_a_running_month_is_held_to_what_is_due_by_now(marts: Path) -> None:
    report = read(marts, "en", date(2026, 11, 1))
    assert report.is_running
    assert [sentences.target(report, row) for row in report.watched()] == [
        "Churn rate: 80% of target so far, heading for 80% of it",
        "MQLs: 71% of target so far, heading for 83% of it",
    ]


def test_without_a_plan_or_articles_it_says_so(tmp_path: Path) -> None:
    nothing = ("funnel", "funnel_cohorts", "articles", "attainment", "required", "drivers", "plan_agreements")
    report = read(make_marts(tmp_path / "marts.duckdb", nothing), month=date(2026, 9, 1))
    assert sentences.articles(report, 10) == "この月の記事の記録がない"
    assert report.drivers == report.tree == []
    assert sentences.actions(report) == []
