"""What follows from what the stages of the tree can still do for the goal: the rows are those of pages/tree.sql."""

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.text import Text

ADVICE = {
    "covered": Text("今あるものだけで届く見込み。", "What is open is expected to be enough."),
    "ok": Text("どの段階からでもまだ間に合う。", "Every stage can still do it."),
    "some": Text(
        "{late}を増やしても、この期間には届かない。{open}を増やすか、次の期間の分として増やす。",
        "More {late} cannot reach this period any more: add {open}, or count on the next period.",
    ),
    "none": Text(
        "どの段階を増やしても、この期間には届かない。率を上げるか、次の期間に備える。",
        "No stage can reach this period any more: raise the rates, or prepare the next one.",
    ),
}
"""What follows from what the stages can still do."""


def stages(tree: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The goal and its stages, of which it is known what they must still bring."""
    return [row for row in tree if row["remaining_verdict"]]


def advice(tree: Sequence[Mapping[str, Any]]) -> Text:
    """Which stages can still bring the goal, and what to do where they cannot."""
    known = stages(tree)
    verdicts = {row["remaining_verdict"] for row in known}
    if "covered" in verdicts:
        return ADVICE["covered"]
    names: dict[bool, list[Text]] = {True: [], False: []}
    for row in known[1:]:
        names[row["remaining_verdict"] == "ok"].append(Text(row["label_ja"], row["label_en"]))
    if not names[False]:
        return ADVICE["ok"]
    if not names[True]:
        return ADVICE["none"]
    return ADVICE["some"].format(late=_listed(names[False]), open=_listed(names[True]))


def _listed(names: Sequence[Text]) -> Text:
    return Text("・".join(name.ja for name in names), " and ".join(name.en for name in names))
