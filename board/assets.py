"""What a page loads beside itself: our style and script, the bundle that draws charts, and the forms of the charts.

The bundle comes from the wheel of vl-convert, so it is as pinned as the rest of the lock and no JavaScript is built.
Making it takes two seconds and 140 MB, and Altair takes as long to make the forms. So both are made once a version, by
another process, and kept in the user's cache folder.
"""

import os
import subprocess
import sys
from contextlib import suppress
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from platformdirs import user_cache_path

HERE = Path(__file__).parent
STATIC = HERE / "static"
OURS = ("board.css", "board.js", "icon.svg")
TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

# In a block of its own, so that the bundle's many one-letter names are nobody else's.
BUNDLE = "import sys, vl_convert; sys.stdout.buffer.write(b'{' + vl_convert.javascript_bundle().encode() + b'}')"


def files() -> dict[str, bytes]:
    """Every file that pages load, by name."""
    cache = user_cache_path("gyakusan")
    charts = sha256((HERE / "charts.py").read_bytes()).hexdigest()[:12]
    return {
        **{name: (STATIC / name).read_bytes() for name in OURS},
        "vega.js": _made(cache / f"vega-{version('vl-convert-python')}.js", "-c", BUNDLE),
        "charts.js": _made(cache / f"charts-{version('altair')}-{charts}.js", "-m", "board.charts"),
    }


def _made(kept: Path, *by: str) -> bytes:
    """A script from the cache, or as a run of Python gives it."""
    if kept.exists():
        return kept.read_bytes()
    made = subprocess.run([sys.executable, *by], capture_output=True, check=True, cwd=HERE.parent).stdout  # noqa: S603
    with suppress(OSError):  # what cannot be kept is made again the next time
        kept.parent.mkdir(parents=True, exist_ok=True)
        draft = kept.with_suffix(f".{os.getpid()}")
        draft.write_bytes(made)
        draft.replace(kept)
    return made
