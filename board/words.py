"""Words that several pages, the workbook and the slides share, in both languages."""

from connectors.text import Text

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
    "provisional": Text("暫定（今後変わりうる）", "provisional: the source may still change it"),
    "immature": Text("未成熟（結果待ち）", "immature: outcomes are still to come"),
    "sampled": Text("サンプリング", "sampled by GA4"),
    "thresholded": Text("しきい値で伏せられた行あり", "rows withheld by GA4's threshold"),
    "other_row": Text("(other) にまとめられた行あり", "rows folded into (other) by GA4"),
    "restricted": Text("閲覧制限のある指標", "restricted metrics"),
    "truncated": Text("件数の上限で切られた", "cut off at the source's limit"),
    "timezone_differs": Text("タイムゾーンが会社と違う", "the source's time zone is not the company's"),
    "rows_rejected": Text("読めない行を除いた", "rows that could not be read are left out"),
    "other_method": Text("別の方法での測定", "measured by another method"),
    "few": Text("件数が少ない", "few cases"),
}


def flag(name: str) -> Text:
    """A flag of a KPI row in words; ``method:...`` names the way it was measured."""
    if name.startswith("method:"):
        return Text(f"測定方法 {name[7:]}", f"method {name[7:]}")
    return FLAGS.get(name, Text(name, name))


def flags(listed: str | None) -> list[Text]:
    """The flags of a row, as they stand in its column: separated by commas."""
    return [flag(name) for name in (listed or "").split(",") if name]
