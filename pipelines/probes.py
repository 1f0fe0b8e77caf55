"""Probes of the sources, for `gyakusan doctor`: credentials, permission and what the property is, asked of it live.

Each source is probed in a thread of its own against one deadline, so that a host which never answers costs neither the
others nor the person more than that.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from difflib import get_close_matches
from functools import partial
from threading import Thread
from typing import Any

import requests
from google.auth.credentials import AnonymousCredentials, Credentials
from google.auth.transport.requests import Request

from connectors import clarity, ga4, google, plan_sheet, search_console
from connectors.errors import SourceError
from connectors.ga4_api import Source, readable_properties
from connectors.ga4_definitions import definitions, property_facts
from connectors.plan import Plan
from connectors.text import Text, same
from pipelines import sources
from pipelines.company import Clarity, Company, Ga4, PlanSheet, SearchConsole
from pipelines.findings import Context, Finding, Status

REQUEST_SECONDS = 4.0
NAMES = {"ga4": "GA4", "search_console": "Search Console", "clarity": "Clarity", "plan": "Google Sheets"}
TOKENS_OF_A_NIGHT = 500


@dataclass(frozen=True)
class Past:
    """What earlier nights left in the warehouse, so far as it could be read."""

    definitions: tuple[ga4.Definition, ...] = ()
    """What GA4 was asked about its report definitions."""
    clarity_answer: tuple[date | None, str | None] = (None, None)
    """The day (UTC) and the error of Clarity's latest answer."""
    first_missing: Mapping[str, date] = field(default_factory=dict)
    """Of each source with days: the first one that no night has loaded."""


@dataclass
class Probe:
    """A source that is being probed in a thread of its own."""

    source: str
    findings: list[Finding]
    thread: Thread


def begin(context: Context, company: Company, past: Past) -> list[Probe]:
    """Start probing every source that is connected, and the sheet of the plan."""
    connected, wanted = company.sources, []
    if settings := connected.ga4:
        wanted.append(("ga4", partial(_ga4, context, company, settings, past)))
    if site := connected.search_console:
        wanted.append(("search_console", partial(_search_console, context, site)))
    if heat_map := connected.clarity:
        wanted.append(("clarity", partial(_clarity, context, heat_map, past)))
    if sheet := company.plan:
        wanted.append(("plan", partial(_plan_sheet, context, sheet)))
    started = []
    for source, probe in wanted:
        findings: list[Finding] = []
        # A daemon: a host that never answers must not keep the process from ending.
        thread = Thread(target=_collect, args=(context, source, probe, findings), daemon=True)
        thread.start()
        started.append(Probe(source, findings, thread))
    return started


def _collect(context: Context, source: str, probe: Callable[[], Iterator[Finding]], findings: list[Finding]) -> None:
    try:
        for finding in probe():
            findings.append(finding)  # noqa: PERF402 (what was found before an error or the deadline stays)
    except SourceError as error:
        said = same(f"{error.where}: {error.problem}")
        findings.append(_of(source, "answer", "error", said, same(error.remedy), context.again))
    except Exception as error:  # a probe that fails is a finding too; its message is not shown, for it may hold a key
        name = type(error).__name__
        said = Text(f"調べられませんでした（{name}）", f"could not be probed ({name})")
        remedy = Text("この文面を添えて報告してください", "report this message to the project")
        findings.append(_of(source, "answer", "error", said, remedy, context.again))


def end(context: Context, started: Sequence[Probe]) -> Iterator[Finding]:
    """What the probes have found by the deadline; one that is still at it is a finding."""
    for probe in started:
        probe.thread.join(context.seconds_left)
        late = probe.thread.is_alive()
        yield from list(probe.findings)
        if late:
            seconds = context.deadline_seconds
            yield _of(
                probe.source,
                "deadline",
                "error",
                Text(f"{seconds:.0f} 秒以内に応答がありませんでした", f"no answer within {seconds:.0f} seconds"),
                Text(
                    "ネットワーク、プロキシ、ファイアウォールを確認してください",
                    "look at the network, the proxy and the firewall",
                ),
                context.again,
            )
    for source, name in NAMES.items():
        if source not in {"plan", *(probe.source for probe in started)}:
            said = Text("つないでいません（company.yml の sources）", "not connected (sources in company.yml)")
            yield Finding("connections", source, "skipped", same(name), said)


def _of(
    source: str, check: str, status: Status, text: Text, remedy: Text | None = None, command: str | None = None
) -> Finding:
    label = CHECKS[check].format(source=NAMES[source])
    return Finding("connections", f"{source}.{check}", status, label, text, remedy, command)


CHECKS = {
    "answer": Text("{source}", "{source}"),
    "deadline": Text("{source} の応答", "{source} answer"),
    "key": Text("{source} の鍵", "{source} key"),
    "token": Text("{source} のトークン", "{source} token"),
    "access": Text("{source} の権限", "{source} access"),
    "timezone": Text("{source} の時間帯", "{source} time zone"),
    "hosts": Text("{source} のホスト", "{source} hosts"),
    "articles": Text("{source} の記事", "{source} articles"),
    "events": Text("{source} のイベント", "{source} events"),
    "read_through": Text("{source} の読了", "{source} read-through"),
    "reports": Text("{source} のレポート", "{source} reports"),
    "quota": Text("{source} の割り当て", "{source} quota"),
    "days": Text("{source} の確定日", "{source} days"),
    "content": Text("{source} の計画", "{source} plan"),
}
CLICKS = {
    "key": Text(
        "Google Cloud の IAM と管理 > サービス アカウント > 鍵 で鍵（JSON）を作り、そのパスを"
        "夜間処理の環境に入れてください",
        "make a JSON key in Google Cloud under IAM & Admin > Service Accounts > Keys, and put its path into the"
        " environment of the night",
    ),
    "token": Text(
        "Clarity の Settings > Data Export > Generate new API token で作り、夜間処理の環境に入れてください",
        "make one in Clarity under Settings > Data Export > Generate new API token, and put it into the environment of"
        " the night",
    ),
}
NO_SECRET = Text("不要（このマシンの中の宛先）", "none needed (an endpoint on this machine)")
OFFLINE = Text("--offline なので聞いていません", "not asked: --offline")
NOWHERE = Text(
    "サービスアカウントはどの {source} プロパティにも追加されていません",
    "the service account has not been added to any {source} property",
)
ELSEWHERE = Text(
    "{subject} は読めませんが、次は読めます: {listed}", "{subject} cannot be read, but these can: {listed}"
)


@dataclass(frozen=True)
class _Login:
    """How far a source's key led: what was found, and the credentials where the source is to be asked."""

    findings: tuple[Finding, ...]
    credentials: Any = None
    address: str | None = None
    """Of the service account."""


def _login(context: Context, source: str, spec: str, key: Callable[[], Credentials], api: google.Api) -> _Login:
    """Read the ``key`` of a source, which company.yml gives as ``spec``, and have Google give a token for it."""
    try:
        credentials: Any = key()
    except SourceError as error:
        return _Login((_no_secret(source, "key", spec, error, CLICKS["key"], "/path/to/key.json"),))
    if isinstance(credentials, AnonymousCredentials):
        found, address = _of(source, "key", "ok", NO_SECRET), None
    else:
        address = credentials.service_account_email
        found = _of(source, "key", "ok", same(address))
    if not context.online:
        return _Login((found, _of(source, "access", "skipped", OFFLINE, command=context.again)))
    if address is not None:
        try:
            credentials.refresh(partial(Request(), timeout=REQUEST_SECONDS))
        except google.ERRORS as error:
            return _Login((found, _advised(context, source, "token", api.advice(error, address))))
    return _Login((found,), credentials, address)


def _no_secret(source: str, check: str, spec: str, error: SourceError, clicks: Text, example: str) -> Finding:
    variable = spec.removeprefix("env:")
    unset = "is not set" in error.problem
    ja = f"環境変数 {variable} がありません" if unset else f"{variable} が使えません: {error.problem}"
    return _of(source, check, "error", Text(ja, error.problem), clicks, f"export {variable}={example}")


def _advised(context: Context, source: str, check: str, advice: google.Advice) -> Finding:
    return _of(source, check, "error", advice.problem, advice.remedy, advice.command or context.again)


def _ga4(context: Context, company: Company, settings: Ga4, past: Past) -> Iterator[Finding]:
    login = _login(context, "ga4", settings.credentials, partial(sources.ga4_credentials, settings), google.GA4)
    yield from login.findings
    if login.credentials is None:
        return
    limits = ga4.Limits(timeout_seconds=REQUEST_SECONDS, pause_seconds=0.2)
    with ga4.client(settings.endpoint, settings.transport, login.credentials) as client:
        source = Source(client, sources.ga4_property(company, settings), limits)
        try:
            facts = property_facts(source)
        except SourceError as error:
            if not isinstance(error.__cause__, google.ERRORS):
                raise
            yield _ga4_refused(context, settings, google.GA4.advice(error.__cause__, login.address), login)
            return
        said = Text(f"プロパティ {settings.property_id} を読めます", f"property {settings.property_id} can be read")
        yield _of("ga4", "access", "ok", said)
        yield from _ga4_facts(context, company, settings, facts)
        checked = definitions(source, past.definitions)
    for problem in checked.problems:
        yield _of(
            "ga4", "reports", "error", same(f"{problem.where}: {problem.problem}"), same(problem.remedy), context.again
        )
    if not checked.problems:
        count = len(checked.definitions)
        said = Text(f"{count} 種とも取得できる組み合わせです", f"all {count} definitions are compatible")
        yield _of("ga4", "reports", "ok", said)


def _ga4_refused(context: Context, settings: Ga4, advice: google.Advice, login: _Login) -> Finding:
    """GA4 answers alike for a missing role and for a wrong id; which it is, the list of what can be read tells."""
    readable = None
    if advice.cause == "access":
        readable = readable_properties(settings.endpoint, settings.transport, login.credentials, REQUEST_SECONDS)
    if readable is None or settings.property_id in readable:
        return _advised(context, "ga4", "access", advice)
    if not readable:
        place = google.GA4.place.format(who=login.address or "client_email")
        return _of("ga4", "access", "error", NOWHERE.format(source="GA4"), place, context.again)
    listed = ", ".join(f"{number} ({name})" for number, name in list(readable.items())[:5])
    return _of(
        "ga4",
        "access",
        "error",
        ELSEWHERE.format(subject=settings.property_id, listed=listed),
        Text(
            "property_id を直してください。番号が正しければ、{place}", "correct property_id; if it is right, {place}"
        ).format(place=google.GA4.place.format(who=login.address or "client_email")),
        context.edit,
    )


def _ga4_facts(context: Context, company: Company, settings: Ga4, facts: Any) -> Iterator[Finding]:
    edit = context.edit
    if facts.time_zone == company.timezone:
        yield _of("ga4", "timezone", "ok", same(facts.time_zone))
    else:
        yield _of(
            "ga4",
            "timezone",
            "warning",
            Text(
                f"GA4 は {facts.time_zone}、company.yml は {company.timezone} です。日の区切りがずれます",
                f"GA4 has {facts.time_zone}, company.yml {company.timezone}: their days begin at different hours",
            ),
            Text(
                "GA4 の 管理 > プロパティの詳細 の「レポートのタイムゾーン」か"
                "、company.yml の timezone を直してください",
                "correct the reporting time zone under GA4 Admin > Property details, or timezone in company.yml",
            ),
            edit,
        )
    unseen = [host for host in company.site.hosts if host not in facts.hosts]
    if unseen:
        seen = ", ".join(list(facts.hosts)[:3]) or "-"
        yield _of(
            "ga4",
            "hosts",
            "error" if len(unseen) == len(company.site.hosts) else "warning",
            Text(
                f"28日間に {', '.join(unseen)} のデータがありません。届いているホスト: {seen}",
                f"nothing from {', '.join(unseen)} in 28 days; hosts that send data: {seen}",
            ),
            Text("company.yml の site.hosts を直してください", "correct site.hosts in company.yml"),
            edit,
        )
    else:
        yield _of("ga4", "hosts", "ok", same(", ".join(company.site.hosts)))
        yield _articles(company, facts, edit)
    yield _events(settings, facts, edit)
    yield _read_through(settings, facts)
    left = facts.quota.get("tokens_per_project_per_hour", 0)
    day = facts.quota.get("tokens_per_day", 0)
    said = Text(
        f"今の1時間に {left:,}、今日は {day:,} トークン残っています", f"{left:,} tokens left this hour, {day:,} today"
    )
    if left < TOKENS_OF_A_NIGHT or day < TOKENS_OF_A_NIGHT:
        yield _of(
            "ga4",
            "quota",
            "warning",
            said,
            Text(
                "別のツールが使っています。1時間後に調べ直してください", "another tool uses it: look again in an hour"
            ),
            context.again,
        )
    else:
        yield _of("ga4", "quota", "ok", said)


def _articles(company: Company, facts: Any, edit: str) -> Finding:
    views = sum(count for path, count in facts.paths.items() if path.startswith(company.site.article_paths))
    prefixes = ", ".join(company.site.article_paths)
    if views:
        return _of(
            "ga4",
            "articles",
            "ok",
            Text(f"{prefixes} が28日間に {views:,} 回見られています", f"{prefixes}: {views:,} views in 28 days"),
        )
    folders: dict[str, int] = {}
    for path, count in facts.paths.items():
        first = path.split("/")[1] if path.count("/") > 1 else ""
        folders[f"/{first}/" if first else "/"] = folders.get(f"/{first}/" if first else "/", 0) + count
    most = ", ".join(sorted(folders, key=lambda name: -folders[name])[:3]) or "-"
    return _of(
        "ga4",
        "articles",
        "warning",
        Text(
            f"28日間に {prefixes} で始まるページがありません。多いのは {most}",
            f"no page begins with {prefixes} in 28 days; most views are of {most}",
        ),
        Text("company.yml の site.article_paths を直してください", "correct site.article_paths in company.yml"),
        edit,
    )


def _events(settings: Ga4, facts: Any, edit: str) -> Finding:
    if not settings.events:
        return _of(
            "ga4",
            "events",
            "warning",
            Text(
                "events が空です。問い合わせやダウンロードの GA4 側の数は測れません",
                "events is empty: what GA4 knows of inquiries and downloads is not measured",
            ),
            Text(
                "company.yml の sources.ga4.events に、意味とイベント名を書いてください",
                "write meanings and event names under sources.ga4.events in company.yml",
            ),
            edit,
        )
    missing = {meaning: name for meaning, name in settings.events.items() if not facts.events.get(name)}
    if not missing:
        said = ", ".join(f"{name} {facts.events[name]:,}" for name in settings.events.values())
        return _of("ga4", "events", "ok", Text(f"28日間に {said}", f"in 28 days: {said}"))
    near = {name: get_close_matches(name, list(facts.events), n=2, cutoff=0.5) for name in missing.values()}
    ja = "、".join(
        f"{meaning}: {name}" + (f"（近い名前: {', '.join(near[name])}）" if near[name] else "")
        for meaning, name in missing.items()
    )
    en = ", ".join(
        f"{meaning}: {name}" + (f" (like {', '.join(near[name])})" if near[name] else "")
        for meaning, name in missing.items()
    )
    return _of(
        "ga4",
        "events",
        "warning",
        Text(f"28日間に届いていないイベント: {ja}", f"events not seen in 28 days: {en}"),
        Text(
            "名前を company.yml の sources.ga4.events で直すか、タグ マネージャーで送ってください",
            "correct the name under sources.ga4.events in company.yml, or send it from Tag Manager",
        ),
        edit,
    )


def _read_through(settings: Ga4, facts: Any) -> Finding:
    name = settings.events.get("end_of_article")
    if name and facts.events.get(name):
        return _of(
            "ga4",
            "read_through",
            "ok",
            Text(f"{name}（記事の終わりのイベント）で測ります", f"measured by {name}, the end of an article"),
        )
    if facts.events.get("scroll"):
        return _of(
            "ga4",
            "read_through",
            "ok",
            Text("scroll（ページの90%）で測ります", "measured by scroll (90 % of the page)"),
        )
    return _of(
        "ga4",
        "read_through",
        "warning",
        Text(
            "scroll イベントが届いていないので、読了率を測れません",
            "no scroll event comes in, so read-through cannot be measured",
        ),
        Text(
            "GA4 の 管理 > データ ストリーム > 拡張計測機能 で「スクロール数」を有効にしてください",
            "switch on Scrolls under GA4 Admin > Data streams > Enhanced measurement",
        ),
        None,
    )


def _search_console(context: Context, settings: SearchConsole) -> Iterator[Finding]:
    key = partial(sources.search_console_credentials, settings)
    login = _login(context, "search_console", settings.credentials, key, google.SEARCH_CONSOLE)
    yield from login.findings
    if login.credentials is None:
        return
    with search_console.service(settings.endpoint, login.credentials, REQUEST_SECONDS) as service:
        try:
            granted = search_console.permissions(service)
            level = granted.get(settings.site_url, "siteUnverifiedUser")
            if level == "siteUnverifiedUser":
                yield _no_site(context, settings, granted, login.address)
                return
            yield _of("search_console", "access", "ok", same(f"{settings.site_url} ({level})"))
            final = search_console.last_final_day(service, settings.site_url, datetime.now(UTC).date())
        except google.ERRORS as error:
            advice = google.SEARCH_CONSOLE.advice(error, login.address)
            yield _advised(context, "search_console", "access", advice)
            return
    if final is None:
        yield _of(
            "search_console",
            "days",
            "warning",
            Text("直近10日のデータがありません", "nothing in the last 10 days"),
            Text("プロパティを足したばかりなら、数日待ってください", "wait some days if the property is new"),
            context.again,
        )
    else:
        yield _of("search_console", "days", "ok", Text(f"確定済みは {final} まで", f"final up to {final}"))


def _no_site(context: Context, settings: SearchConsole, granted: Mapping[str, str], address: str | None) -> Finding:
    readable = [site for site, level in granted.items() if level != "siteUnverifiedUser"]
    place = google.SEARCH_CONSOLE.place.format(who=address or "client_email")
    if settings.site_url in granted:
        text = Text(
            f"{settings.site_url} の所有権が確認されていません（siteUnverifiedUser）",
            f"{settings.site_url} is not verified for this account (siteUnverifiedUser)",
        )
        return _of("search_console", "access", "error", text, place, context.again)
    if not readable:
        return _of("search_console", "access", "error", NOWHERE.format(source="Search Console"), place, context.again)
    listed = ", ".join(readable[:5])
    near = get_close_matches(settings.site_url, readable, n=1, cutoff=0.3)
    hint = near[0] if near else readable[0]
    return _of(
        "search_console",
        "access",
        "error",
        ELSEWHERE.format(subject=settings.site_url, listed=listed),
        Text(f"site_url を {hint} に直すか、{place.ja}", f"correct site_url to {hint}, or {place.en}"),
        context.edit,
    )


def _clarity(context: Context, settings: Clarity, past: Past) -> Iterator[Finding]:
    try:
        token = sources.clarity_token(settings)
    except SourceError as error:
        yield _no_secret("clarity", "token", settings.credentials, error, CLICKS["token"], "...")
        return
    yield _of("clarity", "token", "ok", NO_SECRET if token is None else Text("あります", "present"))
    again = context.command("doctor", "--clarity")
    if context.clarity and context.online:
        try:
            clarity.Client(settings.endpoint, token, pause_seconds=0.2).get(1)
        except requests.RequestException as error:
            explained = clarity.explain(error)
            yield _of("clarity", "access", "error", same(explained.problem), same(explained.remedy), again)
        else:
            yield _of(
                "clarity",
                "access",
                "ok",
                Text("読めます（今日の10回のうち1回を使いました）", "can be read (one of today's 10 requests)"),
            )
        return
    today = datetime.now(UTC).date()
    read_on, problem = past.clarity_answer
    if problem is not None:
        said = Text(f"前回は失敗しました: {problem}", f"failed last time: {problem}")
        yield _of("clarity", "access", "warning", said, command=again)
    elif read_on == today:
        yield _of("clarity", "access", "ok", Text("今日すでに読めています", "was read today already"))
    else:
        yield _of(
            "clarity",
            "access",
            "skipped",
            Text("1日10回までなので聞いていません", "not asked: 10 requests a day"),
            command=again,
        )


def _plan_sheet(context: Context, settings: PlanSheet) -> Iterator[Finding]:
    login = _login(context, "plan", settings.credentials, partial(sources.plan_credentials, settings), google.SHEETS)
    yield from login.findings
    if login.credentials is None:
        return
    readable = Text("シートを読めます", "the sheet can be read")
    with plan_sheet.service(settings.endpoint, login.credentials, REQUEST_SECONDS) as service:
        try:
            plan = plan_sheet.read(service, settings.sheet, pause_seconds=0.2)
        except SourceError as error:
            if isinstance(error.__cause__, google.ERRORS):
                advice = google.SHEETS.advice(error.__cause__, login.address)
                yield _advised(context, "plan", "access", advice)
                return
            yield _of("plan", "access", "ok", readable)
            said = same(f"{error.where}: {error.problem}")
            remedy = Text("シートのその場所を直してください: " + error.remedy, error.remedy)
            yield _of("plan", "content", "error", said, remedy, context.again)
            return
    yield _of("plan", "access", "ok", readable)
    yield _of("plan", "content", "ok", agreed(plan))


def agreed(plan: Plan) -> Text:
    """How much a plan holds."""
    targets, personas = 1 + len(plan.targets), len(plan.personas)
    return Text(f"目標 {targets} 件、ペルソナ {personas} 件", f"targets: {targets}, personas: {personas}")
