"""Words and colours that the workbook and the slides of the monthly report share."""

from babel import numbers

from board.formats import Formats
from board.pack.report import Report, Row
from board.words import FUNNEL_STAGES, GLYPHS, OUTLOOKS
from connectors.text import Locale, Text

BLUE, VERMILION, GREY = "#0017C1", "#C74700", "#767676"
INK, RULE, HEAD = "#1A1A1C", "#CCCCCC", "#E8F1FE"
COLOURS = {
    "reached": BLUE,
    "on_track": BLUE,
    "at_risk": VERMILION,
    "off_track": VERMILION,
    "missed": VERMILION,
}
"""What an outlook is drawn in; grey where it says nothing."""

SHEETS = {
    "summary": Text("サマリー", "Summary"),
    "scorecard": Text("スコアカード", "Scorecard"),
    "funnel": Text("ファネル", "Funnel"),
    "articles": Text("記事", "Articles"),
    "definitions": Text("定義", "Definitions"),
    "rows": Text("明細", "Rows"),
}
TITLE = Text("{sheet}  {month}", "{sheet}, {month}")
REPORT = Text("月次報告", "Monthly report")
STANDING = Text(
    "{company}  データ {as_of} まで  スナップショット {snapshot}", "{company}  Data to {as_of}  Snapshot {snapshot}"
)
RUNNING = Text("この月はまだ終わっていない。実績は途中の値。", "The month still runs: actuals are so far.")
HEADS = {
    "kpi": Text("KPI", "KPI"),
    "period": Text("期間", "Period"),
    "start": Text("開始日", "First day"),
    "actual": Text("実績", "Actual"),
    "target": Text("目標", "Target"),
    "attainment": Text("達成率", "Attainment"),
    "gap": Text("差", "Gap"),
    "required": Text("KGI からの\n必要数", "Required\nby the KGI"),
    "due": Text("今日までの\n必要数", "Due\nby now"),
    "of_due": Text("対必要数", "Of what\nis due"),
    "chance": Text("達成確率", "Chance"),
    "pace": Text("標準進捗", "Standard pace"),
    "low": Text("着地見込み\nP10", "Landing\nP10"),
    "middle": Text("着地見込み\n中央", "Landing\nP50"),
    "high": Text("着地見込み\nP90", "Landing\nP90"),
    "outlook": Text("見込み", "Outlook"),
    "status": Text("状態", "Status"),
    "owner": Text("担当", "Owner"),
    "stage": Text("段階", "Stage"),
    "previous": Text("前月", "Month before"),
    "change": Text("前月比", "Change"),
    "last_year": Text("前年同月", "Year before"),
    "yearly": Text("前年同月比", "Change on the year"),
    "notes": Text("注記", "Notes"),
    "transition": Text("移行", "Transition"),
    "part": Text("区分", "Part"),
    "month": Text("入った月", "Month of entry"),
    "n": Text("入った数", "Entered"),
    "moved": Text("進んだ数", "Moved on"),
    "exited": Text("離れた数", "Left"),
    "open": Text("未決", "Open"),
    "rate": Text("率", "Rate"),
    "shrunk": Text("率（全体に寄せた値）", "Rate (drawn to the whole's)"),
    "rate_low": Text("90%の幅 下", "90% low"),
    "rate_high": Text("90%の幅 上", "90% high"),
    "horizon": Text("見る日数", "Days counted"),
    "q50": Text("半数が進む\n日数", "Days for half"),
    "q90": Text("9割が進む\n日数", "Days for 9 of 10"),
    "verdict": Text("判定", "Verdict"),
    "naive_all": Text("単純:\n進んだ÷入った", "Naive:\nmoved/entered"),
    "naive_closed": Text("単純:\n進んだ÷決着", "Naive:\nmoved/closed"),
    "naive_open": Text("単純:\n離脱を未決扱い", "Naive:\nleft as open"),
    "cohort_rate": Text("コホートの率", "Cohort rate"),
    "moved_in": Text("月内に\n進んだ数", "Moved in the month"),
    "period_rate": Text("期間の率", "Period rate"),
    "maturity": Text("成熟度", "Maturity"),
    "mature": Text("成熟", "Mature"),
    "article": Text("記事", "Article"),
    "title": Text("タイトル", "Title"),
    "day": Text("日", "Day"),
    "last_day": Text("まで", "To"),
    "tag": Text("種類", "Kind"),
    "happened": Text("出来事", "What happened"),
    "host": Text("ホスト", "Host"),
    "page_views": Text("ページビュー", "Page views"),
    "users": Text("ユーザー", "Users"),
    "engaged": Text("滞在時間\nの計（秒）", "Engaged time (s)"),
    "seconds": Text("1人あたり\n（秒）", "Per user (s)"),
    "read": Text("読了率", "Read through"),
    "landings": Text("流入\nセッション", "Landing sessions"),
    "clicks": Text("検索クリック", "Search clicks"),
    "impressions": Text("検索表示", "Impressions"),
    "position": Text("検索順位", "Position"),
    "discover": Text("Discover", "Discover"),
    "leads": Text("リード", "Leads"),
    "mqls": Text("MQL", "MQLs"),
    "deals": Text("商談", "Deals"),
    "orders": Text("受注", "Orders"),
    "order_value": Text("受注額（{currency}）", "Order value ({currency})"),
    "per_thousand": Text("リード／\n1,000PV", "Leads per 1,000 views"),
    "id": Text("ID", "ID"),
    "unit": Text("単位", "Unit"),
    "direction": Text("良い方向", "Better"),
    "formula": Text("計算", "Formula"),
    "additivity": Text("足せるか", "May be summed"),
    "definition": Text("定義", "Definition"),
    "value": Text("値", "Value"),
    "numerator": Text("分子", "Numerator"),
    "denominator": Text("分母", "Denominator"),
    "observations": Text("n", "n"),
    "ci_low": Text("95%の幅 下", "95% low"),
    "ci_high": Text("95%の幅 上", "95% high"),
    "complete": Text("確定", "Complete"),
    "word": Text("用語", "Term"),
    "meaning": Text("意味", "Meaning"),
}
BLOCKS = {
    "kgi": Text("KGI（{as_of} 時点）", "The KGI (as of {as_of})"),
    "targets": Text("目標のある KPI", "KPIs with a target"),
    "running": Text("いま走っている期間（{as_of} 時点）", "The periods that run now (as of {as_of})"),
    "charts": Text("推移（実績と目標）", "Trends (actual and target)"),
    "watch": Text("見るべきもの", "What to look at"),
    "notes": Text("この月からの出来事（notes.csv）", "What happened since the month began (notes.csv)"),
    "stages": Text("月間の数と、KGI から逆算した必要数", "The month's entries, and what the KGI requires"),
    "rates": Text("段階の間の率（打ち切りと離脱を考えた値）", "Rates between the stages (censoring and exits counted)"),
    "cohorts": Text("入った月ごと（若いコホートの率は低く出る）", "By month of entry (a young cohort's rate is low)"),
    "segments": Text(
        "内訳（件数の少ない区分は全体に寄せてある）", "By segment (few cases are drawn towards the whole's rate)"
    ),
    "terms": Text("用語", "Terms"),
}
TOTAL = Text("合計（表示中の行）", "Total (rows shown)")
UNITS = {
    "count": Text("件・数", "number"),
    "ratio": Text("%", "%"),
    "seconds": Text("秒", "seconds"),
    "rank": Text("位", "rank"),
}
DIRECTIONS = {"up": Text("大きいほど良い", "more is better"), "down": Text("小さいほど良い", "less is better")}
ADDITIVITIES = {
    "additive": Text("期間を足せる", "periods may be summed"),
    "semi_additive": Text("足せない（期末の値）", "no: the last value holds"),
    "non_additive": Text("足せない（期間ごとに測る）", "no: measured for each period"),
}
STATUSES = {
    "no_data": Text("データなし", "No data"),
    "not_measurable": Text("測れない", "Not measurable"),
}
SEGMENTS = {
    "all": Text("全体", "All"),
    "channel": Text("流入元", "Channel"),
    "article_cluster": Text("記事の群", "Article cluster"),
    "persona": Text("ペルソナ", "Persona"),
}
SEGMENT_VALUES = {
    "unknown": Text("不明", "unknown"),
    "unfit": Text("ペルソナに合わない", "fits no persona"),
}
YES_NO = {True: Text("はい", "yes"), False: Text("いいえ", "no")}
TERMS = (
    (HEADS["attainment"], Text(
        "実績 ÷ 目標。小さいほど良い KPI では 目標 ÷ 実績。100% でちょうど達成。",
        "Actual / target; where less is better, target / actual. 100% just meets it.",
    )),
    (HEADS["pace"], Text(
        "期間の営業日のうち、過ぎた日の割合。", "The share of the period's counted days that has passed."
    )),
    (Text("KGI からの必要数", "Required by the KGI"), Text(
        "KGI の目標を、段階の間の率で割り戻した数。期間が始まる前日までに分かっていた率による。",
        "The KGI's target divided by the rates on the way, as they were known when its period began.",
    )),
    (Text("着地見込み P10・中央・P90", "Landing P10, P50, P90"), Text(
        "走っている期間が終わるときの値。10回に8回は P10 と P90 の間で終わる。",
        "Where a running period will end: eight times in ten between P10 and P90.",
    )),
    (Text("率（段階の間）", "Rate (between stages)"), Text(
        "見る日数のうちに次の段階へ進む割合（Aalen-Johansen）。未決は未決、離脱は離脱として数える。",
        "The share that moves on within the days counted (Aalen-Johansen): open is open, gone is gone.",
    )),
    (Text("単純な率", "Naive rates"), Text(
        "他のツールが示す値との比較のためだけに載せる。未決を失注とみなすか、忘れている。",
        "Only to compare with other tools: they take what is open for lost, or forget it.",
    )),
    (HEADS["maturity"], Text(
        "見る日数のうちに起きる転換のうち、いま見えている割合。95% 以上で成熟。",
        "The share of the conversions within the days counted that can be seen by now; mature from 95% on.",
    )),
    (Text("空欄", "Empty cell"), Text(
        "分からない、またはない。0 とは違う。", "Unknown, or there is none. It is not zero."
    )),
    (Text("丸め", "Rounding"), Text(
        "表示は四捨五入。そのため合計と一致しないことがある。", "Numbers are shown rounded and may not add up."
    )),
)  # fmt: skip
"""What the definitions sheet says of the words of the others."""


def font(of: Locale) -> str:
    """A font that Excel and PowerPoint bring along, and that has the language's letters."""
    return "Yu Gothic" if of == "ja" else "Calibri"


def standing(report: Report) -> dict[str, str]:
    """Whose numbers they are, to which day, of which night."""
    return {"company": report.company, "as_of": report.formats.day(report.as_of), "snapshot": report.snapshot}


def unit_name(formats: Formats, unit: str) -> str:
    """What a unit is called; of money the company's currency."""
    if unit == "currency":
        if formats.locale == "ja":
            return str(numbers.get_currency_name(formats.currency, count=1, locale="ja"))
        return formats.currency
    return UNITS[unit].of(formats.locale)


def label(report: Report, row: Row) -> str:
    """The KPI's name, with its unit where the number does not show it."""
    name = report.label(row)
    if row["unit"] not in ("currency", "seconds", "rank"):
        return name
    return (
        Text("{name}（{unit}）", "{name} ({unit})")
        .format(name=name, unit=unit_name(report.formats, row["unit"]))
        .of(report.formats.locale)
    )


def outlook_words(row: Row, of: Locale) -> str:
    """Glyph and word of a row's outlook; without a target, why there is no measure, if there is none."""
    if row["outlook"] in (None, "no_target") and row["status"] in STATUSES:
        return STATUSES[row["status"]].of(of)
    name = row["outlook"] or "no_target"
    return f"{GLYPHS[name]} {OUTLOOKS[name].of(of)}".strip()


def outlook_colour(row: Row) -> str:
    """Blue, vermilion, or grey where nothing is said."""
    return COLOURS.get(row["outlook"] or "", GREY)


def transition(row: Row, of: Locale) -> str:
    """From which stage to which."""
    return f"{FUNNEL_STAGES[row['stage']].of(of)} → {FUNNEL_STAGES[row['next_stage']].of(of)}"


def terms() -> list[tuple[Text, Text]]:
    """What the words of the sheets mean, and those of the outlook."""
    meanings = {
        "reached": Text("期間が終わり、目標に届いた。", "The period is over and the target is met."),
        "missed": Text("期間が終わり、目標に届かなかった。", "The period is over and the target is not met."),
        "on_track": Text("着地見込みが目標に届く。", "The landing reaches the target."),
        "at_risk": Text(
            "着地見込みは届かないが、その幅は目標を除いていない。",
            "The landing falls short, but its interval does not rule the target out.",
        ),
        "off_track": Text(
            "着地見込みの幅の良い方の端でも届かない。", "Even the good end of the landing's interval falls short."
        ),
        "cannot_tell": Text("データが足りず、どちらとも言えない。", "Too little is known to say either."),
    }
    outlooks = [
        (Text(f"{GLYPHS[name]} {OUTLOOKS[name].ja}", f"{GLYPHS[name]} {OUTLOOKS[name].en}"), meaning)
        for name, meaning in meanings.items()
    ]
    return [*TERMS, *outlooks]
