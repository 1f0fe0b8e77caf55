"""Words that several pages, the workbook and the slides share, in both languages."""

import re

from connectors.text import Text, same

STAGES = {
    "awareness": Text("認知", "Awareness"),
    "engagement": Text("エンゲージメント", "Engagement"),
    "conversion": Text("コンバージョン", "Conversion"),
    "retention": Text("リテンション", "Retention"),
}
FUNNEL_STAGES = {
    "lead": Text("リード", "Lead"),
    "mql": Text("MQL", "MQL"),
    "deal": Text("商談", "Deal"),
    "won": Text("受注", "Won"),
}
GRAINS = {"week": Text("週", "Week"), "month": Text("月", "Month"), "quarter": Text("四半期", "Quarter")}
OUTLOOKS = {
    "reached": Text("達成", "Reached"),
    "on_track": Text("達成見込み", "On track"),
    "at_risk": Text("注意", "At risk"),
    "off_track": Text("未達見込み", "Off track"),
    "missed": Text("未達", "Missed"),
    "cannot_tell": Text("判断できない", "Cannot tell"),
    "no_target": Text("目標なし", "No target"),
    "upcoming": Text("これから", "Upcoming"),
}
"""What marts.scorecard.outlook says."""
GLYPHS = {
    "reached": "●",
    "on_track": "●",
    "at_risk": "▲",
    "off_track": "✕",
    "missed": "✕",
    "cannot_tell": "–",
    "no_target": "",
    "upcoming": "",
}
"""A status is a word, a glyph and a colour, so that none of them is needed to tell it."""
FLAGS = {
    "provisional": Text("暫定", "provisional"),
    "immature": Text("未成熟", "immature"),
    "no_data": Text("データなし", "no data"),
    "no_denominator": Text("分母が0", "nothing to divide by"),
    "sampled": Text("サンプリング", "sampled"),
    "thresholded": Text("しきい値", "thresholded"),
    "other_row": Text("(other) あり", "(other) row"),
    "restricted": Text("閲覧制限", "restricted"),
    "truncated": Text("上限で切れた", "truncated"),
    "timezone_differs": Text("時差あり", "time zone differs"),
    "rows_rejected": Text("除いた行あり", "rows rejected"),
    "other_method": Text("別の測り方", "other method"),
}
FLAG_MEANINGS = {
    "provisional": Text("データ元が今後まだ変えうる値", "the source may still change it"),
    "immature": Text("結果がまだ出そろっていない", "outcomes are still to come"),
    "no_data": Text("この期間のデータがない", "the source does not reach into the period"),
    "no_denominator": Text("割る数が0", "there is nothing to divide by"),
    "sampled": Text("GA4 が標本から推計した値", "GA4 estimated it from a sample"),
    "thresholded": Text("GA4 が少人数の行を伏せた", "GA4 withheld rows of few people"),
    "other_row": Text("GA4 が細かい行を (other) にまとめた", "GA4 folded rows into (other)"),
    "restricted": Text("アカウントに見えない指標がある", "the account may not see some metrics"),
    "truncated": Text("データ元の件数の上限で切れている", "cut off at the source's limit"),
    "timezone_differs": Text("データ元のタイムゾーンが会社と違う", "the source's time zone is not the company's"),
    "rows_rejected": Text("読めない行を除いてある", "rows that could not be read are left out"),
    "other_method": Text("前の期間と測り方が違う", "measured by another method than the period before"),
}


RATES = {
    "mqls": Text("MQL化率", "MQL rate"),
    "deals": Text("商談化率", "deal rate"),
    "orders": Text("受注率", "win rate"),
    "leads": Text("リード化率", "lead rate"),
}
"""What the rate to a KPI is called."""
DRIVERS = {
    "mql_rate": RATES["mqls"],
    "deal_rate": RATES["deals"],
    "win_rate": RATES["orders"],
    "leads": Text("新規リード", "new leads"),
    "mqls": Text("リードを経ない新規 MQL", "new MQLs that were no leads"),
    "deals": Text("MQL を経ない新規商談", "new deals that were no MQLs"),
    "orders": Text("商談を経ない受注", "orders that were no deals"),
}
VERDICTS = {
    "ok": Text("", ""),
    "covered": Text("足りている", "covered"),
    "out_of_reach": Text("この段階だけでは届かない", "out of reach through this stage"),
    "too_late": Text("もう間に合わない", "too late through this stage"),
    "weak": Text("根拠が弱い", "weak"),
    "insufficient_data": Text("判断できない（データ不足）", "cannot tell (too little data)"),
}
REASONS = {
    "few_won": Text("KGI に届いたものが5件に満たない", "fewer than 5 ever reached the goal"),
    "few_outcomes": Text("結果の分かるものが5件に満たない段階がある", "a stage has fewer than 5 known outcomes"),
    "short_history": Text(
        "同じ長さの過去の予測が3回分に満たない（履歴が短い）",
        "the history is too short: fewer than 3 past forecasts of this length",
    ),
    "no_amounts": Text("受注額の分かる受注がない", "no won amount is known"),
}
SMART_VERDICTS = {
    "smart": Text("よい", "SMART"),
    "stretch": Text("挑戦的", "stretch"),
    "unrealistic": Text("非現実的", "unrealistic"),
    "vague": Text("あいまい", "vague"),
    "not_measurable": Text("測れない", "not measurable"),
    "insufficient_data": Text("判断できない", "cannot tell"),
}
DRIVER_KPIS = {
    "mql_rate": "mqls",
    "deal_rate": "deals",
    "win_rate": "orders",
    "leads": "leads",
    "mqls": "mqls",
    "deals": "deals",
    "orders": "orders",
}
"""The KPI that grows when a driver does."""
PER_WEEK = Text("週{number}", "{number} a week")

SOURCES = {
    "ga4": Text("GA4", "GA4"),
    "search_console": Text("Search Console", "Search Console"),
    "clarity": Text("Clarity（ヒートマップ）", "Clarity (heat map)"),
    "exports": Text("エクスポート", "Exports"),
    "plan": Text("計画（plan.yml）", "Plan (plan.yml)"),
    "notes": Text("できごと（notes.csv）", "Notes (notes.csv)"),
}
TAGS = {
    "seo": Text("SEO", "SEO"),
    "action": Text("施策", "Action"),
    "measurement": Text("計測", "Measurement"),
    "outage": Text("障害", "Outage"),
    "site": Text("サイト", "Site"),
    "campaign": Text("キャンペーン", "Campaign"),
    "other": Text("その他", "Other"),
}
"""The kinds of notes in notes.csv."""


def flag(name: str) -> Text:
    """A flag of a KPI row in a word; ``method:...`` names the way it was measured."""
    if name.startswith("method:"):
        return Text(f"測定方法 {name[7:]}", f"method {name[7:]}")
    return FLAGS.get(name, Text(name, name))


def flags(listed: str | None) -> list[Text]:
    """The flags of a row, as they stand in its column: separated by commas."""
    return [flag(name) for name in (listed or "").split(",") if name]


def explained_flags(listed: str | None) -> list[tuple[Text, Text]]:
    """The same, each with what it means."""
    names = [name for name in (listed or "").split(",") if name]
    return [(flag(name), FLAG_MEANINGS.get(name, flag(name))) for name in names]


def reason(text: str) -> Text:
    """Why a KPI is not measurable. The marts say it in English, naming the keys of company.yml that would mend it."""
    keys = re.findall(r"sources\.[\w.]*\w", text)
    if not keys:
        return Text(text, text)
    return Text(f"測れない。company.yml に {' か '.join(dict.fromkeys(keys))} を加えると測れる", text)


def source(name: str) -> Text:
    """What a source of marts.source_health is called."""
    return SOURCES.get(name, same(name))
