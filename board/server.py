"""The board as a server: pages by name and typed parameters, and nothing else.

A page is made once a night and address and then kept; who asks while a night is published gets one night or the other.
Every answer carries a policy under which a page can load nothing but our own files.
"""

import asyncio
from collections.abc import Awaitable, Callable, Set
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from board import assets
from board.csv_file import csv_bytes
from board.export import LOCALES
from board.login import Login, TooManyTries
from board.night import Busy, Nights, NotPublished
from board.page import About, NotFound, Page, View
from board.pages import PAGES
from board.render import html, notice, served_link
from connectors.text import Locale, Text

POLICY = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    # Under no-referrer a browser would send its own forms with "Origin: null", as another site's.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
READING = ("GET", "HEAD")
KEPT_BYTES = 32_000_000
MAX_FORM, FORM_SECONDS = 10_000, 10
SESSION, FORM = "gyakusan_session", "gyakusan_form"
NO_NIGHT = {
    "no_night": Text("まだ一度も公開されていません。gyakusan nightly を実行してください。",
                     "No night has been published yet. Run: gyakusan nightly"),
    "earlier_version": Text("公開されているデータは以前の版のものです。gyakusan nightly を実行してください。",
                            "The published marts are of an earlier version. Run: gyakusan nightly"),
    "unreadable": Text("公開されているデータを読めません。gyakusan nightly を実行してください。",
                       "The published marts cannot be read. Run: gyakusan nightly"),
}  # fmt: skip
NO_PAGE = Text("そのページはありません", "There is no such page")
NO_NIGHT_YET = Text("表示できるデータがありません", "There is nothing to show")
BUSY = Text("ただいま混み合っています", "The board is busy")
BROKEN = Text("ページを作れませんでした", "This page could not be made")
SEE_LOG = Text("gyakusan board の出力に原因があります。", "What gyakusan board prints says why.")
AGAIN = Text("少し待ってから、もう一度開いてください。", "Wait a moment and open it again.")
WRONG = Text("パスワードが違います。", "That is not the password.")
TOO_MANY = Text("試行が多すぎます。1分待ってください。", "Too many tries. Wait a minute.")
EXPIRED = Text("フォームの期限が切れました。もう一度送ってください。", "The form has expired. Send it again.")


@dataclass
class Board:
    """One company's board."""

    about: About
    nights: Nights
    files: dict[str, bytes]
    login: Login | None = None
    _kept: dict[tuple[str, str], tuple[bytes, str]] = field(default_factory=dict)

    @property
    def offers(self) -> frozenset[str]:
        return frozenset({"csv", "login"} if self.login else {"csv"})

    @cached_property
    def static(self) -> str:
        """Where style and script are: another address for another version, so that browsers may keep them for good."""
        digest = sha256(b"".join(self.files.values())).hexdigest()[:12]
        return f"/static/{digest}"

    def page(self, page: Page, locale: Locale, given: dict[str, str]) -> tuple[bytes, str]:
        """A page and the snapshot that it shows. Raises NotFound, NotPublished."""
        params = page.parse(given)
        address = served_link(page.name, locale, **page.brief(params))
        with self.nights.reading() as night:
            key = night.snapshot, address
            if key not in self._kept:
                view = View(night, self.about, locale, page.name, params)
                made = html(page, view, served_link, self.static, self.offers).encode()
                self._keep(key, made)
            return self._kept[key]

    def _keep(self, key: tuple[str, str], made: bytes) -> None:
        size = sum(len(page) for page, _ in self._kept.values()) + len(made)
        if size > KEPT_BYTES or any(snapshot != key[0] for snapshot, _ in self._kept):
            self._kept.clear()
        self._kept[key] = made, key[0]

    def csv(self, page: Page, locale: Locale, given: dict[str, str]) -> bytes:
        """The rows of a page as CSV. Raises NotFound, NotPublished."""
        params = page.parse(given)
        if page.table is None:
            raise NotFound
        with self.nights.reading() as night:
            rows = page.table(View(night, self.about, locale, page.name, params))
        return csv_bytes(rows, {name: name for name in (rows[0] if rows else {})})


def application(board: Board, hosts: frozenset[str]) -> Starlette:
    """The board's web application. Requests for other hosts than loopback and these are refused."""
    about = board.about

    def found(request: Request) -> tuple[Page, dict[str, str]]:
        one = PAGES.get(request.path_params["page"])
        if one is None or request.path_params["locale"] not in LOCALES:
            raise NotFound
        pairs = request.query_params.multi_items()
        if len(dict(pairs)) < len(pairs):  # said twice, it would mean one or the other
            raise NotFound
        return one, dict(pairs)

    async def start(request: Request) -> Response:
        if request.scope["path"] != "/":  # a route's end is also before a line break
            raise NotFound
        return RedirectResponse(f"/{about.locale}/today", 302)

    async def page(request: Request) -> Response:
        one, given = found(request)
        content, snapshot = await run_in_threadpool(board.page, one, _asked_locale(request, about), given)
        return Response(content, media_type="text/html; charset=utf-8", headers={"x-snapshot": snapshot})

    async def csv(request: Request) -> Response:
        one, given = found(request)
        content = await run_in_threadpool(board.csv, one, _asked_locale(request, about), given)
        said = sorted(one.parse(given).items())  # by type, so that no text of the request stands in the header
        name = "-".join([one.name, *(str(value) for _, value in said if value is not None)])
        return Response(
            content,
            media_type="text/csv; charset=utf-8",
            headers={"content-disposition": f'attachment; filename="{name}.csv"'},
        )

    async def static(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in board.files or f"/static/{request.path_params['version']}" != board.static:
            raise NotFound
        return Response(
            board.files[name],
            media_type=assets.TYPES[Path(name).suffix],
            headers={"cache-control": "public, max-age=31536000, immutable"},
        )

    async def health(request: Request) -> Response:
        def read() -> dict[str, Any]:
            with board.nights.reading() as night:
                return {"snapshot": night.snapshot, "as_of": str(night.as_of), "published_at": str(night.published_at)}

        night = await run_in_threadpool(read)
        is_reader = board.login is None or board.login.is_open(request.cookies.get(SESSION))
        return JSONResponse({"status": "ok", **(night if is_reader else {})})

    async def missing(request: Request, error: Exception) -> Response:
        return _notice(board, _asked_locale(request, about), 404, NO_PAGE, Text("", ""), "/")

    async def unpublished(request: Request, error: Exception) -> Response:
        assert isinstance(error, NotPublished)
        return _notice(board, _asked_locale(request, about), 503, NO_NIGHT_YET, NO_NIGHT[error.reason], None)

    async def busy(request: Request, error: Exception) -> Response:
        return _notice(board, _asked_locale(request, about), 503, BUSY, AGAIN, None)

    async def broken(request: Request, error: Exception) -> Response:
        """Made outside of the guard; the error itself goes to the log."""
        return _sealed(_notice(board, _asked_locale(request, about), 500, BROKEN, SEE_LOG, None))

    routes = [
        Route("/", start),
        Route("/health", health),
        Route("/static/{version}/{name}", static),
        Route("/{locale}/{page}.csv", csv),
        Route("/{locale}/{page}", page),
    ]
    if board.login:
        routes = [*_login_routes(board, board.login), *routes]

    async def guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        return _sealed(_refused(request, board, hosts) or await call_next(request))

    made = Starlette(
        routes=routes,
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=guard)],
        exception_handlers={
            NotFound: missing, 404: missing, NotPublished: unpublished, Busy: busy, Exception: broken,
        },
    )  # fmt: skip
    made.router.redirect_slashes = False
    return made


def _sealed(answer: Response) -> Response:
    """An answer with the policy, which nobody keeps a copy of unless it says so itself."""
    for name, value in POLICY.items():
        answer.headers.setdefault(name, value)
    answer.headers.setdefault("cache-control", "no-store")
    return answer


def _asked_locale(request: Request, about: About) -> Locale:
    """The language that a request's address begins with or asks for, else the company's."""
    asked = request.path_params.get("locale") or request.query_params.get("locale") or about.locale
    return "en" if asked == "en" else "ja"


def _notice(board: Board, locale: Locale, status: int, title: Text, body: Text, link: str | None) -> Response:
    page = notice("notice", locale, board.static, title=title.of(locale), body=body.of(locale), link=link)
    return Response(page, status, media_type="text/html; charset=utf-8")


def _refused(request: Request, board: Board, hosts: Set[str]) -> Response | None:
    """Why a request goes no further: it is for another host, it comes from another site, or nobody has signed in."""
    host = request.headers.get("host", "").lower()
    name = host_name(host)
    # A site that points its own name at this machine cannot do without the name; an address is nobody's but ours.
    if name not in LOOPBACK | hosts and not (board.login and is_address(name)):
        return Response("this board does not answer for that host; gyakusan board --name HOST lets it\n", 421)
    if _is_from_elsewhere(request, host):
        return Response("this request comes from another site\n", 403)
    if board.login and not board.login.is_open(request.cookies.get(SESSION)):
        path = request.scope["path"]  # not request.url's, which is put together from what the client says
        if path in ("/login", "/health") or path.startswith("/static/"):
            return None
        if request.method in READING and path.count("/") <= 2 and not path.endswith(".csv"):
            locale = next((one for one in LOCALES if path.startswith(f"/{one}/")), board.about.locale)
            return RedirectResponse(f"/login?{urlencode({'locale': locale})}", 302)
        return Response("sign in first\n", 401)
    return None


def _is_from_elsewhere(request: Request, host: str) -> bool:
    """Whether another site sent a form, or put a page into one of its own. It may link to pages."""
    said = request.headers
    if request.method in READING:
        is_link = said.get("sec-fetch-mode") == "navigate" and said.get("sec-fetch-dest") == "document"
        return said.get("sec-fetch-site") not in (None, "none", "same-origin") and not is_link
    return said.get("sec-fetch-site") not in (None, "same-origin") or said.get("origin", "").lower() not in (
        "", f"http://{host}", f"https://{host}",
    )  # fmt: skip


def host_name(host: str) -> str:
    """A host without its port, in small letters."""
    return (host if host.endswith("]") else host.rsplit(":", 1)[0]).lower()


def is_address(name: str) -> bool:
    """Whether a host is a number: an IP address, an IPv6 one perhaps in brackets."""
    try:
        ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


def _login_routes(board: Board, login: Login) -> list[Route]:
    """Signing in and out. Both change something, so both are forms that only our own pages can send."""

    def form(request: Request, name: str, locale: Locale, problem: Text | None = None, status: int = 200) -> Response:
        nonce = login.nonce(request.cookies.get(FORM))
        page = notice(
            name, locale, board.static, token=login.token(nonce), problem=problem.of(locale) if problem else ""
        )
        answer = Response(page, status, media_type="text/html; charset=utf-8")
        _set(answer, request, FORM, nonce)
        return answer

    async def show_login(request: Request) -> Response:
        return form(request, "login", _asked_locale(request, board.about))

    async def sign_in(request: Request) -> Response:
        given = await _form(request)
        locale: Locale = "en" if given.get("locale") == "en" else "ja"
        if not login.is_ours(given.get("token", ""), request.cookies.get(FORM)):
            return form(request, "login", locale, EXPIRED, 403)
        try:
            if not login.is_right(given.get("password", ""), request.client.host if request.client else ""):
                return form(request, "login", locale, WRONG, 401)
        except TooManyTries:
            return form(request, "login", locale, TOO_MANY, 429)
        login.end(request.cookies.get(SESSION))
        answer = RedirectResponse(f"/{locale}/today", 303)
        _set(answer, request, SESSION, login.begin())
        return answer

    async def show_logout(request: Request) -> Response:
        return form(request, "logout", _asked_locale(request, board.about))

    async def sign_out(request: Request) -> Response:
        given = await _form(request)
        if not login.is_ours(given.get("token", ""), request.cookies.get(FORM)):
            return form(request, "logout", _asked_locale(request, board.about), EXPIRED, 403)
        login.end(request.cookies.get(SESSION))
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(SESSION)
        return answer

    return [
        Route("/login", show_login),
        Route("/login", sign_in, methods=["POST"]),
        Route("/logout", show_logout),
        Route("/logout", sign_out, methods=["POST"]),
    ]


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form; nothing of one that is larger or slower than ours ever are."""
    body = b""
    try:
        async with asyncio.timeout(FORM_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_FORM:
                    return {}
    except (TimeoutError, ClientDisconnect):
        return {}
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def _set(answer: Response, request: Request, name: str, value: str) -> None:
    # Lax: whoever has signed in may follow a link from a chat. What changes something carries a token as well.
    answer.set_cookie(name, value, httponly=True, samesite="lax", secure=request.scope["scheme"] == "https")
