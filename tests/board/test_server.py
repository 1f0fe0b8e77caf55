"""The board over HTTP: who is let in to what, what every answer says of itself, and what is no page."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from board.login import Login
from board.pages import PAGES
from board.server import POLICY
from tests.board import small_marts
from tests.board.served import PASSWORD, Answer, Reader, Served, serving

KPI = "/ja/kpi?kpi=leads"
PAGE_ROUTES = [
    "/ja/today",
    "/en/tree",
    "/ja/scorecard?grain=week",
    "/ja/funnel?by=channel",
    "/en/articles",
    "/ja/data",
    KPI,
]
CSV_ROUTES = ["/ja/scorecard.csv", "/ja/articles.csv", "/en/data.csv", "/ja/kpi.csv?kpi=leads"]
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get"]


@pytest.fixture(scope="module")
def free(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A board on loopback, without a login."""
    folder = tmp_path_factory.mktemp("free")
    small_marts.write(folder / "marts.duckdb")
    with serving(folder) as served:
        yield served


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A board with a login, which is also reached by a name."""
    folder = tmp_path_factory.mktemp("closed")
    small_marts.write(folder / "marts.duckdb")
    with serving(folder, Login(PASSWORD), names=("Board.example.com",)) as served:
        yield served


def visitor(free: Served, closed: Served, who: str) -> Reader:
    if who == "no login configured":
        return free.reader()
    if who == "not signed in":
        return closed.reader()
    reader = closed.signed_in()
    kept = dict(reader.cookies)
    if who == "signed out":
        assert reader.form("/logout").status == 303
        reader.cookies = kept
    if who == "tampered":
        session = kept["gyakusan_session"]
        reader.cookies["gyakusan_session"] = ("A" if session[0] != "A" else "B") + session[1:]
    return reader


def is_sealed(answer: Answer) -> bool:
    return all(answer.headers.get(name) == value for name, value in POLICY.items())


OUTSIDE = ["not signed in", "signed out", "tampered"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("who", ["no login configured", *OUTSIDE, "signed in"])
def test_pages_are_for_those_who_may_see_them_and_only_to_be_read(
    free: Served, closed: Served, who: str, method: str
) -> None:
    reader = visitor(free, closed, who)
    is_read, is_outside = method in ("GET", "HEAD"), who in OUTSIDE
    for route in ["/", *PAGE_ROUTES, *CSV_ROUTES]:
        answer = reader.ask(route, method)
        if is_outside:
            expected = 302 if is_read and route not in CSV_ROUTES else 401
        else:
            expected = (302 if route == "/" else 200) if is_read else 405
        assert (route, answer.status) == (route, expected)
        assert is_sealed(answer)
        assert answer.headers["cache-control"] == "no-store"
        assert ("x-snapshot" in answer.headers) == (expected == 200 and route in PAGE_ROUTES)
        if is_outside:
            assert answer.headers.get("location", "/login").startswith("/login")
            assert b"title" not in answer.body


@pytest.mark.parametrize("who", ["no login configured", *OUTSIDE, "signed in"])
def test_only_the_login_static_files_and_health_are_open(free: Served, closed: Served, who: str) -> None:
    reader = visitor(free, closed, who)
    static = (free if who == "no login configured" else closed).board.static
    for method in METHODS:
        expected = 200 if method in ("GET", "HEAD") else 405
        assert reader.ask("/health", method).status == expected
        assert reader.ask(f"{static}/board.css", method).status == expected
        login = reader.ask("/login", method)
        if who == "no login configured":
            assert login.status == 404
        else:
            assert login.status == (403 if method == "POST" else expected)  # a form without its token
    for unknown in ("/ja", "/admin", "/ja/nothing", "/xx/today", "/ja/today/", "//ja/today", "/ja/today/x", "/metrics"):
        answer = reader.ask(unknown)
        assert answer.status == (404 if who not in OUTSIDE else 401 if unknown.count("/") > 2 else 302), unknown
        assert is_sealed(answer)


def test_health_says_what_the_night_is_only_to_readers(free: Served, closed: Served) -> None:
    assert closed.reader().ask("/health").text == '{"status":"ok"}'
    for reader in (free.reader(), closed.signed_in()):
        assert '"snapshot":"20261125-run-0000"' in reader.ask("/health").text


def test_every_kind_of_answer_carries_the_policy(free: Served, closed: Served, tmp_path: Path) -> None:
    signed_in, anybody = closed.signed_in(), closed.reader()
    answers = {
        200: free.reader().ask("/ja/today"),
        302: anybody.ask("/ja/today"),
        303: closed.reader().sign_in(),
        401: anybody.ask("/ja/today", "POST"),
        403: free.reader().ask("/ja/today", "POST", Origin="https://evil.example"),
        404: signed_in.ask("/ja/nothing"),
        405: signed_in.ask("/ja/today", "DELETE"),
        421: free.reader().ask("/ja/today", Host="evil.example"),
    }
    with serving(tmp_path) as empty:
        answers[503] = empty.reader().ask("/ja/today")
    for status, answer in answers.items():
        assert (answer.status, is_sealed(answer)) == (status, True), status
        assert answer.headers["cache-control"] == "no-store"
    assert {*answers[405].headers["allow"].split(", ")} == {"GET", "HEAD"}
    policy = POLICY["content-security-policy"]
    assert "unsafe" not in policy and policy.startswith("default-src 'none'")


def test_an_error_of_ours_tells_the_reader_nothing_and_the_log_everything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A tag that the board has no word for: notes.csv cannot hold one, so it stands for any mistake of ours."""
    path = small_marts.write(tmp_path / "marts.duckdb")
    with duckdb.connect(str(path)) as con:
        con.execute("update notes set tag = 'unheard of'")
    with serving(tmp_path) as served:
        answer = served.reader().ask(KPI)
    assert (answer.status, is_sealed(answer)) == (500, True)
    assert answer.headers["cache-control"] == "no-store"
    assert "unheard" not in answer.text and "Error" not in answer.text
    assert "unheard of" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("host", "is_free", "is_closed"),
    [
        ("127.0.0.1", True, True),
        ("127.0.0.1:8585", True, True),
        ("LOCALHOST:1", True, True),
        ("[::1]:8585", True, True),
        ("board.example.com", False, True),
        ("BOARD.example.com:443", False, True),
        ("192.168.1.5:8585", False, True),  # a site that is rebound has a name
        ("[fe80::1]", False, True),
        ("evil.example", False, False),
        ("127.0.0.1.evil.example", False, False),
        ("evil.example:127.0.0.1", False, False),
        ("localhost@evil.example", False, False),
        ("evil.example/login?", False, False),
        ("", False, False),
    ],
)
def test_a_board_answers_for_its_own_hosts(
    free: Served, closed: Served, host: str, is_free: bool, is_closed: bool
) -> None:
    assert free.reader().ask("/ja/data", Host=host).status == (200 if is_free else 421)
    assert closed.reader().ask("/login", Host=host).status == (200 if is_closed else 421)


def test_a_request_line_or_host_that_no_browser_sends_opens_nothing(closed: Served) -> None:
    for sent, status in {
        b"GET * HTTP/1.1\r\nHost: localhost": b"302",
        b"GET http://evil.example/static/x HTTP/1.1\r\nHost: localhost": b"401",
        b"GET /ja/today HTTP/1.1": b"400",
        b"GET /ja/today HTTP/1.0": b"421",
        b"GET /ja/today HTTP/1.1\r\nHost: localhost\r\nHost: evil.example": b"400",
        b"GET /ja/today HTTP/1.1\r\nHost: 127.0.0.1/login?": b"421",
        b"GET /ja/today\x00 HTTP/1.1\r\nHost: localhost": b"400",
        b"GET /\xe4\xbb\x8a HTTP/1.1\r\nHost: localhost": b"400",
        b"GET /static/x/../../ja/today HTTP/1.1\r\nHost: localhost": b"404",
        b"GET /login/../ja/today HTTP/1.1\r\nHost: localhost": b"401",
        b"GET /ja/today HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13": b"302",
        b"nonsense": b"400",
    }.items():
        received = closed.raw(sent + b"\r\nConnection: close\r\n\r\n")
        assert (sent, received.split(b" ")[1]) == (sent, status)
    for endless in (b"GET /", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: "):
        assert closed.raw(endless + b"a" * 40_000).split(b" ")[1] == b"400"


@pytest.mark.parametrize(
    ("headers", "is_ours"),
    [
        ({}, True),
        ({"Sec_Fetch_Site": "same-origin", "Origin": "{own}"}, True),
        ({"Sec_Fetch_Site": "cross-site"}, False),
        ({"Sec_Fetch_Site": "same-site"}, False),
        ({"Sec_Fetch_Site": "none"}, False),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "http://["}, False),
        ({"Origin": "{own}.evil.example"}, False),
        ({"Sec_Fetch_Site": "same-origin", "Origin": "https://evil.example"}, False),
    ],
)
def test_what_changes_something_comes_from_our_own_pages(
    closed: Served, headers: dict[str, str], is_ours: bool
) -> None:
    sent = {name: value.format(own=f"http://127.0.0.1:{closed.port}") for name, value in headers.items()}
    answer = closed.reader().sign_in(**sent)
    assert answer.status == (303 if is_ours else 403)
    assert ("set-cookie" in answer.headers) == is_ours


@pytest.mark.parametrize(
    ("site", "mode", "dest", "is_answered"),
    [
        ("same-origin", "cors", "empty", True),
        ("none", "navigate", "document", True),
        ("cross-site", "navigate", "document", True),  # a link in a chat
        ("cross-site", "navigate", "iframe", False),
        ("cross-site", "no-cors", "image", False),
        ("same-site", "no-cors", "script", False),
        ("cross-site", "cors", "empty", False),
    ],
)
def test_another_site_may_link_to_a_page_and_not_load_it(
    free: Served, site: str, mode: str, dest: str, is_answered: bool
) -> None:
    answer = free.reader().ask("/ja/data", Sec_Fetch_Site=site, Sec_Fetch_Mode=mode, Sec_Fetch_Dest=dest)
    assert answer.status == (200 if is_answered else 403)


def test_the_language_is_that_of_the_address_else_the_company_s(free: Served, closed: Served) -> None:
    assert free.reader().ask("/").headers["location"] == "/ja/today"
    assert '<html lang="en">' in free.reader().ask("/en/today").text
    assert '<html lang="ja">' in free.reader().ask("/ja/nothing").text
    assert '<html lang="en">' in free.reader().ask("/en/nothing").text
    anybody = closed.reader()
    for path, locale in {"/en/today": "en", "/ja/today": "ja", "//evil.example": "ja", "/logout": "ja"}.items():
        assert anybody.ask(path).headers["location"] == f"/login?locale={locale}"
    assert '<html lang="en">' in anybody.ask("/login?locale=en").text
    assert '<html lang="ja">' in anybody.ask("/login?locale=%22%3E%3Cscript%3E").text


@pytest.mark.parametrize(
    "target",
    [
        "/ja/today?show=none", "/ja/today?x=1", "/ja/today?show=", "/ja/today?show=all&show=all", "/ja/tree?period=x",
        "/ja/tree?period=2020-01-01", "/ja/tree?period=2026-10-01%00", "/ja/scorecard?grain=day",
        "/ja/scorecard?grain=month&grain=week", "/ja/scorecard?period=2026-13-01", "/ja/kpi", "/ja/kpi?kpi=nothing",
        "/ja/kpi?kpi=Leads", "/ja/kpi?kpi=leads'--", "/ja/kpi?kpi=leads&period=0001-01-01", "/ja/kpi.csv",
        "/ja/kpi.csv?kpi=nothing", "/ja/funnel?by=all", "/ja/funnel?by=../x", "/ja/articles?page=2", "/ja/today.csv",
        "/ja/articles.csv?q=a&q=b", "/ja/%74oday%2e%63sv", "/ja/..%2ftoday", "/ja/today%00", "/ja/%2e%2e/today",
        "/ja/today.html", "/ja/shared", "/JA/today", "/ja/kpi?kpi=leads&KPI=x",
        "/ja/today?" + "&".join(["show=all"] * 999),
    ],
)  # fmt: skip
def test_what_is_no_page_is_not_found(free: Served, target: str) -> None:
    answer = free.reader().ask(target)
    assert (answer.status, is_sealed(answer)) == (404, True)


def test_what_only_the_page_s_script_reads_is_let_through(free: Served) -> None:
    for target in ("/ja/articles?q=%00&sort=-leads&action=%3Cscript%3E", "/ja/tree?goal=1e999&leads=x"):
        assert free.reader().ask(target).status == 200


def test_static_files_are_those_of_this_version_by_name(free: Served) -> None:
    reader, static = free.reader(), free.board.static
    for name, media in {"board.css": "text/css", "board.js": "text/javascript", "icon.svg": "image/svg+xml"}.items():
        answer = reader.ask(f"{static}/{name}")
        assert (answer.status, is_sealed(answer)) == (200, True)
        assert answer.headers["content-type"].startswith(media)
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    for target in (
        "/static/other/board.css", f"{static}/", f"{static}/server.py", f"{static}/..%2f..%2fserver.py",
        f"{static}/%2e%2e", f"{static}/board.css%00", f"{static}//board.css", f"{static}/BOARD.CSS",
        "/static/board.css",
    ):  # fmt: skip
        answer = reader.ask(target)
        assert (target, answer.status, answer.headers["cache-control"]) == (target, 404, "no-store")


def test_a_csv_file_is_named_by_what_it_holds(free: Served) -> None:
    """And by nothing that the request says, whose quotes and line breaks would end up in a header."""
    names = {
        "/ja/scorecard.csv?grain=week": "scorecard-week",
        "/ja/kpi.csv?kpi=leads": "kpi-month-leads",
        "/ja/kpi.csv?kpi=leads&period=20261101": "kpi-month-leads-2026-11-01",
        "/en/articles.csv?q=%E6%97%A5&sort=%22;x=%22y": "articles",
        "/en/articles.csv?q=%0d%0aX-Evil:%201": "articles",
    }
    for target, name in names.items():
        answer = free.reader().ask(target)
        assert answer.status == 200
        assert answer.headers["content-disposition"] == f'attachment; filename="{name}.csv"'
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert "x-evil" not in answer.headers
    assert free.reader().ask("/ja/kpi.csv?kpi=leads").text.splitlines()[1].startswith("leads,month,2026-11-01,")


def test_without_a_night_the_board_says_what_to_do_and_shows_one_once_there_is(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        reader = served.reader()
        for target in ("/en/today", "/en/data.csv", "/health"):
            assert reader.ask(target).status == 503
        assert "No night has been published yet. Run: gyakusan nightly" in reader.ask("/en/today").text
        with duckdb.connect(str(served.marts)) as con:
            con.execute("create table kpis as select 1 as kpi")
        answer = reader.ask("/en/today")
        assert (answer.status, "earlier version. Run: gyakusan nightly" in answer.text) == (503, True)
        small_marts.write(served.marts)
        with duckdb.connect(str(served.marts)) as con:
            con.execute("alter table scorecard drop column outlook")
        answer = reader.ask("/en/today")
        assert (answer.status, "earlier version. Run: gyakusan nightly" in answer.text) == (503, True)
        served.marts.write_bytes(b"no database")
        answer = reader.ask("/en/today")
        assert (answer.status, "cannot be read. Run: gyakusan nightly" in answer.text) == (503, True)
        small_marts.write(served.marts)
        assert reader.ask("/en/today").status == 200


def test_who_reads_for_long_keeps_nobody_from_signing_in_and_others_only_for_a_while(tmp_path: Path) -> None:
    small_marts.write(tmp_path / "marts.duckdb")
    with serving(tmp_path, Login(PASSWORD), patience=0.2) as served:
        reader = served.signed_in()
        with served.board.nights.reading():
            assert served.reader().sign_in().status == 303
            assert reader.ask(f"{served.board.static}/board.css").status == 200
            for target in ("/en/today", "/health"):
                assert reader.ask(target).status == 503
            assert "The board is busy" in reader.ask("/en/today").text
        assert reader.ask("/en/today").status == 200


ATTACKS = [
    "' or 1=1 --", "1; drop table kpis", "leads' union select * from read_text('/etc/passwd') --", "../../etc/passwd",
    "..%2f..%2fetc/passwd", "%2e%2e/%2e%2e/", "....//", "\0", "leads\0", "{{7*7}}", "${7*7}", "{%print(7*7)%}",
    "#{7*7}",
    "file:///etc/passwd", "http://169.254.169.254/latest/meta-data", "//evil.example", "\r\nX-Evil: 1", "<script>",
    "\ud83d\ude00", "％２ｅ", "a" * 3000, "-1", "1e999", "NaN", "null", "__class__", "{0.__class__}", "%s%n", "*", ";",
]  # fmt: skip
PARAMETERS = ["kpi", "grain", "period", "by", "show", "q", "sort", "action", "goal", "locale", "x", "", "kpi[]"]
VALUES = ["leads", "month", "week", "2026-11-01", "2026-10-01", "channel", "all", *ATTACKS]
quoted = st.sampled_from(["path", "plus", "none"])


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None)
@given(
    parts=st.lists(st.sampled_from(["ja", "en", *PAGES, "kpi.csv", "static", "login", *ATTACKS]) | st.text(max_size=9),
                   min_size=1, max_size=4),
    query=st.lists(st.tuples(st.sampled_from(PARAMETERS), st.sampled_from(VALUES) | st.text(max_size=20)), max_size=4),
    is_page=st.booleans(),
    is_raw=st.booleans(),
)  # fmt: skip
@example(parts=["kpi"], query=[("kpi", "{{7*7}}")], is_page=True, is_raw=False)
@example(parts=["\n"], query=[], is_page=False, is_raw=False)
@example(parts=["articles.csv"], query=[("q", "\r\nX-Evil: 1")], is_page=True, is_raw=False)
def test_whatever_is_asked_for_is_a_page_or_is_not_found(
    free: Served, parts: list[str], query: list[tuple[str, str]], is_page: bool, is_raw: bool
) -> None:
    def coded(text: str) -> str:
        safe = "/%.;:'()*,=-{}" if is_raw else ""  # what is escaped already, and slashes, as they are
        sent = text.encode("utf-8", "surrogatepass")
        return quote(sent, safe=safe)

    target = "/" + "/".join(map(coded, ["ja", parts[0]] if is_page else parts))
    if query:
        target += "?" + "&".join(f"{coded(name)}={coded(value)}" for name, value in query)
    answer = free.reader().ask(target)
    page = target.partition("?")[0].removesuffix(".csv").split("/")
    if answer.status == 200:
        assert page[1] in ("ja", "en") and page[2] in PAGES and len(page) == 3
        remembered = {*PAGES[page[2]].remembered}
        assert {name for name, _ in query} <= {*PAGES[page[2]].params} | remembered
    else:
        assert answer.status in (302, 404) and (answer.status == 404 or target.partition("?")[0] == "/"), target
    assert is_sealed(answer)
    assert "x-evil" not in answer.headers
    assert "root:" not in answer.text
    if any("7*7" in text for text in [*parts, *(value for _, value in query)]) and answer.status == 404:
        assert "49" not in answer.text.replace(free.board.static, "")
