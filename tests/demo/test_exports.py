"""The CSV files against company.yml and the world."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

import demo
from demo.site import site
from demo.world import World
from tests.demo.months import september

PERSONAL = {"氏名", "メールアドレス", "電話番号", "備考"}


@pytest.fixture(scope="module")
def company(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo.company_copy(tmp_path_factory.mktemp("company"), "127.0.0.1:1", "http://127.0.0.1:2", world)


@pytest.fixture(scope="module")
def settings(company: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((company / "company.yml").read_text(encoding="utf-8"))
    return found


def _read(company: Path, name: str, encoding: str = "utf-8-sig") -> pd.DataFrame:
    return pd.read_csv(company / "exports" / f"{name}.csv", dtype=str, keep_default_na=False, encoding=encoding)


def test_the_copy_points_at_other_servers_and_starts_with_the_world(settings: dict[str, Any], company: Path) -> None:
    assert settings["sources"]["ga4"]["endpoint"] == "127.0.0.1:1"
    assert settings["sources"]["search_console"]["endpoint"] == "http://127.0.0.1:2"
    assert settings["sources"]["clarity"]["endpoint"] == "http://127.0.0.1:2"
    assert str(settings["start"]) == "2025-04-01"
    assert (company / "plan.yml").exists()


def test_every_mapped_header_and_value_is_there(settings: dict[str, Any], company: Path) -> None:
    for name, file in settings["sources"]["exports"].items():
        table = _read(company, name, file.get("encoding", "utf-8-sig"))
        assert set(file["columns"].values()) <= set(table.columns)
        for column, values in file.get("values", {}).items():
            assert set(table[file["columns"][column]]) - {""} <= set(values), (name, column)
        others = {header for column, header in file["columns"].items() if column != "email"}  # it becomes a pseudonym
        assert not PERSONAL & others


def test_what_must_never_be_loaded_is_in_the_files(company: Path) -> None:
    contacts = _read(company, "contacts")
    assert set(contacts.columns) >= PERSONAL
    assert contacts["メールアドレス"].str.fullmatch(r"tantou\.\d+@example\.jp").all()
    assert contacts["氏名"].str.fullmatch(r"担当者\d+").all()


def test_encodings_are_mixed(company: Path) -> None:
    starts = {path.stem: path.read_bytes()[:3] for path in (company / "exports").iterdir()}
    assert starts["contacts"] == b"\xef\xbb\xbf"
    assert starts["orders"] != b"\xef\xbb\xbf"
    with pytest.raises(UnicodeDecodeError):
        (company / "exports/deals.csv").read_text(encoding="utf-8")


def test_files_give_the_truth(company: Path, world: World) -> None:
    """September 2026, counted from the files alone."""
    value = september(world)
    forms, deals = _read(company, "form_submissions"), _read(company, "deals", "cp932")
    stages, orders = _read(company, "stage_changes"), _read(company, "orders")
    inquiries = forms[(forms["フォーム名"] == "お問い合わせ") & (forms["無効理由"] == "")]
    assert inquiries["送信日時"].str.startswith("2026/09").sum() == value["inquiries"]
    downloads = forms[(forms["フォーム名"] == "資料ダウンロード") & forms["送信日時"].str.startswith("2026/09")]
    assert value["downloads"] < len(downloads) < 1.2 * value["downloads"]
    first = stages[stages["ステージ"] == "MQL"].groupby("コンタクトID")["変更日時"].min()
    assert first.str.startswith("2026/09").sum() == value["mqls"]
    assert (stages["ステージ"] == "MQL").sum() > len(first)
    new = deals[deals["種別"] == "新規"]
    assert new["作成日"].str.startswith("2026/09").sum() == value["deals"]
    won = new[(new["フェーズ"] == "受注") & new["クローズ日"].str.startswith("2026/09")]
    assert len(won) == value["orders"]
    assert won["金額"].str.replace(",", "").astype(int).sum() == value["order_value"]
    assert ((orders["区分"] == "新規") & orders["受注日"].str.startswith("2026-09")).sum() == value["orders"]


def test_every_order_belongs_to_a_won_deal_of_the_same_account(company: Path) -> None:
    deals, orders = _read(company, "deals", "cp932").set_index("商談ID"), _read(company, "orders")
    of = deals.loc[orders["商談ID"]]
    assert (of["フェーズ"] == "受注").all()
    assert list(of["会社ID"]) == list(orders["会社ID"])
    assert set(_read(company, "contracts")["会社ID"]) <= set(orders["会社ID"])


def test_landing_pages_are_those_of_the_first_session(company: Path, world: World) -> None:
    pages = _read(company, "contacts").set_index("コンタクトID")["最初に閲覧したページ"]
    contacts = pages.str.replace(r"\?.*", "", regex=True)
    visits = world.visits[(world.visits["person"] >= 0) & (world.visits["number"] == 1)]
    names = world.business.contacts.set_index("person")["contact_id"]
    known = visits[visits["person"].isin(names.index)]
    assert len(known) > 3000
    expected = ["https://www.example.co.jp" + site().paths[page] for page in known["landing"]]
    assert list(contacts[names[known["person"]]]) == expected
