"""What Google's APIs have in common: a client, asking once more, and saying what a person can do about an error."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from time import monotonic
from typing import Any, Literal, TypeVar

import httplib2
import requests
from google.api_core.exceptions import GoogleAPICallError, GoogleAPIError
from google.api_core.retry import Retry
from google.auth.credentials import AnonymousCredentials, Credentials
from google.auth.exceptions import GoogleAuthError, TransportError
from google.protobuf.json_format import ParseError
from google_auth_httplib2 import AuthorizedHttp
from googleapiclient.discovery import Resource, build
from googleapiclient.errors import HttpError
from googleapiclient.http import HttpRequest

from connectors.errors import SourceError
from connectors.text import Text

T = TypeVar("T")
BROKEN = (
    OSError, HTTPException, httplib2.HttpLib2Error, requests.RequestException, TransportError, ParseError,
    UnicodeDecodeError,
)  # fmt: skip
"""What a dropped, late or cut short answer, be it within a character, raises in one client library or another."""
ERRORS = (GoogleAPIError, GoogleAuthError, HttpError, *BROKEN)


Cause = Literal[
    "key", "clock", "token", "disabled", "scope", "access", "subject", "format", "quota", "refused", "server",
    "unreachable",
]  # fmt: skip
"""Why Google did not answer: the key is revoked; this machine's clock is wrong; the access token is refused; the API is
not enabled in the key's project; the token lacks the API's scope; the account has no role on the property, site or
sheet; there is no such thing; the file is no Google Sheet; the quota is used up; the request is refused for another
reason; an error at Google; no answer at all."""


@dataclass(frozen=True)
class Advice:
    """What is wrong at an entry of company.yml and what a person can do, with the command for it where there is one."""

    cause: Cause
    entry: str
    problem: Text
    remedy: Text
    command: str | None = None


@dataclass(frozen=True)
class Api:
    """How to speak of an API to a person."""

    where: str
    """Its entry in company.yml."""
    name: str
    service: str
    """What Google Cloud calls it."""
    subject: str
    """The key of that entry which names the property, site or sheet."""
    place: Text
    """Where a person gives an account access to it, and which role."""
    check: Text
    """What to check in ``subject`` when the account does have access."""

    def without_credentials(self) -> SourceError:
        remedy = "set it to env:NAME, where NAME is a variable that holds the path of the key file"
        return SourceError(f"{self.where}.credentials", f"the {self.name} answers nobody without credentials", remedy)

    def explain(self, error: Exception, kept: str) -> SourceError:
        """An error that no further try mends, as what a person can do about it; ``kept`` is what it leaves in place."""
        found = self.advice(error)
        remedy = found.remedy.en
        if found.cause in ("server", "unreachable"):
            remedy = f"{kept} is kept; run again later, and it goes on from there"
        elif found.cause == "access":
            remedy += " (gyakusan doctor prints the address and looks which it is)"
        return SourceError(found.entry, found.problem.en, remedy)

    def advice(self, error: Exception, account: str | None = None) -> Advice:
        """The cause of an error told apart; ``account`` is the service account's address, where it is known."""
        cause, said, project = cause_of(error), answer_of(error)[1], _project(error)
        entry, problem, remedy = WORDS[cause]
        values = {
            "api": self.name,
            "said": said,
            "subject": self.subject,
            "place": self.place.format(who=account or "client_email"),
            "check": self.check,
            "project": Text(f" {project} ", f" {project}") if project else "",
            "url": f"https://console.cloud.google.com/apis/library/{self.service}"
            + (f"?project={project}" if project else ""),
            "when": Text("明日（太平洋時間の0時以降）", "after midnight Pacific time")
            if "per day" in said
            else Text("1時間後", "in an hour"),
        }
        command = {
            "disabled": f"gcloud services enable {self.service}" + (f" --project {project}" if project else ""),
            "clock": "sudo timedatectl set-ntp true",
            "key": f"gcloud iam service-accounts keys create KEY.json --iam-account {account}" if account else None,
        }.get(cause)
        where = {"credentials": f"{self.where}.credentials", "subject": f"{self.where}.{self.subject}"}
        return Advice(cause, where.get(entry, self.where), problem.format(**values), remedy.format(**values), command)


GA4 = Api(
    where="company.yml: sources.ga4",
    name="Google Analytics Data API",
    service="analyticsdata.googleapis.com",
    subject="property_id",
    place=Text(
        "GA4 の 管理 > プロパティのアクセス管理 で {who} を「閲覧者」として追加してください",
        "give the service account ({who}) the Viewer role under GA4 Admin > Property access management",
    ),
    check=Text(
        "property_id を GA4 の 管理 > プロパティの詳細 の数字と見比べてください（他社のプロパティにも存在しない番号にも"
        "、GA4 は同じ答えを返します）",
        "compare property_id with the digits under GA4 Admin > Property details (GA4 answers the same for a property "
        "of someone else, or of nobody)",
    ),
)
SEARCH_CONSOLE = Api(
    where="company.yml: sources.search_console",
    name="Google Search Console API",
    service="searchconsole.googleapis.com",
    subject="site_url",
    place=Text(
        "Search Console の 設定 > ユーザーと権限 で {who} を「制限付き」以上で追加してください",
        "add the service account ({who}) under Search Console > Settings > Users and permissions",
    ),
    check=Text(
        "site_url の書き方を確認してください: ドメイン プロパティは sc-domain:example.com、URL プレフィックスは"
        " https://www.example.com/（最後の / まで）",
        "check the form of site_url: sc-domain:example.com, or https://www.example.com/ with its last slash",
    ),
)
SHEETS = Api(
    where="company.yml: plan",
    name="Google Sheets API",
    service="sheets.googleapis.com",
    subject="sheet",
    place=Text(
        "シートの 共有 で {who} を「閲覧者」として追加してください",
        "share the sheet with the service account ({who}) as Viewer, under Share in the sheet",
    ),
    check=Text(
        "sheet をシートの URL の /d/ と /edit の間の文字と見比べてください",
        "compare sheet with what stands between /d/ and /edit in the address of the sheet",
    ),
)


NO_ANSWER = (
    "",
    Text("{api} が応答しません: {said}", "the {api} did not answer: {said}"),
    Text(
        "ネットワーク、プロキシと Google の稼働状況を確認し、あとでもう一度実行してください",
        "look at the network, the proxy and Google's status, and run again later",
    ),
)
WORDS: Mapping[Cause, tuple[str, Text, Text]] = {
    "key": (
        "credentials",
        Text("Google が認証情報を受け付けません: {said}", "Google does not accept the credentials: {said}"),
        Text(
            "鍵が削除されたか、サービスアカウントが無効です。Google Cloud の IAM と管理 > サービス アカウント > 鍵 で"
            "新しい鍵（JSON）を作り、環境変数をそのファイルのパスにしてください",
            "the key was deleted or its account disabled: make a new JSON key in Google Cloud under IAM & Admin >"
            " Service Accounts > Keys, and set the variable to that file's path",
        ),
    ),
    "clock": (
        "credentials",
        Text(
            "Google から見てこのマシンの時計がずれています: {said}",
            "Google finds this machine's clock wrong: {said}",
        ),
        Text("時計を合わせてください", "set the clock"),
    ),
    "token": (
        "credentials",
        Text("Google が認証情報を受け付けません: {said}", "Google does not accept the credentials: {said}"),
        Text(
            "鍵ファイルがこのサービスアカウントのもので、失効していないことを確認してください",
            "check that the key file is the service account's and has not been revoked",
        ),
    ),
    "disabled": (
        "credentials",
        Text(
            "鍵の Google Cloud プロジェクト{project}で {api} が有効になっていません",
            "the {api} is not enabled in the key's Google Cloud project{project}",
        ),
        Text(
            "{url} で「有効にする」を押し、数分待ってください",
            "enable it at {url} and wait a few minutes",
        ),
    ),
    "scope": (
        "credentials",
        Text(
            "認証情報に {api} の権限範囲（スコープ）がありません: {said}",
            "the credentials lack the scope of the {api}: {said}",
        ),
        Text(
            "サービスアカウントの鍵ファイル（JSON）を使ってください",
            "use the key file (JSON) of a service account, no other kind of credentials",
        ),
    ),
    "access": (
        "subject",
        Text("サービスアカウントに読む権限がありません: {said}", "the service account may not read it: {said}"),
        Text("{place}。追加済みなら、{check}", "{place}; if it is there already, {check}"),
    ),
    "subject": (
        "subject",
        Text("見つかりません: {said}", "there is no such thing: {said}"),
        Text("{check}", "{check}"),
    ),
    "format": (
        "subject",
        Text("Google スプレッドシートではありません: {said}", "it is no Google Sheet: {said}"),
        Text(
            "Google ドライブに置いた Excel ファイルは読めません。ファイル > Google スプレッドシートとして保存 を選び、"
            "できたシートの URL を {subject} に書いてください",
            "an Excel file in Google Drive cannot be read: open it, choose File > Save as Google Sheets, and write the"
            " address of the new sheet as {subject}",
        ),
    ),
    "quota": (
        "",
        Text("割り当てを使い切りました: {said}", "the quota is used up: {said}"),
        Text("{when}にもう一度実行してください", "run again {when}"),
    ),
    "refused": (
        "",
        Text("{api} がリクエストを断りました: {said}", "the {api} refused the request: {said}"),
        Text(
            "{subject} と start を確認し、それでも続くならこの文面を添えて報告してください",
            "check {subject} and the company's start; else report this message to the project",
        ),
    ),
    "server": NO_ANSWER,
    "unreachable": NO_ANSWER,
}
"""By cause: the entry it is about (``credentials``, ``subject`` or the source itself), the problem and the remedy."""


def cause_of(error: Exception) -> Cause:
    """What went wrong, by Google's own reason where it gives one, else by status and message."""
    status, said = answer_of(error)
    reason, lower = _reason(error)[0], said.lower()
    if status == 401:
        if "timeframe" in lower or "short-lived" in lower:
            return "clock"
        return "key" if "invalid_grant" in lower or "invalid_client" in lower else "token"
    if reason in ("SERVICE_DISABLED", "accessNotConfigured") or (
        status == 403 and ("has not been used" in lower or "is disabled" in lower)
    ):
        return "disabled"
    if reason in ("ACCESS_TOKEN_SCOPE_INSUFFICIENT", "insufficientPermissions") or "authentication scopes" in lower:
        return "scope"
    if (status == 429 and ("quota" in lower or "exhausted" in lower)) or reason in (
        "quotaExceeded",
        "rateLimitExceeded",
        "userRateLimitExceeded",
    ):
        return "quota"
    if status == 403:
        return "access"
    if status == 404 or (status == 400 and "property id" in lower):
        return "subject"
    if status == 400 and "not supported for this document" in lower:
        return "format"
    if status is None:
        return "unreachable"
    return "server" if status >= 500 else "refused"


def _reason(error: Exception) -> tuple[str, Mapping[str, str]]:
    """The reason and metadata of the google.rpc.ErrorInfo that came with an error, or the older JSON's reason."""
    if isinstance(error, GoogleAPICallError):
        return error.reason or "", error.metadata or {}
    if isinstance(error, HttpError):
        try:
            said = json.loads(error.content)["error"]
            for detail in said.get("details", []):
                if detail.get("@type", "").endswith("google.rpc.ErrorInfo"):
                    return str(detail.get("reason", "")), detail.get("metadata", {})
            return str(said["errors"][0]["reason"]), {}
        except (ValueError, LookupError, TypeError, AttributeError):
            pass
    return "", {}


def _project(error: Exception) -> str | None:
    """The Google Cloud project that an error is about."""
    consumer = _reason(error)[1].get("consumer", "")
    found = re.search(r"projects?[ /]([\w.:-]+)", consumer) or re.search(
        r"\bin project (\S+) before", answer_of(error)[1]
    )
    return found[1] if found else None


def service(
    api: Api, name: str, version: str, endpoint: str | None, credentials: Credentials, timeout_seconds: float
) -> Resource:
    """A client for Google's own endpoint (``None``) or another URL. It is not for use by several threads.

    Raises SourceError for anonymous credentials without an endpoint.
    """
    anonymous = isinstance(credentials, AnonymousCredentials)
    if anonymous and endpoint is None:
        raise api.without_credentials()
    if anonymous:
        http = httplib2.Http(timeout=timeout_seconds, proxy_info=None)
    else:
        http = AuthorizedHttp(credentials, httplib2.Http(timeout=timeout_seconds))
    options = {"api_endpoint": endpoint.rstrip("/") + "/"} if endpoint else {}
    return build(name, version, http=http, static_discovery=True, cache_discovery=False, client_options=options)


def execute(request: HttpRequest) -> dict[str, Any]:
    """The answer to a request of such a client, asked for once. Raises one of ERRORS, for half an answer too."""
    try:
        answer = request.execute()
    except ERRORS:
        # Else the next try would go through a connection that broke off, or still owes a late answer.
        request.http.close()
        raise
    if not isinstance(answer, dict):  # the library hands over what it cannot parse
        raise ConnectionError("the answer was cut short")
    return answer


def ask_again(error: Exception, earlier: Sequence[Exception]) -> bool:
    """Rate limits, server errors and broken connections at most four times; never an exceeded quota."""
    if isinstance(error, HttpError):
        limited = answered(error, 429) or answered(error, 403, "RateLimitExceeded")
        mendable = (limited or error.status_code >= 500) and b"quotaExceeded" not in error.content
    else:
        mendable = isinstance(error, BROKEN)
    return mendable and len(earlier) < 4


def answered(error: Exception, status: int, reason: str = "") -> bool:
    """Whether such a client's error is that status; the reason is matched in any case (rate..., userRate...)."""
    if not isinstance(error, HttpError):
        return False
    return bool(error.status_code == status and reason.lower().encode() in error.content.lower())


def ask(
    call: Callable[[], T], again: Callable[[Exception, Sequence[Exception]], bool], pause_seconds: float
) -> tuple[T, float, int]:
    """The answer, the seconds it took and how often it was asked for once more.

    ``again`` decides by an error and those before it; the pauses double from the first. Raises one of ERRORS.
    """
    earlier: list[Exception] = []
    retry = Retry(
        lambda error: again(error, earlier),
        initial=pause_seconds,
        maximum=15 * pause_seconds,
        timeout=None,
        on_error=earlier.append,
    )
    began = monotonic()
    return retry(call)(), monotonic() - began, len(earlier)


def answer_of(error: Exception) -> tuple[int | None, str]:
    """HTTP status and message, in one line; no status where there was no answer."""
    if isinstance(error, HttpError):
        status, said = error.status_code, error.reason
    elif isinstance(error, GoogleAPICallError):
        status, said = error.code, error.message
    elif isinstance(error, GoogleAuthError) and not isinstance(error, TransportError):
        status, said = 401, str(error)
    else:
        status, said = None, type(error).__name__
    # gRPC reports a key that the token server refuses as an answer that never came.
    if "metadata from plugin failed" in said and "RefreshError" in said:
        status = 401
    said = re.sub(r"^[A-Z]+ https?://\S+: ", "", said)  # REST puts its request before the message
    return status, " ".join(said.split())[:300]
