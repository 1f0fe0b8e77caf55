"""`gyakusan doctor`: all is well on the demo, and each thing that can be wrong is found, told apart and explained."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from unicodedata import east_asian_width

import duckdb
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

import demo
from connectors.text import Text
from demo.exports import write_exports
from demo.faults import Fault
from demo.sheets import OFFICE_ID, SHEET_ID, Sheets
from pipelines import doctor, lock, publish
from pipelines.company import load_company, yesterday
from pipelines.findings import Context, Finding

DEMO = Path(__file__).parents[2] / "demo"
READER = "reader@acme-data.iam.gserviceaccount.com"
CANARY = "canary-private-key-id"


@pytest.fixture(scope="module")
def running() -> Iterator[demo.Demo]:
    with demo.serve(yesterday(load_company(DEMO))) as servers:
        yield servers


@pytest.fixture(scope="module")
def exported(running: demo.Demo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exports")
    write_exports(running.world, folder)
    return folder


@dataclass
class Town:
    """A company folder on the demo's servers, and what is edited in it."""

    folder: Path
    servers: demo.Demo

    def edit(self, *changes: tuple[str, str], name: str = "company.yml") -> None:
        path = self.folder / name
        text = path.read_text()
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path.write_text(text)

    def examine(self, **more: object) -> dict[str, Finding]:
        return {one.check: one for one in doctor.examine(Context(self.folder, Path("acme"), **more))}  # type: ignore[arg-type]


@pytest.fixture
def town(running: demo.Demo, exported: Path, tmp_path: Path) -> Iterator[Town]:
    folder = tmp_path / "acme"
    folder.mkdir()
    text = (DEMO / "company.yml").read_text().replace("127.0.0.1:8787", running.ga4_grpc)
    (folder / "company.yml").write_text(text.replace("http://127.0.0.1:8788", running.http))
    for name in ("plan.yml", "notes.csv"):
        shutil.copy(DEMO / name, folder)
    shutil.copytree(exported, folder / "exports")
    yield Town(folder, running)
    running.faults.clear()
    running.forget_requests()
    running.clarity.asked = 0
    running.sheets = Sheets()


def wrong(findings: dict[str, Finding]) -> dict[str, str]:
    return {name: one.status for name, one in findings.items() if one.status in ("warning", "error")}


def test_all_is_well_on_the_demo(town: Town) -> None:
    found = town.examine(clarity=True)
    assert wrong(found) == {}
    well = {name for name, one in found.items() if one.status == "ok"}
    assert well >= {
        "python", "duckdb", "state", "disk", "lock", "company.yml", "plan.yml",
        "ga4.key", "ga4.access", "ga4.timezone", "ga4.hosts", "ga4.articles", "ga4.events", "ga4.read_through",
        "ga4.quota", "ga4.reports", "search_console.access", "search_console.days", "clarity.access",
        "exports.contacts", "exports.deals", "exports.orders", "notes.csv",
    }  # fmt: skip
    last_final = town.servers.world.as_of - timedelta(days=3)
    assert found["search_console.days"].text.en == f"final up to {last_final}"


def test_clarity_is_asked_only_when_told_to(town: Town) -> None:
    found = town.examine()
    assert (found["clarity.access"].status, town.servers.clarity.asked) == ("skipped", 0)
    assert found["clarity.access"].command == "gyakusan doctor --company acme --clarity"


def test_offline_asks_nobody(town: Town) -> None:
    found = town.examine(online=False, clarity=True)
    assert town.servers.requests == ()
    assert found["ga4.access"].status == found["search_console.access"].status == "skipped"
    assert wrong(found) == {}


# A service account --------------------------------------------------------------------------------------------------


class TokenServer(BaseHTTPRequestHandler):
    """Google's token endpoint: a token, or the error that a class variable holds."""

    error: dict[str, str] | None = None

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps(self.error or {"access_token": "canary-token", "expires_in": 3600}).encode()
        self.send_response(400 if self.error else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def token_server() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), TokenServer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/token"
    server.shutdown()


@pytest.fixture(scope="module")
def private_key() -> str:
    key = rsa.generate_private_key(65537, 2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@pytest.fixture
def keyed(town: Town, token_server: str, private_key: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    """The same company with a service account's key, over REST."""
    key = {"type": "service_account", "client_email": READER, "private_key": private_key, "private_key_id": CANARY,
           "project_id": "acme-data", "token_uri": token_server}  # fmt: skip
    (town.folder / "key.json").write_text(json.dumps(key))
    monkeypatch.setenv("ACME_KEY", str(town.folder / "key.json"))
    town.edit(
        (f"endpoint: {town.servers.ga4_grpc}", f"endpoint: {town.servers.http}"),
        ("transport: grpc", "transport: rest"),
        ("credentials: none           # only", "credentials: env:ACME_KEY # only"),
        ("credentials: none\n", "credentials: env:ACME_KEY\n"),
    )
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield town
    TokenServer.error = None


def test_the_service_account_is_named(keyed: Town) -> None:
    found = keyed.examine()
    assert wrong(found) == {}
    assert found["ga4.key"].text.ja == READER


GA4_ADMIN = "GA4 Admin > Property access management"


def test_three_causes_of_ga4_s_403_are_told_apart(keyed: Town) -> None:
    """Not enabled in the project; another property's number; a service account that was added nowhere."""
    keyed.servers.faults.switch_on(Fault("403_disabled"))
    disabled = keyed.examine()["ga4.access"]
    assert disabled.text.en == (
        "the Google Analytics Data API is not enabled in the key's Google Cloud project 123456789012"
    )
    assert disabled.command == "gcloud services enable analyticsdata.googleapis.com --project 123456789012"

    keyed.edit(('"400000001"', '"400000002"'))
    elsewhere = keyed.examine()["ga4.access"]
    assert elsewhere.text.en == "400000002 cannot be read, but these can: 400000001 (デモ帳票クラウド)"
    assert elsewhere.remedy is not None
    assert f"({READER}) the Viewer role under {GA4_ADMIN}" in elsewhere.remedy.en
    assert elsewhere.command == "${EDITOR:-vi} acme/company.yml"

    keyed.servers.analytics.listed = False
    try:
        nowhere = keyed.examine()["ga4.access"]
    finally:
        keyed.servers.analytics.listed = True
    assert nowhere.text.ja == "サービスアカウントはどの GA4 プロパティにも追加されていません"
    assert nowhere.remedy is not None
    assert nowhere.remedy.ja == f"GA4 の 管理 > プロパティのアクセス管理 で {READER} を「閲覧者」として追加してください"


def test_where_the_admin_api_does_not_answer_both_remain_possible(keyed: Town) -> None:
    keyed.edit(('"400000001"', '"400000002"'))
    keyed.servers.faults.switch_on(Fault("403_disabled", method="ListAccountSummaries"))
    found = keyed.examine()["ga4.access"]
    assert found.remedy is not None
    assert f"({READER})" in found.remedy.en
    assert "GA4 answers the same for a property of someone else, or of nobody" in found.remedy.en


@pytest.mark.parametrize(
    ("said", "problem", "command"),
    [
        ("Invalid JWT Signature.", "Google does not accept the credentials",
         f"gcloud iam service-accounts keys create KEY.json --iam-account {READER}"),
        ("Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.",
         "Google finds this machine's clock wrong", "sudo timedatectl set-ntp true"),
    ],
)  # fmt: skip
def test_a_deleted_key_is_told_from_a_wrong_clock(keyed: Town, said: str, problem: str, command: str) -> None:
    TokenServer.error = {"error": "invalid_grant", "error_description": said}
    found = keyed.examine()
    for source in ("ga4", "search_console"):
        assert found[f"{source}.token"].text.en.startswith(problem)
        assert found[f"{source}.token"].command == command


def test_search_console_says_which_form_is_right(keyed: Town) -> None:
    keyed.edit(("sc-domain:example.co.jp", "https://www.example.co.jp/"))
    found = keyed.examine()["search_console.access"]
    assert found.text.en == "https://www.example.co.jp/ cannot be read, but these can: sc-domain:example.co.jp"
    assert found.remedy is not None
    assert "correct site_url to sc-domain:example.co.jp" in found.remedy.en
    assert READER in found.remedy.en


@pytest.fixture
def with_sheet(keyed: Town) -> Town:
    """The same company, whose plan is a Google Sheet."""
    plan = f"plan: {{sheet: {SHEET_ID}, credentials: env:ACME_KEY, endpoint: {keyed.servers.http}}}"
    keyed.edit(("\nsources:\n", f"\n{plan}\nsources:\n"))
    (keyed.folder / "plan.yml").unlink()
    return keyed


def test_a_plan_in_a_google_sheet_is_read(with_sheet: Town) -> None:
    with_sheet.servers.sheets.tabs = {
        "kgi": [["kpi", "grain", "start", "end", "target"], ["orders", "quarter", "2025/04/01", "2026/03/31", "30"]],
        "personas": [["name"], ["経理部長"], ["情報システム担当"]],
    }
    found = with_sheet.examine()
    assert wrong(found) == {}
    assert (found["plan.yml"].status, found["plan.key"].text.en) == ("skipped", READER)
    assert found["plan.access"].text == Text("シートを読めます", "the sheet can be read")
    assert found["plan.content"].text == Text("目標 1 件、ペルソナ 2 件", "targets: 1, personas: 2")


def test_a_plan_in_a_google_sheet_is_not_asked_for_offline(with_sheet: Town) -> None:
    found = with_sheet.examine(online=False)
    assert (found["plan.key"].status, found["plan.access"].status) == ("ok", "skipped")
    assert with_sheet.servers.requests == ()


def test_why_a_plan_in_a_google_sheet_cannot_be_read_is_told_apart(with_sheet: Town) -> None:
    """Not shared; the API not enabled; another id; an Excel file; another month than any."""
    sheets = with_sheet.servers.sheets
    sheets.is_shared = False
    found = with_sheet.examine()
    assert wrong(found) == {"plan.access": "error"}
    assert found["plan.access"].text == Text(
        "サービスアカウントに読む権限がありません: The caller does not have permission",
        "the service account may not read it: The caller does not have permission",
    )
    remedy = found["plan.access"].remedy
    assert remedy is not None
    assert remedy.ja.startswith(f"シートの 共有 で {READER} を「閲覧者」として追加してください。追加済みなら、")
    assert remedy.en.startswith(f"share the sheet with the service account ({READER}) as Viewer")
    sheets.is_shared = True

    with_sheet.servers.faults.switch_on(Fault("403_disabled", "sheets"))
    disabled = with_sheet.examine()["plan.access"]
    assert disabled.text.en == "the Google Sheets API is not enabled in the key's Google Cloud project 123456789012"
    assert disabled.command == "gcloud services enable sheets.googleapis.com --project 123456789012"

    with_sheet.edit((SHEET_ID, "1" + "x" * 43))
    gone = with_sheet.examine()["plan.access"]
    assert gone.text.ja == "見つかりません: Requested entity was not found."
    assert gone.remedy is not None
    assert gone.remedy.ja == "sheet をシートの URL の /d/ と /edit の間の文字と見比べてください"

    with_sheet.edit(("1" + "x" * 43, OFFICE_ID))
    office = with_sheet.examine()["plan.access"]
    assert office.text.ja.startswith("Google スプレッドシートではありません: This operation is not supported")
    assert office.remedy is not None
    assert "ファイル > Google スプレッドシートとして保存" in office.remedy.ja

    with_sheet.edit((OFFICE_ID, SHEET_ID))
    sheets.tabs["kgi"][1][sheets.tabs["kgi"][0].index("start")] = "'2025年"
    found = with_sheet.examine()
    assert wrong(found) == {"plan.content": "error"}
    assert found["plan.access"].status == "ok"
    assert found["plan.content"].text.ja == "plan sheet: kgi row 2 start: 2025年 is not a day"
    assert found["plan.content"].remedy == Text(
        "シートのその場所を直してください: write it as 2025-04-01", "write it as 2025-04-01"
    )


def test_no_secret_is_ever_shown(keyed: Town, private_key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong: neither the key, nor its id, nor the token, nor where the key lies."""
    monkeypatch.setenv("ACME_TOKEN", "canary clarity token")
    keyed.edit(("credentials: none           # else", "credentials: env:ACME_TOKEN   # else"))
    secrets = {CANARY, "canary-token", "canary clarity", str(keyed.folder / "key.json"), *private_key.split("\n")[1:-2]}
    errors: Sequence[dict[str, str] | None] = (None, {"error": "invalid_grant", "error_description": "Invalid JWT."})
    for error in errors:
        TokenServer.error = error
        for fault in ("403_disabled", "401", "reset"):
            keyed.servers.faults.clear()
            keyed.servers.faults.switch_on(Fault(fault, times=9))
            found = doctor.examine(Context(keyed.folder, Path("acme")))
            said = " ".join(str(one) for one in found)
            assert [secret for secret in secrets if secret in said] == []


# What else can be wrong ---------------------------------------------------------------------------------------------


Break = Callable[[Town], object]


def old_file(town: Town) -> None:
    when = time.time() - 20 * 86_400
    os.utime(town.folder / "exports" / "deals.csv", (when, when))


def no_duckdb_folder(town: Town) -> None:
    (town.folder / ".gyakusan").write_text("a file")


def open_key(town: Town) -> None:
    (town.folder / ".gyakusan").mkdir()
    (town.folder / ".gyakusan" / "key").write_bytes(bytes(32))
    (town.folder / ".gyakusan" / "key").chmod(0o644)


def old_marts(town: Town) -> None:
    state = town.folder / ".gyakusan"
    state.mkdir()
    with duckdb.connect(str(state / "warehouse.duckdb")) as con:
        con.execute("create schema marts")
        con.execute("create table marts.kpis as select 1 as one")
        publish.publish(con, state / "marts.duckdb", publish.Publication(date(2026, 1, 31), datetime.now(UTC), "run"))


@pytest.mark.parametrize(
    ("spoil", "check", "status", "said", "command"),
    [
        (lambda t: t.edit(("timezone: Asia/Tokyo", "timezone: America/New_York")), "ga4.timezone", "warning",
         "GA4 has Asia/Tokyo, company.yml America/New_York", "vi} acme/company.yml"),
        (lambda t: t.edit(("generate_lead", "generate_leads")), "ga4.events", "warning",
         "inquiry: generate_leads (like generate_lead", "company.yml"),
        (lambda t: t.edit(("www.example.co.jp", "blog.example.co.jp")), "ga4.hosts", "error",
         "nothing from blog.example.co.jp in 28 days; hosts that send data: www.example.co.jp", "company.yml"),
        (lambda t: t.edit(("[/articles/]", "[/blog/]")), "ga4.articles", "warning",
         "no page begins with /blog/ in 28 days; most views are of /articles/", "company.yml"),
        (lambda t: t.servers.faults.switch_on(Fault("429_day", times=9)), "ga4.access", "error",
         "the quota is used up: Exhausted property tokens per day", "gyakusan doctor --company acme"),
        (lambda t: t.servers.faults.switch_on(Fault("403_permission", "search_console")), "search_console.access",
         "error", "the service account may not read it", "gyakusan doctor"),
        (lambda t: t.servers.faults.switch_on(Fault("401", "clarity", times=9)), "clarity.access", "error",
         "Clarity does not accept the token", "--clarity"),
        (lambda t: (t.folder / "exports" / "deals.csv").unlink(), "exports.deals", "error", "no such file",
         "ls -l acme/exports"),
        (old_file, "exports.deals", "warning", "20 days old", "ls -l acme/exports/deals.csv"),
        (lambda t: t.edit(("amount: 金額", "amount: 金額（税込）")), "exports.deals", "error", "金額(税込)",
         "company.yml"),
        (lambda t: t.edit(("受注: won, ", "")), "exports.deals", "error", "受注", "company.yml"),
        (lambda t: t.edit(("計測", "測定"), name="notes.csv"), "notes.csv", "warning",
         "1 rows cannot be read, first line 4 column 種類", "vi} acme/notes.csv"),
        (no_duckdb_folder, "state", "error", "cannot be written: Not a directory", "ls -ld acme/.gyakusan acme"),
        (open_key, "key", "error", "can be read by other users", "chmod 600 acme/.gyakusan/key"),
        (lambda t: t.edit(("kpi: orders", "kpi: order"), name="plan.yml"), "plan.yml", "error", "order is not a KPI",
         "vi} acme/plan.yml"),
        (lambda t: (t.folder / "plan.yml").unlink(), "plan.yml", "error", "no such file", "vi} acme/plan.yml"),
        (lambda t: t.edit(("currency: JPY", "currency: yen"), ("locale: ja", "locale: jp")), "company.yml", "error",
         "2 entries are wrong", "vi} acme/company.yml"),
        (old_marts, "published", "warning", "days behind", "gyakusan nightly --company acme"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_found(town: Town, spoil: Break, check: str, status: str, said: str, command: str) -> None:
    spoil(town)
    found = town.examine(clarity=True)
    assert wrong(found) == {check: status}
    assert said in found[check].text.en.replace("（", "(").replace("）", ")")
    assert found[check].text.ja
    assert command in (found[check].command or "")


def test_every_finding_that_is_wrong_has_a_command(town: Town) -> None:
    town.edit(("credentials: none           # only", "credentials: env:GYAKUSAN_NOT_SET # only"))
    found = town.examine(online=False)
    assert found["ga4.key"].command == "export GYAKUSAN_NOT_SET=/path/to/key.json"
    assert "GYAKUSAN_NOT_SET is not set" in found["ga4.key"].text.en
    assert all(one.command for one in found.values() if one.status in ("warning", "error"))


def test_a_folder_without_anything_is_told_to_begin(tmp_path: Path) -> None:
    found = {one.check: one for one in doctor.examine(Context(tmp_path / "new", Path("new")))}
    assert wrong(found) == {"company.yml": "error"}
    assert found["company.yml"].command == "gyakusan init new"


def test_a_night_that_runs_is_left_alone(town: Town) -> None:
    lock.take(town.folder / ".gyakusan")
    try:
        found = town.examine(online=False)
    finally:
        lock.release(town.folder / ".gyakusan")
    assert wrong(found) == {"lock": "warning"}
    assert f"process {os.getpid()} since" in found["lock"].text.en
    assert lock.holder(town.folder / ".gyakusan") is None


def test_duckdb_1_4_is_refused(monkeypatch: pytest.MonkeyPatch, town: Town) -> None:
    monkeypatch.setattr(duckdb, "__version__", "1.4.4")
    found = town.examine(online=False)
    assert wrong(found) == {"duckdb": "error"}
    assert "loses committed rows" in found["duckdb"].text.en


def test_a_disk_that_is_nearly_full_is_told(monkeypatch: pytest.MonkeyPatch, town: Town) -> None:
    usage = shutil.disk_usage(town.folder)
    for free, status in ((1 << 29, "warning"), (1 << 20, "error")):
        monkeypatch.setattr(shutil, "disk_usage", lambda place, free=free: usage._replace(free=free))
        assert wrong(town.examine(online=False)) == {"disk": status}


def test_properties_are_asked_about_their_reports_once(town: Town) -> None:
    """What a night has kept of the definitions is not asked again."""
    town.examine()
    asked = {request.method for request in town.servers.requests if request.api == "ga4"}
    assert asked == {"BatchRunReports", "GetMetadata", "CheckCompatibility"}


# The command --------------------------------------------------------------------------------------------------------


def gyakusan(town: Town, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "pipelines.cli", "doctor", "--company", str(town.folder), *arguments]
    kept = {name: value for name, value in os.environ.items() if name != "FORCE_COLOR"}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=kept | environment, check=False)


@pytest.mark.parametrize("locale", ["ja", "en"])
def test_the_page_is_readable_in_80_columns(town: Town, locale: str) -> None:
    town.servers.faults.switch_on(Fault("403_disabled"))
    done = gyakusan(town, "--locale", locale)
    assert (done.returncode, done.stderr) == (1, "")
    assert "\x1b" not in done.stdout
    run = "→ 実行: " if locale == "ja" else "→ run: "
    lines = [line for line in done.stdout.splitlines() if run not in line]
    assert max(sum(2 if east_asian_width(c) in "WF" else 1 for c in line) for line in lines) <= 80
    assert f"{run}gcloud services enable analyticsdata.googleapis.com --project 123456789012\n" in done.stdout


def test_json_is_a_list_of_findings(town: Town) -> None:
    done = gyakusan(town, "--json", "--locale", "en")
    assert done.returncode == 0
    listed = json.loads(done.stdout)
    assert all(set(one) == {"group", "check", "status", "text", "remedy", "command"} for one in listed)
    assert {one["group"] for one in listed} == {"environment", "project", "connections", "data"}
    assert {"group": "connections", "check": "ga4.timezone", "status": "ok", "text": "Asia/Tokyo", "remedy": None,
            "command": None} in listed  # fmt: skip


def test_hosts_that_never_answer_cost_less_than_ten_seconds(town: Town) -> None:
    """They take the connection and say nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        text = re.sub(r"127\.0\.0\.1:\d+", address, (town.folder / "company.yml").read_text())
        (town.folder / "company.yml").write_text(text)
        began = time.monotonic()
        done = gyakusan(town, "--json", "--clarity", "--locale", "en")
        seconds = time.monotonic() - began
    assert seconds < 10
    found = {one["check"]: one for one in json.loads(done.stdout)}
    assert done.returncode == 1
    for source in ("ga4", "search_console", "clarity"):
        about = [one for name, one in found.items() if name.startswith(f"{source}.") and one["status"] == "error"]
        assert len(about) == 1
        assert "answer" in about[0]["text"]
    assert found["exports.deals"]["status"] == "ok"
