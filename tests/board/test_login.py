"""Signing in and out: how many passwords are looked at, how long a session lasts, what a form must carry."""

import shutil
import time
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlencode

import pytest
from itsdangerous import TimestampSigner
from playwright.sync_api import sync_playwright

from board.login import HOURS, TRIES, TRIES_IN_ALL, Login, TooManyTries
from tests.board import small_marts
from tests.board.served import PASSWORD, Served, serving

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


class Clock(TimestampSigner):
    """A signer whose time can be set on."""

    ahead = 0

    def get_timestamp(self) -> int:
        return int(time.time()) + self.ahead


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_marts.write(tmp_path_factory.mktemp("marts") / "marts.duckdb").parent


@pytest.fixture
def served(folder: Path) -> Iterator[Served]:
    with serving(folder, Login(PASSWORD)) as board:
        yield board


def looked_at(login: Login, guess: str, address: str) -> bool:
    try:
        login.is_right(guess, address)
    except TooManyTries:
        return False
    return True


def test_of_a_thousand_guesses_ten_are_looked_at() -> None:
    login = Login(PASSWORD)
    assert sum(looked_at(login, f"guess number {n}", "10.0.0.1") for n in range(1000)) == TRIES == 10
    with pytest.raises(TooManyTries):
        login.is_right(PASSWORD, "10.0.0.1")
    assert login.is_right(PASSWORD, "10.0.0.2")


def test_many_addresses_are_of_little_help_and_of_no_weight() -> None:
    login = Login(PASSWORD)
    assert sum(looked_at(login, "wrong", f"2001:db8::{n:x}") for n in range(20_000)) == TRIES_IN_ALL == 30
    assert len(login._wrong) == TRIES_IN_ALL


def test_the_right_password_is_no_try() -> None:
    """A whole team behind one address signs in after a restart."""
    login = Login(PASSWORD)
    assert all(login.is_right(PASSWORD, "10.0.0.1") for _ in range(100))


def test_guesses_over_http_are_throttled_and_sessions_go_on(served: Served) -> None:
    inside, outside = served.signed_in(), served.reader()
    outside.ask("/login")
    token = served.board.login.token(outside.cookies["gyakusan_form"]) if served.board.login else ""
    body = urlencode({"token": token, "password": "guess"})
    # What a client says of its address is only believed of a proxy, and does not help past the limit of all.
    answers = [
        outside.ask("/login", "POST", body, X_Forwarded_For=f"10.0.{n // 250}.{n % 250}").status for n in range(1000)
    ]
    assert (answers.count(401), answers.count(429)) == (TRIES_IN_ALL, 1000 - TRIES_IN_ALL)
    assert served.reader().sign_in().status == 429
    assert inside.ask("/ja/today").status == 200


def test_a_session_is_a_working_day_long() -> None:
    clock = Clock(b"k" * 32)
    login = Login(PASSWORD, clock)
    cookie = login.begin()
    clock.ahead = HOURS * 3600 - 10
    assert login.is_open(cookie)
    clock.ahead = HOURS * 3600 + 10
    assert not login.is_open(cookie)
    later = login.begin()
    assert login._sessions == {later}  # an old session takes no room


def test_a_form_is_good_for_as_long_and_for_one_browser() -> None:
    clock = Clock(b"k" * 32)
    login = Login(PASSWORD, clock)
    nonce = login.nonce(None)
    token = login.token(nonce)
    assert login.is_ours(token, nonce)
    for other in (None, "", login.nonce(None), nonce + "A"):
        assert not login.is_ours(token, other)
    for other in ("", nonce, f"form-{nonce}", token[:-4] + "AAAA", login.begin(), "é", "\ud800"[:0], "." * 99):
        assert not login.is_ours(other, nonce)
    clock.ahead = HOURS * 3600 + 10
    assert not login.is_ours(token, nonce)


def test_neither_a_form_s_token_nor_another_key_s_cookie_is_a_session() -> None:
    login, other = Login(PASSWORD), Login(PASSWORD)
    cookie = login.begin()
    assert login.is_open(cookie)
    flipped = [
        cookie[:place] + ("A" if cookie[place] != "A" else "B") + cookie[place + 1 :] for place in range(len(cookie))
    ]
    for wrong in [None, "", "x", "é", login.token(login.nonce(None)), other.begin(), cookie + " ", *flipped]:
        assert not login.is_open(wrong)


def test_signing_out_ends_the_session_wherever_its_cookie_is(served: Served) -> None:
    reader = served.signed_in()
    kept = dict(reader.cookies)
    assert reader.form("/logout").headers["location"] == "/login"
    assert "gyakusan_session" not in reader.cookies
    reader.cookies = kept
    assert reader.ask("/ja/today").status == 302
    assert reader.ask("/ja/scorecard.csv").status == 401
    assert reader.ask("/ja/today", "POST").status == 401


def test_nobody_is_signed_out_or_in_without_the_form(served: Served) -> None:
    reader = served.signed_in()
    for body in (b"", b"token=x", b"token=" + b"a" * 20_000, b"&" * 9_000, b"\xff\xfe", b"a=1&" * 20):
        assert reader.ask("/logout", "POST", body).status == 403
        assert reader.ask("/login", "POST", body).status == 403
    assert reader.ask("/ja/today").status == 200
    assert reader.ask("/logout").status == 200  # what is only looked at changes nothing
    assert reader.ask("/ja/today").status == 200


def test_a_session_is_new_with_each_sign_in(served: Served) -> None:
    reader = served.reader()
    reader.cookies["gyakusan_session"] = "chosen-by-somebody-else"
    assert reader.sign_in().status == 303
    first = reader.cookies["gyakusan_session"]
    assert first != "chosen-by-somebody-else"
    assert reader.sign_in().status == 303
    reader.cookies["gyakusan_session"] = first
    assert reader.ask("/ja/today").status == 302  # the session before ended


@pytest.mark.parametrize("nonce", ["é", "a", "x" * 4000, '"; Path=/; x="', "a b"])
def test_a_cookie_that_is_none_of_ours_is_replaced(served: Served, nonce: str) -> None:
    reader = served.reader()
    answer = reader.ask("/login", Cookie=f"gyakusan_form={nonce}".encode().decode("latin-1"))
    assert answer.status == 200
    assert len(reader.cookies["gyakusan_form"]) == 32
    assert reader.sign_in().status == 303


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(served: Served) -> None:
    reader = served.reader()
    for headers, is_secure in (({}, False), ({"X_Forwarded_Proto": "https"}, True)):
        reader.ask("/login", **headers)
        lines = list(reader.set_cookies)
        reader.sign_in(**headers)
        for line in [*lines, *reader.set_cookies]:
            for name, cookie in SimpleCookie(line).items():
                assert name in ("gyakusan_session", "gyakusan_form")
                assert cookie["httponly"] is True and cookie["samesite"] == "lax" and cookie["path"] == "/"
                assert cookie["domain"] == "" and cookie["max-age"] == ""
                if line in reader.set_cookies:
                    assert bool(cookie["secure"]) == is_secure


def test_signing_in_leads_to_today_and_nowhere_else(served: Served) -> None:
    for extra in ("", "?next=https://evil.example", "?locale=//evil.example"):
        reader = served.reader()
        answer = reader.form(f"/login{extra}", password=PASSWORD, locale="//evil.example", next="//evil.example")
        assert (answer.status, answer.headers["location"]) == (303, "/ja/today")


def test_a_wrong_password_is_told_and_not_repeated(served: Served) -> None:
    answer = served.reader().sign_in("<b>not it</b>")
    assert answer.status == 401
    assert "not it" not in answer.text
    assert "gyakusan_session" not in answer.headers.get("set-cookie", "")


def test_the_password_is_kept_by_nobody() -> None:
    login = Login(PASSWORD)
    assert PASSWORD not in repr(login) + repr(vars(login))


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: install Debian's package chromium")
def test_a_browser_signs_in_and_out(served: Served) -> None:
    """With the headers that browsers send of themselves: Origin goes by the referrer policy of the page before."""
    address = f"http://127.0.0.1:{served.port}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.goto(f"{address}/ja/scorecard")
        page.fill("#password", PASSWORD)
        page.click("button")
        page.wait_for_url(f"{address}/ja/today")
        page.goto(f"{address}/logout")
        page.click("button")
        page.wait_for_url(f"{address}/login")
        page.goto(f"{address}/ja/today")
        assert page.url.startswith(f"{address}/login")
        browser.close()
    assert not [one for one in said if "Content Security Policy" in one]
