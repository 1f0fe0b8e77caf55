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
WIDTH, LABEL_WIDTH = 80, 22


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
    named: Path | None = None
    """The folder as the person named it; None where they are in it, or an environment variable names it."""
    online: bool = True
    clarity: bool = False
    """Whether one of Clarity's ten requests a day may be spent."""
    began: float = field(default_factory=time.monotonic)
    deadline_seconds: float = 7.5

    @property
    def seconds_left(self) -> float:
        return max(0.0, self.began + self.deadline_seconds - time.monotonic())

    def command(self, verb: str, *more: str) -> str:
        return shlex.join(["gyakusan", verb, *(["--company", str(self.named)] if self.named else []), *more])

    @property
    def again(self) -> str:
        return self.command("doctor")

    def path(self, *parts: str) -> str:
        """A path in the company folder, quoted for the shell."""
        return shlex.quote(str((self.named or self.folder).joinpath(*parts)))

    @property
    def edit(self) -> str:
        return f"${{EDITOR:-vi}} {self.path('company.yml')}"


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
    from rich.cells import set_cell_size
    from rich.console import Console
    from rich.text import Text as Styled

    console = Console(highlight=False)
    console.width = min(WIDTH, console.width)
    indent = " " * (LABEL_WIDTH + 5)
    for group, title in GROUPS.items():
        some = [one for one in findings if one.group == group]
        if some:
            console.print(Styled(title.of(locale), style="bold"))
        for one in some:
            mark, colour = MARKS[one.status]
            quiet = "dim" if one.status == "skipped" else ""
            before = Styled.assemble(
                (f"  {mark} ", colour), (set_cell_size(one.label.of(locale), LABEL_WIDTH) + " ", quiet)
            )
            for said in (one.text, one.remedy):
                for line in Styled(said.of(locale), quiet).wrap(console, WIDTH - len(indent)) if said else ():
                    line.rstrip()
                    console.print(before + line, soft_wrap=True)
                    before = Styled(indent)
            if one.command:
                command = Styled(indent).append(RUN.of(locale)).append(one.command, "" if quiet else "bold")
                console.print(command, soft_wrap=True, style=quiet)
        if some:
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
