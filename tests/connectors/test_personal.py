import hashlib
import hmac

import pytest

from connectors.personal import Pseudonyms, company_domain, redacted


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/u/taro@example.com/edit", "/u/(redacted)/edit"),
        ("/u/taro%40example.com", "/u/(redacted)"),
        ("taro＠example.co.jp 山田", "(redacted) 山田"),
        ("電話 03-1234-5678", "電話 (redacted)"),
        ("090-1234-5678", "(redacted)"),
        ("09012345678", "(redacted)"),
        ("+81 90-1234-5678", "(redacted)"),
        ("/contact/03(1234)5678", "/contact/(redacted)"),
        ("0120-123-456", "(redacted)"),
        ("(090) 9173-2603", "(redacted)"),
        ("０９０−９１７３−２６04".translate(str.maketrans("０９１７３２６", "0917326")), "(redacted)"),
        ("TEL:+81(0)3-1234-5678", "TEL:(redacted)"),
        ("電話03-1234-5678へ tel03-1234-5678", "電話(redacted)へ tel(redacted)"),
    ],
)
def test_addresses_and_phone_numbers_are_cut_out(text: str, expected: str) -> None:
    assert redacted(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "/articles/2025/04/01/",
        "/articles/2025-04-01",
        "/a/05-12-2025",
        "iso 27001",
        "0123456789",
        "20250123456789",
        "/0012345678901",
        "@mention",
        "a@b",
    ],
)
def test_dates_numbers_and_names_of_accounts_stay(text: str) -> None:
    assert redacted(text) == text


def test_a_pseudonym_is_the_hmac_of_the_address_in_lower_case_without_spaces() -> None:
    expected = hmac.new(b"key", b"taro@example.com", hashlib.sha256).hexdigest()
    assert Pseudonyms(b"key").person(" Taro@Example.com\n") == expected
    assert Pseudonyms(b"key").person("ｔａｒｏ＠example.com") == expected
    assert Pseudonyms(b"other").person("taro@example.com") != expected


@pytest.mark.parametrize(
    ("email", "domain"),
    [("a@Example.co.jp ", "example.co.jp"), ("a@gmail.com", None), ("a@DOCOMO.ne.jp", None), ("none", None)],
)
def test_free_mail_is_no_company(email: str, domain: str | None) -> None:
    assert company_domain(email) == domain
