"""The CSV files that the demo company's MA, SFA, CRM and social accounts export, and its company folder.

The files hold what such files hold in life: names, e-mail addresses, telephone numbers and remarks that must never
be loaded, CP932 here and a byte order mark there, amounts with commas, landing pages with campaign parameters, and
for open deals the closing date that somebody hopes for.
"""

import os
import shutil
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from demo.draws import choice, keys
from demo.people import NEVER
from demo.season import DAY
from demo.site import ASSETS, HOST, site
from demo.web import CHANNELS
from demo.world import World

FOLDER = Path(__file__).parent
_KINDS = {"new": "新規", "renewal": "更新", "upsell": "追加"}
_STAGES = {"lead": "リード", "mql": "MQL", "sql": "SQL", "deal": "商談", "customer": "顧客", "disqualified": "対象外"}
_REASONS = {
    "": "",
    "competitor": "競合",
    "student": "学生",
    "spam": "スパム",
    "sales_pitch": "営業",
    "support": "サポート",
}
_FORMS = np.array(["資料ダウンロード", "メルマガ登録", "お問い合わせ"])
_REMARKS = np.array(["", "", "展示会で名刺交換", "折り返し電話を希望", "上長に確認中, 来月再連絡"])
_CAMPAIGNS = np.array(["", "", "?utm_source=newsletter&utm_medium=email", "?gclid=demo"])


def write_exports(world: World, folder: Path) -> None:
    """Write the seven CSV files into ``folder``; whoever reads one meanwhile sees the old file or the new one."""
    folder.mkdir(parents=True, exist_ok=True)
    of = world.business
    for name, table, encoding in (
        ("contacts", _contacts(of.contacts), "utf-8-sig"),
        ("form_submissions", _form_submissions(of.form_submissions), "utf-8"),
        ("stage_changes", _stage_changes(of.stage_changes), "utf-8-sig"),
        ("deals", _deals(of.deals), "cp932"),
        ("orders", _orders(of.orders), "utf-8"),
        ("contracts", _contracts(of.contracts), "utf-8-sig"),
        ("social_followers", _social_followers(world.followers), "utf-8"),
    ):
        target = folder / f"{name}.csv"
        draft = target.with_name(f".{name}.csv.{os.getpid()}")
        table.to_csv(draft, index=False, encoding=encoding, lineterminator="\r\n" if encoding == "cp932" else "\n")
        draft.replace(target)


def company_copy(
    target: Path,
    ga4_endpoint: str,
    http_endpoint: str,
    world: World,
    transport: str = "grpc",
    start: date | None = None,
) -> Path:
    """The demo's company folder in ``target``, with company.yml pointed at other servers.

    ``ga4_endpoint`` is ``host:port`` for gRPC and a URL for REST. Loading begins with ``start``, else with the world's
    first day.
    """
    target.mkdir(parents=True, exist_ok=True)
    company = yaml.safe_load((FOLDER / "company.yml").read_text(encoding="utf-8"))
    company["start"] = start or world.start
    company["sources"]["ga4"].update(endpoint=ga4_endpoint, transport=transport)
    company["sources"]["search_console"]["endpoint"] = http_endpoint
    company["sources"]["clarity"]["endpoint"] = http_endpoint
    (target / "company.yml").write_text(yaml.safe_dump(company, allow_unicode=True, sort_keys=False), encoding="utf-8")
    for name in ("plan.yml", "notes.csv"):
        shutil.copyfile(FOLDER / name, target / name)
    write_exports(world, target / "exports")
    return target


def _dates(days: pd.Series, mark: str = "-") -> pd.Series:
    """Days as text, '' for never."""
    known = days.to_numpy() < NEVER // DAY
    texts = np.datetime_as_string(np.where(known, days, 0).astype("datetime64[D]"))
    written = pd.Series(texts, index=days.index).str.replace("-", mark)
    return written.where(known, "")


def _moments(seconds: pd.Series) -> pd.Series:
    texts = np.datetime_as_string(seconds.to_numpy().astype("datetime64[s]"))
    return pd.Series(texts, index=seconds.index).str.replace("T", " ").str.replace("-", "/")


def _amounts(amounts: pd.Series, sign: str = "") -> list[str]:
    return [f"{sign}{amount:,}" for amount in amounts]


def _urls(pages: pd.Series) -> "pd.Series[str]":
    urls = np.array([f"https://{HOST}{path}" for path in site().paths] + [""])
    return pd.Series(urls[pages.to_numpy()], index=pages.index)


def _contacts(of: pd.DataFrame) -> pd.DataFrame:
    numbers = pd.Series(np.arange(1, len(of) + 1)).astype(str).str.zfill(5)
    key = keys(0, "remark", of["created_on"].to_numpy(), of["person"].to_numpy())
    landing = _urls(of["landing"])
    campaigns = pd.Series(_CAMPAIGNS[choice(key, "campaign", [1.0] * len(_CAMPAIGNS))], index=of.index)
    return pd.DataFrame(
        {
            "コンタクトID": of["contact_id"],
            "氏名": "担当者" + numbers,
            "メールアドレス": "tantou." + numbers + "@example.jp",
            "電話番号": "03-0000-" + numbers.str[-4:],
            "会社ID": of["account_id"],
            "業種": of["industry"],
            "役職": of["job_title"],
            "作成日": _dates(of["created_on"]),
            "流入元": np.array([*CHANNELS, ""])[of["channel"]],
            "最初に閲覧したページ": landing + campaigns.where(landing != "", ""),
            "メルマガ登録日": _dates(of["newsletter_on"]),
            "配信停止日": _dates(of["unsubscribed_on"]),
            "無効理由": of["invalid_reason"].map(_REASONS),
            "備考": _REMARKS[choice(key, "remark", [1.0] * len(_REMARKS))],
        }
    )


def _form_submissions(of: pd.DataFrame) -> pd.DataFrame:
    is_download = of["kind"].to_numpy() == 0
    return pd.DataFrame(
        {
            "送信ID": of["submission_id"],
            "コンタクトID": of["contact_id"],
            "送信日時": _moments(of["submitted_at"]),
            "フォーム名": _FORMS[of["kind"].to_numpy()],
            "資料名": np.where(is_download, np.array(ASSETS)[of["asset"]], ""),
            "ページURL": _urls(of["page"]),
            "無効理由": of["invalid_reason"].map(_REASONS),
            "メールアドレス": "tantou." + of["person"].astype(str) + "@example.jp",
        }
    )


def _stage_changes(of: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "コンタクトID": of["contact_id"],
            "ステージ": of["stage"].map(_STAGES),
            "変更日時": _moments(of["entered_at"]),
            "変更者": "インサイドセールス",
        }
    )


def _deals(of: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "商談ID": of["deal_id"],
            "商談名": of["account_id"] + " 様 帳票クラウド導入",
            "コンタクトID": of["contact_id"],
            "会社ID": of["account_id"],
            "フェーズ": of["stage"],
            "種別": of["kind"].map(_KINDS),
            "金額": _amounts(of["amount"]),
            "作成日": _dates(of["created_on"], "/"),
            "クローズ日": _dates(of["closed_on"], "/"),
            "備考": "～要確認①",
        }
    )


def _orders(of: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "受注番号": of["order_id"],
            "会社ID": of["account_id"],
            "商談ID": of["deal_id"],
            "受注日": _dates(of["ordered_on"]),
            "受注額": of["amount"],
            "原価": of["cost"],
            "区分": of["kind"].map(_KINDS),
        }
    )


def _contracts(of: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "契約番号": of["contract_id"],
            "会社ID": of["account_id"],
            "開始日": _dates(of["started_on"]),
            "終了日": _dates(of["ended_on"]),
            "月額": _amounts(of["monthly_amount"], "¥"),
        }
    )


def _social_followers(of: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "日付": _dates(of["day"]),
            "媒体": of["platform"],
            "アカウント": of["account"],
            "フォロワー数": of["followers"],
        }
    )
