"""Packs read back: the tables of a workbook, with what is written in it or with what LibreOffice computes."""

import io
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

from python_calamine import CalamineWorkbook

SOFFICE = shutil.which("soffice")
Table = list[dict[str, Any]]


def sheets(workbook: bytes) -> dict[str, list[list[Any]]]:
    """The rows of each sheet from its first one on."""
    book = CalamineWorkbook.from_filelike(io.BytesIO(workbook))
    return {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names}


def tables(rows: list[list[Any]], first_head: str) -> list[Table]:
    """The tables of a sheet: from each row that begins with this head down to the next empty one."""
    found: list[Table] = []
    heads: list[str] = []
    for row in rows:
        if row[0] == first_head:
            heads = [head for head in row if head != ""]
            found.append([])
        elif heads and row[0] != "" and any(cell != "" for cell in row[1:]):
            found[-1].append(dict(zip(heads, row, strict=False)))
        else:
            heads = []
    return found


def parts(office_file: bytes) -> dict[str, bytes]:
    """The files within."""
    with zipfile.ZipFile(io.BytesIO(office_file)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def formulas(workbook: bytes) -> list[str]:
    """Every formula of the workbook."""
    return [
        formula
        for name, part in parts(workbook).items()
        if name.startswith("xl/worksheets/")
        for formula in re.findall(r"<f>(.*?)</f>", part.decode())
    ]


def recalculated(workbook: bytes, folder: Path) -> bytes:
    """The workbook as LibreOffice computes it, from formulas without the results that were stored with them."""
    bare = folder / "bare.xlsx"
    with zipfile.ZipFile(bare, "w") as archive:
        for name, part in parts(workbook).items():
            archive.writestr(name, re.sub(rb"(</f>)<v>[^<]*</v>", rb"\1", part))
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    command = [
        SOFFICE or "soffice",
        profile,
        "--headless",
        "--convert-to",
        "xlsx",
        "--outdir",
        str(folder / "out"),
        str(bare),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=180)
    return (folder / "out" / "bare.xlsx").read_bytes()


def errors(workbook: bytes) -> list[str]:
    """The cells that hold an error."""
    return [
        f"{name} {cell}"
        for name, part in parts(workbook).items()
        if name.startswith("xl/worksheets/")
        for cell in re.findall(r'<c r="([A-Z]+[0-9]+)"[^>]* t="e"', part.decode())
    ]
