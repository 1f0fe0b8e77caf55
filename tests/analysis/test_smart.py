"""The SMART checks: the two golden judgements, each letter by itself, and the words."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.pace import Landing
from analysis.smart import Target, check

MORE_VIEWS = Target(
    "page_views",
    "ページビュー数",
    "Page views",
    unit="count",
    direction="up",
    as_of=date(2026, 5, 20),
    recent_values=(50_000, 55_000),
    history=(48_000, 50_000, 55_000),
    is_ancestor=True,
)
"""「PVを増やす」"""

# Anything between 31 and 70, each number as likely as the next: 60 and more are 11 of 40.
COMING = Landing(20, 50, 33, 68, "ok", np.arange(31.0, 71), 20)
INQUIRIES = Target(
    "inquiries",
    "問い合わせ数",
    "Inquiries",
    unit="count",
    direction="up",
    as_of=date(2026, 5, 20),
    grain="quarter",
    start=date(2026, 4, 1),
    end=date(2026, 6, 30),
    level=60,
    change=0.2,
    over="previous",
    owner="佐藤",
    recent_values=(45, 50),
    history=(40, 42, 45, 50),
    forecast=COMING,
    is_ancestor=True,
    review_days=3,
    lag_days=56,
)
"""「四半期で問い合わせ数を前期比 +20 %」"""

# Between 7 and 9, and 0.05 apart: less is better.
POSITION = replace(
    INQUIRIES,
    kpi="search_position",
    label_ja="検索順位",
    label_en="Search position",
    unit="rank",
    direction="down",
    level=7.2,
    change=None,
    over=None,
    recent_values=(9.0, 8.5),
    history=(9.5, 9.0, 8.5),
    forecast=Landing(8.0, 8.0, 7.1, 8.9, "ok", np.linspace(7, 9, 41)),
)


def letters(target: Target) -> str:
    """The letters that are met; ? for one that cannot be judged."""
    found = check(target)
    answers = (found.specific, found.measurable, found.achievable, found.relevant, found.time_bound)
    return "".join(
        "?" if answer is None else letter
        for letter, answer in zip("SMART", answers, strict=True)
        if answer is not False
    )


def test_more_page_views_is_vague() -> None:
    found = check(MORE_VIEWS)
    assert (letters(MORE_VIEWS), found.verdict, found.chance) == ("MR", "vague", None)
    assert found.sentence_ja == (
        "ページビュー数に数値・期限・担当者・期間の単位を書く: "
        "例) 四半期ごとに前期比 +10%(2026-07-01〜2026-09-30、担当 (氏名))。"
    )
    assert found.sentence_en == (
        "Page views: write a number, start and end dates, an owner, the grain, e.g. +10% over the previous period "
        "per quarter (2026-07-01 to 2026-09-30, owner (name))."
    )
    # With a grain the example can start from the last value.
    assert "月ごとに60,500以上(" in check(replace(MORE_VIEWS, grain="month")).sentence_ja
    assert letters(replace(MORE_VIEWS, is_ancestor=False)) == "M"


def test_a_fifth_more_inquiries_is_smart_and_judged_by_its_chance() -> None:
    found = check(INQUIRIES)
    assert (letters(INQUIRIES), found.verdict, found.chance) == ("SMART", "smart", 11 / 40)
    # The 80 % range: 31 + .1 x 39 and 31 + .9 x 39.
    assert found.sentence_ja == (
        "問い合わせ数は SMART の5要素を満たす。見込みは50(80%の幅 35〜66)、目標60に届く確率は28%。"
    )
    assert found.sentence_en == (
        "Inquiries: all five of SMART are met; the projection is 50 (80% range 35 to 66), "
        "the chance of reaching 60 is 28%."
    )
    assert letters(replace(INQUIRIES, is_ancestor=False)) == "SMAT"


@pytest.mark.parametrize(
    ("level", "chance", "verdict"),
    [(67, 0.1, "smart"), (68, 0.075, "stretch"), (70, 0.025, "stretch"), (71, 0.01, "unrealistic"), (20, 1, "vague")],
)
def test_reach_by_forecast(level: float, chance: float, verdict: str) -> None:
    found = check(replace(INQUIRIES, level=level))
    assert found.chance == pytest.approx(chance)
    assert found.verdict == verdict


def test_what_is_out_of_reach_says_the_chance_and_what_is_within() -> None:
    found = check(replace(INQUIRIES, level=71))
    assert found.sentence_ja == (
        "問い合わせ数の見込みは50(80%の幅 35〜66)、目標71に届く確率は1%以下: 現実的な目標は66まで。"
    )
    assert found.sentence_en.endswith("the chance of reaching 71 is at most 1%: aim for 66, which is within reach.")
    assert "2%: 施策を足して挑むか、現実的な目標(66まで)" in check(replace(INQUIRIES, level=70)).sentence_ja


def test_reach_by_history() -> None:
    # Of four values the highest stands for what nineteen of twenty do not surpass.
    alone = replace(INQUIRIES, forecast=None)
    assert [check(replace(alone, level=level)).verdict for level in (50, 51)] == ["smart", "stretch"]
    assert "過去4期間に例がほとんどない" in check(replace(alone, level=51)).sentence_ja
    assert check(replace(alone, level=51)).chance is None
    # A hundred values, 1 to 100: 96 and more are above nineteen of twenty.
    long = replace(alone, history=np.arange(1.0, 101).tolist())
    assert [check(replace(long, level=level)).achievable for level in (96, 97)] == [True, False]
    # A forecast knows more than that something was reached before.
    dim = Landing(1, 10, 5, 15, "ok", np.arange(5.0, 16), 1)
    assert check(replace(INQUIRIES, level=50, forecast=dim)).verdict == "unrealistic"


def test_reach_that_cannot_be_judged() -> None:
    for unknown in (None, Landing.unknown(20, 20)):
        found = check(replace(INQUIRIES, forecast=unknown, history=(50, 45)))
        assert (found.achievable, found.verdict, found.chance) == (None, "insufficient_data", None)
        assert "過去の実績が2期間しかない(3期間から判断)" in found.sentence_ja
    # The period that the change is over is not known yet.
    waiting = replace(INQUIRIES, level=None)
    assert (letters(waiting), check(waiting).verdict) == ("SM?RT", "insufficient_data")
    assert "前期比 +20%" in check(waiting).sentence_ja
    assert "the same period last year" in check(replace(waiting, over="last_year")).sentence_en
    assert check(replace(INQUIRIES, forecast=Landing.unknown(60, 60), history=())).verdict == "smart", "reached already"


def test_facts() -> None:
    missed = check(replace(INQUIRIES, forecast=Landing.over(52)))
    assert (missed.chance, missed.verdict) == (0, "unrealistic")
    assert missed.sentence_ja == "問い合わせ数は52で、目標60にはもう届かない: 次の期間の目標を立てる。"
    reached = check(replace(INQUIRIES, forecast=Landing.over(61)))
    assert (reached.chance, reached.verdict) == (1, "smart")
    assert reached.sentence_en == "Inquiries: all five of SMART are met; 60 is reached, at 61."


def test_where_less_is_better() -> None:
    # 7, 7.05 ... 7.2 are 5 of 41; 7.1 and better 3; 6.9 none.
    assert check(POSITION).chance == pytest.approx(5 / 41)
    verdicts = [check(replace(POSITION, level=level)).verdict for level in (7.2, 7.1, 6.9)]
    assert verdicts == ["smart", "stretch", "unrealistic"]
    assert "現実的な目標は7.2位まで" in check(replace(POSITION, level=6.9)).sentence_ja
    alone = replace(POSITION, forecast=None)
    assert [check(replace(alone, level=level)).achievable for level in (8.5, 8.4)] == [True, False]
    worse = check(replace(POSITION, level=12.0))
    assert (worse.specific, worse.verdict) == (False, "vague")
    assert worse.sentence_ja == "検索順位の目標12.0位は今(8.5位)より悪い: 8.5位以内にする。"


def test_a_step_back_is_no_goal_unless_the_season_goes_further() -> None:
    # Worse than both recent values, and nothing says that it will be hard to reach.
    assert letters(replace(INQUIRIES, level=44)) == "MART"
    assert letters(replace(INQUIRIES, level=44, forecast=None)) == "MART"
    assert letters(replace(INQUIRIES, level=45)) == "SMART", "not worse than both"
    august = Landing(0, 30, 20, 40, "ok", np.arange(20.0, 41), 0)
    assert letters(replace(INQUIRIES, level=35, forecast=august)) == "SMART"
    shrinking = check(replace(INQUIRIES, change=-0.2))
    assert shrinking.specific is False
    assert shrinking.sentence_ja == "問い合わせ数の目標(前期比 -20%)は改善の向きと逆: 前期比 +20%のように書く。"
    assert letters(replace(POSITION, change=-0.2, over="previous")) == "SMART"


@pytest.mark.parametrize(
    ("changes", "left", "verdict", "says"),
    [
        ({"owner": None}, "MART", "vague", "担当者を書く: 例) 四半期ごとに60以上(2026-04-01〜2026-06-30、担当 (氏名))"),
        ({"level": None, "change": None}, "MRT", "vague", "数値を書く: 例) 四半期ごとに55以上"),
        ({"level": None, "over": None}, "MRT", "vague", "数値を書く"),
        ({"is_measurable": False, "reason": "connect GA4."}, "SART", "not_measurable", "まだ測れない: connect GA4。"),
        ({"recent_values": (None, np.nan)}, "SART", "not_measurable", "直近の2期間にない"),
        ({"recent_values": (None, 50)}, "SMART", "smart", "5要素を満たす"),
        ({"is_ancestor": False}, "SMAT", "vague", "KGI につながる指標ではない"),
        ({"is_ancestor": False, "is_kgi": True}, "SMART", "smart", "5要素を満たす"),
        ({"grain": None}, "SMAR", "vague", "期間の単位を書く"),
        ({"end": None}, "SMAR", "vague", "期限を書く"),
        ({"end": date(2026, 4, 1)}, "SMAR", "vague", "終了日(2026-04-01)を開始日(2026-04-01)より後にする"),
        ({"review_days": 0}, "SMAR", "vague", "レビューの予定が2026-04-01〜2026-06-30にない"),
        # 1 April and 91 days is 1 July; 90 days is 30 June.
        ({"lag_days": 91}, "SMAR", "vague", "終了日(2026-06-30)を2026-07-01以降にする"),
        ({"lag_days": 90}, "SMART", "smart", "5要素を満たす"),
        ({"lag_days": None}, "SMART", "smart", "5要素を満たす"),
    ],
)
def test_each_letter_by_itself(changes: dict[str, object], left: str, verdict: str, says: str) -> None:
    target = replace(INQUIRIES, **changes)  # type: ignore[arg-type]
    found = check(target)
    assert (letters(target), found.verdict) == (left, verdict)
    assert says in found.sentence_ja


def test_all_faults_are_named_the_first_one_in_full() -> None:
    found = check(replace(INQUIRIES, owner=None, is_measurable=False, is_ancestor=False, lag_days=100, level=71))
    assert found.sentence_ja.endswith(
        "。ほかに直すもの: 計測、KGI とのつながり、KGI に届くまでの日数(100日)、届く確率(1%以下)。"
    )
    assert found.sentence_en.startswith("Inquiries: write an owner, e.g. at least 71 per quarter")
    assert "Also to mend: measurement, the way to the KGI, the 100 days until the KGI" in found.sentence_en


@pytest.mark.parametrize(
    ("unit", "level", "ja", "en"),
    [
        ("count", 12_345, "目標12,345に", "reaching 12,345 is"),
        ("ratio", 0.125, "目標12.5%に", "reaching 12.5% is"),
        ("seconds", 90, "目標90秒に", "reaching 90 seconds is"),
        ("rank", 8.44, "目標8.4位に", "reaching 8.4 is"),
        ("currency", 12_000_000, "目標12,000,000に", "reaching 12,000,000 is"),
    ],
)
def test_numbers_in_their_units(unit: str, level: float, ja: str, en: str) -> None:
    around = Landing(None, level, level / 2, level * 2, "ok", np.linspace(level / 2, level * 2, 50))
    target = replace(INQUIRIES, unit=unit, level=level, forecast=around, recent_values=(level,), segment="製造業")
    found = check(target)
    assert ja in found.sentence_ja
    assert en in found.sentence_en
    assert found.sentence_ja.startswith("問い合わせ数(製造業)は")


maybe = st.one_of(st.none(), st.floats(0, 200))


@given(
    level=maybe,
    change=st.one_of(st.none(), st.floats(-1, 1)),
    direction=st.sampled_from(["up", "down"]),
    days=st.one_of(st.none(), st.integers(-30, 120)),
    recent=st.lists(maybe, max_size=2),
    history=st.lists(st.floats(0, 100), max_size=5),
    forecast=st.sampled_from([None, COMING, Landing.unknown(None), Landing.over(45)]),
    flags=st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
def test_whatever_the_plan_says_there_is_a_sentence(
    level: float | None,
    change: float | None,
    direction: str,
    days: int | None,
    recent: list[float | None],
    history: list[float],
    forecast: Landing | None,
    flags: tuple[bool, bool, bool],
) -> None:
    target = replace(
        INQUIRIES,
        level=level,
        change=change,
        direction=direction,
        end=None if days is None else date.fromordinal(date(2026, 4, 1).toordinal() + days),
        recent_values=recent,
        history=history,
        forecast=forecast,
        owner="佐藤" if flags[0] else None,
        is_measurable=flags[1],
        is_ancestor=flags[2],
    )
    found = check(target)
    met = (found.specific, found.measurable, found.achievable, found.relevant, found.time_bound)
    assert (found.verdict == "smart") == all(met)
    assert (found.verdict == "vague") == (not (found.specific and found.relevant and found.time_bound))
    for sentence in (found.sentence_ja, found.sentence_en):
        assert not {"None", "nan", "{"} & set(sentence.replace("(", " ").split())
        assert "目標-" not in sentence
    assert found.sentence_ja.endswith("。")
    assert found.sentence_en.endswith(".")
    assert ("5要素を満たす" in found.sentence_ja) == (found.verdict == "smart")
