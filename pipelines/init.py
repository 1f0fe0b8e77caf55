"""`gyakusan init`: a company folder from a few answers, commented in the company's language, that loads as it is.

What is to be connected later stands in company.yml as comments, to be uncommented.
"""

import json
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import urlsplit

from pydantic import TypeAdapter, ValidationError
from rich.cells import cell_len, set_cell_size

from connectors import export_presets, plan, plan_schema, plan_tables
from connectors.errors import SourceError
from connectors.ga4_reports import months_after
from connectors.text import Locale, Text
from pipelines import company

COMMENT = "  # "
GRAINS = ("week", "month", "quarter")
UNITS = {"deals": Text("商談数", "deals"), "orders": Text("受注数", "orders"),
         "order_value": Text("受注額", "order value")}  # fmt: skip


@dataclass(frozen=True)
class Goal:
    """The KGI: what each period of its grain shall reach between two days."""

    kpi: str
    target: float
    grain: str
    start: date
    end: date


@dataclass(frozen=True)
class Answers:
    """What a person was asked; of a source that is connected later there is none."""

    name: str
    locale: Locale
    fiscal_year_start: int
    goal: Goal
    start: date
    host: str
    article_path: str
    ga4: str | None = None
    search_console: str | None = None
    clarity: bool = False
    preset: str | None = None
    timezone: str = "Asia/Tokyo"
    currency: str = "JPY"


def checked(kind: Any, value: str, option: str) -> Any:
    """An answer as company.yml takes it, by its own validator. Raises SourceError naming the option."""
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
        for problem in found.get("ctx", {}).get("problems", ()):
            raise SourceError(option, problem.problem, problem.remedy) from None
        raise SourceError(option, f"{value}: {found['msg']}", "see docs/company-folder.md") from None


def goal(text: str, period: tuple[date, date]) -> Goal:
    """``orders=30`` or ``orders=30/month``; without a grain each quarter shall reach the number."""
    match = re.fullmatch(r"\s*(\w+)\s*=\s*([\d,._]+)\s*(?:/\s*(\w+))?\s*", text)
    if not match or match[1] not in plan.KGIS or (match[3] or "quarter") not in GRAINS:
        remedy = f"write KPI=NUMBER or KPI=NUMBER/GRAIN, such as orders=30/quarter; KPI is {', '.join(plan.KGIS)}"
        raise SourceError("--kgi", f"{text} is not a goal", remedy)
    try:
        target = float(match[2].replace(",", ""))
    except ValueError:
        raise SourceError("--kgi", f"{match[2]} is not a number", "write it as 30 or 1,200,000") from None
    return Goal(match[1], target, match[3] or "quarter", *period)


def fiscal_year(today: date, first_month: int) -> tuple[date, date]:
    """The first and the last day of the fiscal year that a day lies in."""
    start = date(today.year - (today.month < first_month), first_month, 1)
    return start, date.fromordinal(months_after(start, 12).toordinal() - 1)


def default_start(today: date) -> date:
    """A year before this month: so much the year-on-year view needs, and so much Search Console still has."""
    return months_after(today.replace(day=1), -12)


def default_host(search_console: str | None) -> str | None:
    """The host that a Search Console property tells; of a domain property its www."""
    if search_console is None:
        return None
    if search_console.startswith("sc-domain:"):
        domain = search_console.removeprefix("sc-domain:")
        return (
            domain if domain.count(".") > 1 and not domain.endswith((".co.jp", ".or.jp", ".ne.jp")) else f"www.{domain}"
        )
    return urlsplit(search_console).hostname


def default_article_path(search_console: str | None) -> str:
    """The folder that a URL-prefix property is about, else /articles/."""
    path = urlsplit(search_console).path if search_console and "://" in search_console else "/"
    return path if path != "/" else "/articles/"


def files(answers: Answers) -> dict[str, str]:
    """The files of the folder, by their path in it."""
    return {name: text(answers) for name, text in FILES.items()}


def refuse_if_there(folder: Path) -> None:
    """Raises SourceError where one of the files is in the folder already."""
    there = [name for name in FILES if (folder / name).exists()]
    if there:
        problem = f"{', '.join(there)} {'is' if len(there) == 1 else 'are'} there already; nothing was written"
        raise SourceError(str(folder), problem, "give a new folder, or move these files away")


def write(folder: Path, answers: Answers) -> list[Path]:
    """Write the files, and what lets an editor complete plan.yml, and return the paths of the files.

    Nothing is written where one of them is there already, or would not load. Raises SourceError.
    """
    refuse_if_there(folder)
    wanted = files(answers)
    with tempfile.TemporaryDirectory() as trial:
        _write(Path(trial), wanted)
        company.load_company(Path(trial))
        plan_tables.read(Path(trial))
    try:
        written = _write(folder, wanted)
        plan_schema.write(folder / ".gyakusan")
        return written
    except OSError as error:
        raise SourceError(
            str(folder), f"cannot be written: {error.strerror}", "give a folder that you may write"
        ) from None


def _write(folder: Path, wanted: Mapping[str, str]) -> list[Path]:
    written = []
    for name, text in wanted.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:  # never over a file that has just appeared
            file.write(text)
        written.append(path)
    return written


def _words(template: str, language: Locale, **values: object) -> str:
    """The template with its values, its comments ``[[Japanese | English]]`` in one language and below each other."""
    side = 1 if language == "ja" else 2
    said = re.sub(r"\[\[(.*?) \| (.*?)\]\](?!\])", lambda found: found[side], template, flags=re.DOTALL)
    lines = Template(said).substitute({name: str(value) for name, value in values.items()}).split("\n")
    parts = [line.rpartition(COMMENT) for line in lines]
    column = max((cell_len(code) for code, _, _ in parts if code.strip()), default=0)
    return "\n".join(
        set_cell_size(code, column) + COMMENT + comment if code.strip() else line
        for line, (code, _, comment) in zip(lines, parts, strict=True)
    )


def _company_yml(of: Answers) -> str:
    ga4 = _words(GA4, of.locale, property_id=of.ga4 or "123456789")
    search = _words(
        SEARCH_CONSOLE, of.locale, site_url=of.search_console or f"sc-domain:{of.host.removeprefix('www.')}"
    )
    blocks = [(ga4, of.ga4), (search, of.search_console), (_words(CLARITY, of.locale), of.clarity),
              (_exports(of), of.preset)]  # fmt: skip
    connected = any(now for _, now in blocks)
    head = _words(
        COMPANY,
        of.locale,
        name=json.dumps(of.name, ensure_ascii=False),
        locale=of.locale,
        timezone=of.timezone,
        currency=of.currency,
        month=of.fiscal_year_start,
        start=of.start,
        host=of.host,
        article_path=json.dumps(of.article_path, ensure_ascii=False),
        topic_path=json.dumps(f"{of.article_path}invoice-", ensure_ascii=False),
        year=of.goal.start.year,
        sources="sources:" if connected else "# sources:",
    )
    return head + "\n".join(block if now else _commented(block) for block, now in blocks)


def _commented(block: str) -> str:
    return "".join(f"# {line}" if line.strip() else line for line in block.splitlines(keepends=True))


def _exports(of: Answers) -> str:
    if of.preset is None:
        return _words(EXPORTS, of.locale)
    now, later = _kinds(of.preset)
    lines = {kind: f"{kind}: {{preset: {of.preset}, file: {_file(of.preset, kind)}}}\n" for kind in (*now, *later)}
    entries = "".join(f"    {lines[kind]}" for kind in now) + "".join(f"    # {lines[kind]}" for kind in later)
    return _words(EXPORTS_HEAD, of.locale) + entries


def _kinds(preset: str) -> tuple[list[str], list[str]]:
    """The kinds of file to begin with, contacts and deals where the tool has them, and those for later."""
    kinds = list(export_presets.built_in(preset).exports)
    now = [kind for kind in kinds if kind in ("contacts", "deals")] or kinds
    return now, [kind for kind in kinds if kind not in now]


def _file(preset: str, kind: str) -> str:
    """Where an export is looked for: the newest file of this name."""
    return f'"exports/{preset}-{kind}*"'


def _exports_readme(of: Answers) -> str:
    text = _words(README, of.locale)
    if of.preset:
        now, _ = _kinds(of.preset)
        text += "\n" + "".join(f"- `{of.preset}-{kind}*` ({kind})\n" for kind in now)
    return text


def _plan_yml(of: Answers) -> str:
    goal = of.goal
    values = {
        "schema": f".gyakusan/{plan_schema.NAME}",
        "kpi": goal.kpi,
        "unit": UNITS[goal.kpi].of(of.locale),
        "grain": goal.grain,
        "start": goal.start,
        "end": goal.end,
        "target": f"{goal.target:.10g}" if goal.target % 1 else f"{goal.target:.0f}",
        "currency": of.currency,
    }
    return "\n".join(_words(section, of.locale, **values) for section in PLAN)


def _gitignore(of: Answers) -> str:
    return _words(GITIGNORE, of.locale)


FILES: Mapping[str, Callable[[Answers], str]] = {
    "company.yml": _company_yml,
    "plan.yml": _plan_yml,
    "exports/README.md": _exports_readme,
    ".gitignore": _gitignore,
}
"""Each file of a new folder, and what writes it."""

COMPANY = """\
# [[この会社のこと、つないでいるもの。項目の説明: docs/company-folder.md | \
Who the company is and what is connected. All keys: docs/company-folder.md]]
# [[直したら gyakusan doctor で確かめる。 | After a change, look with: gyakusan doctor]]
name: $name
locale: $locale  # [[表示の言語: ja か en | the language of labels: ja or en]]
timezone: $timezone  # [[1日の区切り。GA4 の設定と同じにする | days are days there; the same as in GA4]]
currency: $currency  # [[金額はすべてこの通貨 | all amounts are in it]]
fiscal_year_start: $month  # [[年度が始まる月 | the month that the fiscal year starts with]]
start: $start  # [[読み込む最初の日 | the first day to load]]

site:
  hosts: [$host]  # [[自社サイトのホスト名。https:// は付けない | your hosts, without https://]]
  article_paths: [$article_path]  # [[記事の URL の始まり | how the paths of your articles begin]]
#   article_clusters:  # [[記事のテーマ: その URL の始まり。なければ、記事の URL のフォルダーがテーマになる | \
a topic: how the paths of its articles begin; without it, the folder of an article is its topic]]
#     [[請求書 | Invoices]]: [$topic_path]

# calendar:  # [[標準進捗（どこまで進んでいるはずか）で数える日 | the days that the standard pace counts]]
#   pace: business_days  # [[営業日。すべての日を数えるなら calendar_days | or calendar_days, to count all days]]
#   holidays: JP  # [[祝日の国。祝日も数えるなら none | the country whose holidays are not counted, or none]]
#   closed: [$year-12-29, $year-12-30, $year-12-31]  # [[会社の休業日 | the days that your company is closed]]

# [[鍵やトークンそのものは書かない。env:名前 は、それを持つ環境変数の名前。 | \
Keys and tokens never stand here: env:NAME is the environment variable that holds one.]]
# [[あとでつなぐものは行頭の「# 」を外し、番号や名前を自社のものに直す（2文字だけ外し、字下げは残す）。 | \
To connect something later, remove the "# " before its lines (the two characters alone, keep the indentation).]]
$sources
"""
GA4 = """\
  ga4:
    property_id: "$property_id"  # [[GA4 の 管理 > プロパティの詳細 の数字（G-XXXX ではない） | \
the digits under GA4 Admin > Property details, not G-XXXX]]
    credentials: env:GYAKUSAN_GOOGLE_KEY  # [[サービスアカウントの鍵（JSON）のパス | \
the path of the service account's key file (JSON)]]
    events:  # [[意味: 自社の GA4 のイベント名。測っていないものは消す | \
meaning: your GA4 event; remove what you do not measure]]
      download: file_download  # [[資料ダウンロード | a document is downloaded]]
      inquiry: generate_lead  # [[問い合わせ | an inquiry form is sent]]
      # newsletter: sign_up   # [[メルマガ登録 | someone signs up for the newsletter]]
      # one_minute: engaged_60s   # [[1分滞在（タグ マネージャーで設定） | active for one minute (Tag Manager)]]
      # second_page: second_page_view   # [[2ページ目（タグ マネージャーで設定） | a second page (Tag Manager)]]
      # end_of_article: article_end   # [[記事の終わりが見えた（タグ マネージャーで設定） | \
the end of an article comes into view (Tag Manager)]]
"""
SEARCH_CONSOLE = """\
  search_console:
    site_url: $site_url  # [[ドメイン プロパティ。URL プレフィックスなら https://www.example.com/ の形 | \
a domain property; a URL-prefix one is written https://www.example.com/]]
    credentials: env:GYAKUSAN_GOOGLE_KEY  # [[GA4 と同じ鍵でよい | may be the same key as for GA4]]
"""
CLARITY = """\
  clarity:  # [[ヒートマップ。過去3日分しか出ないので早めにつなぐ: docs/sources/clarity.md | \
heat maps; it keeps 3 days only, so connect it early: docs/sources/clarity.md]]
    credentials: env:GYAKUSAN_CLARITY_TOKEN  # [[API トークンそのもの | the API token itself]]
"""
EXPORTS_HEAD = """\
  exports:  # [[MA・SFA・CRM から書き出したファイル。一番新しいものを読む | \
files that your MA, SFA and CRM export; the newest is read]]
"""
EXPORTS = (
    EXPORTS_HEAD
    + """\
    deals:
      file: exports/deals.csv
      columns:  # [[左: こちらの列、右: ファイルの見出し | left: our column, right: the header in your file]]
        deal_id: [[商談ID | Deal ID]]
        status: [[フェーズ | Stage]]
        amount: [[金額 | Amount]]
        created_on: [[作成日 | Created Date]]
        closed_on: [[完了日 | Close Date]]
        account_id: [[取引先ID | Account ID]]
      values:  # [[ファイルの値: こちらの値 | value in your file: our value]]
        status: {[[提案: open, 受注: won, 失注: lost | Proposal: open, Closed Won: won, Closed Lost: lost]]}
"""
)
PLAN = (
    """\
# yaml-language-server: $$schema=$schema
# [[目標と、それを支える約束。項目と KPI の一覧: docs/company-folder.md | \
What the team has set itself and agreed on. All keys and KPIs: docs/company-folder.md]]
# [[使う行は行頭の「# 」を外し、自社のものに直す（字下げは残す）。直したら gyakusan doctor で確かめる。 | \
To use a line, remove the "# " before it (keep the indentation) and make it yours. Then look with: gyakusan doctor]]
version: 1
""",
    """\
# [[KGI は、期間の中の各区切り（週・月・四半期）で達成する数字。 | \
The KGI is what each period of the grain shall reach.]]
kgi:
  kpi: $kpi  # [[$unit。deals, orders, order_value のどれか | one of deals, orders, order_value]]
  grain: $grain  # [[区切り: week, month, quarter（会計年度の四半期） | week, month or quarter (of the fiscal year)]]
  start: $start  # [[最初の日 | the first day]]
  end: $end  # [[最後の日 | the last day]]
  target: $target  # [[各区切りで達成する数字 | the number to reach in each period]]
#   owner: [[営業部 | Sales]]  # [[責任者 | who answers for it]]
""",
    """\
# [[少人数なら、最初は KGI と一番大事な KPI だけを見る。 | A small team looks at the KGI and one KPI first.]]
# focus:
#   key_kpi: mqls  # [[一番大事な KPI | the one that matters most]]
""",
    """\
# [[KGI から逆算した KPI。率は 0 から 1 で書く（35 % なら 0.35）。担当者（owner）も書ける。 | \
The KPIs that lead to the goal. A rate is written 0 to 1 (35 % is 0.35). Each may have an owner.]]
# targets:
#   - {kpi: mqls, grain: month, start: $start, end: $end, target: from_kgi}  # [[KGI の達成に必要な数 | \
what the goal requires]]
#   - {kpi: inquiries, grain: month, start: $start, end: $end, target: 60}  # [[数字で決める | a number]]
#   - {kpi: downloads, grain: month, start: $start, end: $end, target: +20%}  # [[前期比。前年同期比なら \
over: last_year も書く | over the period before; over: last_year for the year before]]
#   - {kpi: read_through_rate, grain: month, start: $start, end: $end, target: 0.35}  # [[率 | a rate]]
""",
    """\
# [[誰のための記事か（ペルソナ）。コンタクトは、条件をすべて満たす最初のペルソナに当てはまる。 | \
The personas that the articles are for. The first one that a contact fits is taken.]]
# personas:
#   - name: [[経理部長 | Head of accounting]]
#     industries: [[[製造業, 卸売業] | [Manufacturing, Wholesale]]]  # [[コンタクトの業種に含まれる言葉（どれか） | \
one of them is part of the contact's industry]]
#     roles: [[[部長, 課長] | [Head, Manager]]]  # [[コンタクトの役職に含まれる言葉（どれか） | \
one of them is part of the job title]]
#     problems: [[[請求書の処理に時間がかかる] | [Invoices take too long]]]  # [[抱えている課題 | \
what they struggle with]]
""",
    """\
# [[KPI を見直す会議（レビュー）。business_day は、その月・四半期が終わってから何営業日目か。 | \
The meetings that look at the KPIs; business_day counts from the end of the month or quarter.]]
reviews:
  - {every: week, weekday: monday}  # [[公開した記事と、今週やること | what was published, and what to do this week]]
  - {every: month, business_day: 3}  # [[目標との差、原因、翌月の施策 | gaps, their causes, what to do next month]]
  - {every: quarter, business_day: 5}  # [[KPI と目標そのものの見直し | whether the KPIs are still the right ones]]
""",
    """\
# [[目標が未達のとき、原因をどう調べ、どう決めるか。 | \
How the cause is found when a target is missed, and who decides.]]
# on_miss:
#   process: [[未達の KPI ごとに原因を月次で分け、翌月の施策を一つ決める | \
look at the stage before each month, and choose one action]]  # [[進め方 | in words]]
#   owner: [[マーケティング部 | Marketing]]  # [[責任者 | who answers for it]]
""",
    """\
# [[改善を実行する体制（人と予算）。 | Who and what there is to carry out improvements.]]
# resources:
#   - what: [[記事の執筆 | Writing articles]]  # [[何のためのものか | what for]]
#     hours_per_month: 60  # [[月の作業時間 | hours of work a month]]
#     budget_per_month: 300000  # [[月の予算（$currency） | money a month ($currency)]]
#     owner: [[編集チーム | Editors]]  # [[担当者 | whose they are]]
""",
    """\
# [[営業への引き渡し。 | How contacts are handed over to sales.]]
# handoff:
#   mql_is: [[問い合わせをしたか、資料を2つ以上ダウンロードしたリード | \
a lead that asked, or downloaded two documents]]  # [[MQL とは | when a contact is an MQL]]
#   sla_hours: 24  # [[営業が連絡するまでの時間 | within how many hours sales gets in touch]]
#   owner: [[インサイドセールス | Inside sales]]  # [[責任者 | who answers for it]]
""",
)
"""The sections of plan.yml: the goal and the reviews are there, the others are to be uncommented."""
GITIGNORE = """\
# [[プログラムが書くもの、鍵、個人データ | What the program writes, keys, and personal data]]
.gyakusan/
.env
*.pem
*key*.json
exports/*
!exports/README.md
"""
README = """\
# [[書き出したファイルを置くところ | Where exported files belong]]

[[MA・SFA・CRM から書き出したファイル（CSV、TSV、XLSX、Parquet）をここに置き、どの列が何かを ../company.yml の | \
Put the files that your MA, SFA and CRM export here (CSV, TSV, XLSX, Parquet), and say which column is what under]]
`sources.exports` [[に書きます。氏名・電話番号・自由記述の列はつながないでください。 | \
in ../company.yml. Do not map names, phone numbers or free text.]]

[[同じ名前で上書きするか、日付を付けて足します（`deals*.csv` と書けば一番新しいものを読みます）。文字コードは UTF-8 | \
Overwrite the file, or add one with a date (`deals*.csv` means the newest). UTF-8,]]
[[・Shift_JIS・EUC-JP のどれでもかまいません。個人データなので、Git には入りません（../.gitignore）。 | \
Shift_JIS and EUC-JP are all read. They hold personal data, so Git leaves them out (../.gitignore).]]
"""
