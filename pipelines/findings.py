"""What `gyakusan doctor` found: one finding a line, for a person or as JSON."""

import json
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from connectors.text import Locale, Text

Group = Literal["environment", "project", "connections", "data"]
Status = Literal["ok", "warning", "error", "skipped"]
GROUPS: dict[Group, Text] = {
    "environment": Text("環境", "Environment"),
    "project": Text("プロジェクト", "Project"),
    "connections": Text("接続", "Connections"),
    "data": Text("データ", "Data"),
}
MARKS: dict[Status, tuple[str, str]] = {
    "ok": ("✓", "green"),
    "warning": ("!", "yellow"),
    "error": ("✗", "red"),
    "skipped": ("·", "dim"),
}
"""The mark of each status and its colour."""
RUN = Text("→ 実行: ", "→ run: ")
WIDTH, LABEL_WIDTH = 80, 20


@dataclass(frozen=True)
class Finding:
    """What was probed (``check``, a name that stays, and ``label``), how it stands and what to do.

    ``command`` is one to run or, where a person has to click somewhere first (``remedy`` says where), the one that
    looks again. None of them may hold a secret or a person's data.
    """

    group: Group
    check: str
    status: Status
    label: Text
    text: Text
    remedy: Text | None = None
    command: str | None = None


@dataclass(frozen=True)
class Context:
    """What every check is told: the company folder and how far to go. ``began`` is a reading of time.monotonic."""

    folder: Path
    online: bool = True
    clarity: bool = False
    """Whether one of Clarity's ten requests a day may be spent."""
    began: float = field(default_factory=time.monotonic)
    deadline_seconds: float = 7.5

    @property
    def seconds_left(self) -> float:
        return max(0.0, self.began + self.deadline_seconds - time.monotonic())

    def command(self, verb: str, *more: str) -> str:
        return shlex.join(["gyakusan", verb, "--company", str(self.folder), *more])

    @property
    def again(self) -> str:
        return self.command("doctor")

    @property
    def edit(self) -> str:
        return f"${{EDITOR:-vi}} {shlex.quote(str(self.folder / 'company.yml'))}"


def as_json(findings: Sequence[Finding], locale: Locale) -> str:
    """A list of objects with group, check, status, text, remedy and command."""
    listed = [
        {
            "group": one.group,
            "check": one.check,
            "status": one.status,
            "text": one.text.of(locale),
            "remedy": one.remedy.of(locale) if one.remedy else None,
            "command": one.command,
        }
        for one in findings
    ]
    return json.dumps(listed, ensure_ascii=False, indent=2)


def show(findings: Sequence[Finding], locale: Locale, next_command: str) -> None:
    """Print the findings by group, at most 80 columns wide but for commands, which stay in one piece to be copied."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text as Styled

    console = Console(highlight=False)
    console.width = min(WIDTH, console.width)
    for group, title in GROUPS.items():
        some = [one for one in findings if one.group == group]
        if not some:
            continue
        console.print(Styled(title.of(locale), style="bold"))
        for one in some:
            mark, colour = MARKS[one.status]
            quiet = "dim" if one.status == "skipped" else ""
            said = one.text.of(locale) + (f"\n{one.remedy.of(locale)}" if one.remedy else "")
            line = Table.grid(padding=(0, 1, 0, 0))
            line.add_column(width=3)
            line.add_column(width=LABEL_WIDTH)
            line.add_column()
            line.add_row(Styled(f"  {mark}", style=colour), Styled(one.label.of(locale), quiet), Styled(said, quiet))
            console.print(line)
            if one.command:
                command = Styled(" " * (LABEL_WIDTH + 5)).append(RUN.of(locale)).append(one.command, "bold")
                console.print(command, soft_wrap=True)
        console.print()
    errors, warnings = (sum(one.status == status for one in findings) for status in ("error", "warning"))
    summary = Text("すべて確認できました。", "All is well.")
    if errors:
        summary = Text(
            f"✗ {errors} 件、! {warnings} 件。まず ✗ を直してください。", f"{errors} ✗, {warnings} !: mend the ✗ first."
        )
    elif warnings:
        summary = Text(f"✗ はありません（! {warnings} 件）。", f"Nothing stops a night ({warnings} !).")
    console.print(summary.of(locale))
    if not errors:
        console.print(Styled(RUN.of(locale)).append(next_command, "bold"), soft_wrap=True)
