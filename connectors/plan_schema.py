"""The JSON Schema of plan.yml: with it an editor completes keys and KPIs, and marks what is wrong while it is typed.

What needs more than one entry to tell (that two targets overlap, that a goal must have a number) only the reader says.
"""

import json
from pathlib import Path
from typing import Any

from connectors.plan import Plan

NAME = "plan.schema.json"


def text() -> str:
    """The schema of the installed version, as JSON."""
    generated = json.dumps(Plan.model_json_schema())
    return json.dumps(json.loads(generated, object_hook=_plain), ensure_ascii=False, indent=1) + "\n"


def write(state: Path) -> None:
    """Write it into the state folder, unless it stands there already."""
    path, wanted = state / NAME, text()
    if path.exists() and path.read_text(encoding="utf-8") == wanted:
        return
    state.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.write_text(wanted, encoding="utf-8")
    draft.replace(path)


def _plain(part: dict[str, Any]) -> dict[str, Any]:
    """A part without titles, which repeat the keys, and defaults, which an editor would write out; a list that may be
    left out may also be empty, as for the reader."""
    kept = {name: value for name, value in part.items() if name not in ("title", "default")}
    return kept | ({"type": ["array", "null"]} if part.get("default") == [] else {})
