"""The demo's servers on loopback: GA4 over gRPC, one HTTP server for GA4 REST, Search Console, Clarity, Sheets, faults.

HTTP paths: ``/v1beta/properties/N:runReport`` and its siblings, ``/v1beta/accountSummaries`` of the Admin API,
``/webmasters/v3/sites``, ``/webmasters/v3/sites/S/searchAnalytics/query``,
``/export-data/api/v1/project-live-insights``, ``/v4/spreadsheets/ID``, and ``/demo/faults`` and ``/demo/requests`` for
tests in other processes (POST a fault's fields, GET, DELETE).
"""

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import grpc
from google.protobuf import json_format
from google.rpc import code_pb2, error_details_pb2, status_pb2

from demo import clarity, ga4
from demo.faults import CLARITY, CUTS, GA4, SEARCH_CONSOLE, SHEETS, ApiError, Fault, Faults, Request, error_of
from demo.ga4 import Analytics, Answers, Message
from demo.proxy import Proxy, close
from demo.search_console import SearchConsole
from demo.sheets import Sheets
from demo.world import SEED, World, simulate

SERVICE = "google.analytics.data.v1beta.BetaAnalyticsData"
LARGEST_REQUEST = 16 * 1024 * 1024


class PortError(Exception):
    """A port that the demo needs is in use."""


class Demo:
    """The running servers of one demo world. Close it, or use :func:`serve`."""

    def __init__(self, world: World, ga4_port: int = 0, http_port: int = 0) -> None:
        self.world, self.faults, self.answers = world, Faults(), Answers()
        self.analytics, self.search_console = Analytics(world, self.answers), SearchConsole(world)
        self.clarity, self.sheets = clarity.Clarity(world), Sheets()
        self._requests: list[Request] = []
        self._grpc = grpc.server(
            futures.ThreadPoolExecutor(16, "demo-ga4"),
            options=[("grpc.max_send_message_length", -1), ("grpc.so_reuseport", 0)],
        )
        self._grpc.add_generic_rpc_handlers((self._grpc_handlers(),))
        behind = self._grpc.add_insecure_port("127.0.0.1:0")
        try:
            self._proxy = Proxy(ga4_port, behind)
        except OSError as error:
            raise PortError(_taken(ga4_port, "GA4 over gRPC")) from error
        try:
            self._http = _HttpServer(("127.0.0.1", http_port), self)
        except OSError as error:
            self._proxy.close()
            raise PortError(_taken(http_port, "Search Console and GA4 over REST")) from error
        self._grpc.start()
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.ga4_grpc = f"127.0.0.1:{self._proxy.port}"
        """Address of GA4 over gRPC (plain text)."""
        self.http = f"http://127.0.0.1:{self._http.server_address[1]}"
        """Address of GA4 over REST, of Search Console, of Clarity and of the Sheets API."""

    @property
    def requests(self) -> tuple[Request, ...]:
        """What was asked so far, oldest first."""
        return tuple(self._requests)

    def forget_requests(self) -> None:
        self._requests.clear()

    def show(self, world: World) -> None:
        """Answer from another world from now on: the next day, on the same ports."""
        self.world = world
        self.analytics.show(world)
        self.search_console.show(world)
        self.clarity.show(world)

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._proxy.close()
        self._grpc.stop(0).wait(5)
        self.analytics.close()
        self.search_console.close()

    def answer(self, api: str, method: str, what: str, work: Callable[[], tuple[Any, int]]) -> tuple[Any, Fault | None]:
        """The answer of ``work`` (and its number of rows), unless a fault befalls the request; both are logged.

        Returns the answer and the fault that is to cut it. Raises ApiError.
        """
        fault = self.faults.take(api, method)
        status, rows, at = "OK", 0, datetime.now(UTC)
        try:
            if fault:
                status = fault.kind
                if fault.kind == "slow":
                    time.sleep(fault.seconds)
                if error := error_of(fault):
                    raise error
            result, rows = work()
            return result, fault if fault and fault.kind in CUTS else None
        except ApiError as error:
            status = status if fault else error.status
            raise
        except Exception:
            status = "INTERNAL"
            raise
        finally:
            self._requests.append(Request(api, method, what, at, rows, status))

    def ga4_method(self, method: str) -> tuple[Any, Callable[[Message], Message]]:
        """The request message of a GA4 method and what answers it."""
        return {
            "RunReport": (ga4.RunReportRequest, self.analytics.run_report),
            "BatchRunReports": (ga4.BatchRunReportsRequest, self.analytics.batch_run_reports),
            "GetMetadata": (ga4.GetMetadataRequest, self.analytics.get_metadata),
            "CheckCompatibility": (ga4.CheckCompatibilityRequest, self.analytics.check_compatibility),
        }[method]

    def ask_ga4(self, method: str, request: Message) -> tuple[Message, Fault | None]:
        work = self.ga4_method(method)[1]

        def rows() -> tuple[Message, int]:
            answer = work(request)
            return answer, sum(len(report.rows) for report in _reports(method, answer))

        return self.answer(GA4, method, _described(method, request), rows)

    def _grpc_handlers(self) -> grpc.GenericRpcHandler:
        def handler(method: str) -> grpc.RpcMethodHandler:
            def handle(request: Message, context: grpc.ServicerContext) -> bytes:
                try:
                    answer, cut = self.ask_ga4(method, request)
                except ApiError as error:
                    context.set_trailing_metadata((("grpc-status-details-bin", _grpc_details(error)),))
                    context.abort(getattr(grpc.StatusCode, error.status), error.message)
                data: bytes = answer.SerializeToString()
                if cut:
                    port = int(context.peer().rsplit(":", 1)[1])
                    self._proxy.cut(port, min(len(data) // 2, 4096), reset=cut.kind == "reset")
                return data

            return grpc.unary_unary_rpc_method_handler(
                handle, request_deserializer=self.ga4_method(method)[0].FromString
            )

        methods = ("RunReport", "BatchRunReports", "GetMetadata", "CheckCompatibility")
        return grpc.method_handlers_generic_handler(SERVICE, {method: handler(method) for method in methods})


@contextmanager
def serve(
    as_of: date | None = None, ga4_port: int = 0, http_port: int = 0, seed: int = SEED, world: World | None = None
) -> Iterator[Demo]:
    """The demo's servers for the length of a ``with``; port 0 takes any free one. Raises PortError.

    The world is ``world``, or simulated as of ``as_of``.
    """
    if world is None:
        if as_of is None:
            raise ValueError("serve needs a world or the day as of which to simulate one")
        world = simulate(as_of, seed)
    demo = Demo(world, ga4_port, http_port)
    try:
        yield demo
    finally:
        demo.close()


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], demo: Demo) -> None:
        self.demo = demo
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves early is nothing to report."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else the body waits 40 ms for the client's delayed ACK of the headers
    server: _HttpServer

    def log_message(self, format: str, *args: Any) -> None:
        """The request log is Demo.requests."""

    def do_GET(self) -> None:
        self._handle("GET")

    def do_POST(self) -> None:
        self._handle("POST")

    def do_DELETE(self) -> None:
        self._handle("DELETE")

    def _handle(self, verb: str) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > LARGEST_REQUEST:
            self.close_connection = True
            self._send(413, b"", None)
            return
        text = self.rfile.read(length)
        try:
            split = urlsplit(self.path)
            body, cut = self._route(verb, split.path, text, split.query)
        except ApiError as error:
            self._send(error.code, _error(error), None)
        except (json.JSONDecodeError, json_format.ParseError, UnicodeDecodeError) as error:
            self._send(400, _error(ApiError("INVALID_ARGUMENT", f"Invalid JSON payload received. {error}")), None)
        else:
            self._send(200, body, cut)

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The Date of an answer: Clarity's clock is the world's, for it says of itself which day it answers for."""
        is_clarity = urlsplit(self.path).path == clarity.PATH
        return super().date_time_string(self.server.demo.clarity.now.timestamp() if is_clarity else timestamp)

    def _route(self, verb: str, path: str, text: bytes, query: str) -> tuple[bytes, Fault | None]:
        demo = self.server.demo
        if path.startswith("/demo/"):
            return _json(_control(demo, verb, path, text)), None
        if (verb, path) == ("GET", "/webmasters/v3/sites"):
            listed, cut = demo.answer(SEARCH_CONSOLE, "sites", "", lambda: (demo.search_console.sites(), 1))
            return _json(listed), cut
        if (verb, path) == ("GET", "/v1beta/accountSummaries"):
            listed, cut = demo.answer(GA4, "ListAccountSummaries", "", lambda: (demo.analytics.account_summaries(), 1))
            return _json(listed), cut
        if verb == "POST" and (match := re.fullmatch(r"/webmasters/v3/sites/([^/]+)/searchAnalytics/query", path)):
            site_url, body = unquote(match[1]), json.loads(text or b"{}")

            def work() -> tuple[dict[str, Any], int]:
                found = demo.search_console.query(site_url, body)
                return found, len(found.get("rows", []))

            kind = body.get("type", "web")
            what = f"{body.get('startDate')}..{body.get('endDate')} {','.join(body.get('dimensions', []))} {kind}"
            answer, cut = demo.answer(SEARCH_CONSOLE, "query", what, work)
            return _json(answer), cut
        if (verb, path) == ("GET", clarity.PATH):
            asked = {name: values[0] for name, values in parse_qs(query).items()}
            days, dimension = asked.get("numOfDays", ""), asked.get("dimension1", "")

            def insights() -> tuple[list[dict[str, Any]], int]:
                metrics = demo.clarity.insights(days, dimension)
                return metrics, max(len(metric["information"]) for metric in metrics)

            listed, cut = demo.answer(CLARITY, "insights", f"numOfDays={days} {dimension}", insights)
            return _json(listed), cut
        if verb == "GET" and (match := re.fullmatch(r"/v4/spreadsheets/([^/:]+)", path)):
            sheet_id, wanted = unquote(match[1]), parse_qs(query)
            ranges, fields = wanted.get("ranges", []), "".join(wanted.get("fields", []))
            with_data = wanted.get("includeGridData") == ["true"]

            def cells() -> tuple[dict[str, Any], int]:
                sheet = demo.sheets.get(sheet_id, ranges, fields, with_data)
                grids = [grid for tab in sheet.get("sheets", []) for grid in tab.get("data", [])]
                return sheet, sum(len(grid.get("rowData", [])) for grid in grids)

            listed, cut = demo.answer(SHEETS, "get", f"{','.join(ranges)} {fields}".strip(), cells)
            return _json(listed), cut
        if match := re.fullmatch(r"/v1beta/(properties/[^/:]+)(?:/(metadata)|:(\w+))", path):
            method = "GetMetadata" if match[2] else match[3][0].upper() + match[3][1:]
            if (verb, method) in {
                ("GET", "GetMetadata"),
                ("POST", "RunReport"),
                ("POST", "BatchRunReports"),
                ("POST", "CheckCompatibility"),
            }:
                request = json_format.Parse(text or b"{}", demo.ga4_method(method)[0]())
                if method == "GetMetadata":
                    request.name = f"{match[1]}/metadata"
                else:
                    request.property = match[1]
                answer, cut = demo.ask_ga4(method, request)
                return json_format.MessageToJson(answer, indent=None).encode(), cut
        raise ApiError("NOT_FOUND", f"The demo has nothing at {verb} {path}.")

    def _send(self, code: int, body: bytes, cut: Fault | None) -> None:
        whole = len(body)
        if cut:
            half = whole // 2
            if cut.kind == "truncated_json":  # within a character, if there is one of several bytes
                half = next((at for at in range(half, whole) if body[at] & 0xC0 == 0x80), half)
            body = body[:half]
            whole = len(body) if cut.kind == "truncated_json" else whole
        self.send_response(code)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(whole))
        self.end_headers()
        self.wfile.write(body)
        if cut and cut.kind != "truncated_json":
            self.wfile.flush()
            self.close_connection = True
            if cut.kind == "reset":
                time.sleep(0.05)  # let the client read its half before the reset discards it
            close(self.connection, reset=cut.kind == "reset")


def _control(demo: Demo, verb: str, path: str, text: bytes) -> Any:
    if path == "/demo/faults":
        if verb == "POST":
            try:
                demo.faults.switch_on(Fault(**json.loads(text)))
            except (TypeError, ValueError) as error:
                raise ApiError("INVALID_ARGUMENT", str(error)) from error
        elif verb == "DELETE":
            demo.faults.clear()
        return [asdict(fault) for fault in demo.faults.pending]
    if path == "/demo/requests":
        if verb == "DELETE":
            demo.forget_requests()
        return [{**asdict(request), "at": request.at.isoformat()} for request in demo.requests]
    raise ApiError("NOT_FOUND", f"The demo has nothing at {path}.")


def count(requests: tuple[Request, ...]) -> Counter[tuple[str, str]]:
    """How many requests of each API and method."""
    return Counter((request.api, request.method) for request in requests)


def _reports(method: str, answer: Message) -> list[Message]:
    return {"RunReport": [answer], "BatchRunReports": list(getattr(answer, "reports", []))}.get(method, [])


def _described(method: str, request: Message) -> str:
    parts = {"RunReport": [request], "BatchRunReports": list(getattr(request, "requests", []))}.get(method, [])
    return "; ".join(
        ",".join(f"{r.start_date}..{r.end_date}" for r in part.date_ranges)
        + f" {','.join(d.name for d in part.dimensions)} | {','.join(m.name for m in part.metrics)} @{part.offset}"
        for part in parts
    )


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _error(error: ApiError) -> bytes:
    detail = {"message": error.message, "domain": error.domain, "reason": error.reason or error.status.lower()}
    said = {"code": error.code, "message": error.message, "errors": [detail], "status": error.status}
    return _json({"error": said | ({"details": error.details} if error.details else {})})


def _grpc_details(error: ApiError) -> bytes:
    """The google.rpc.Status that Google sends beside a gRPC error."""
    status = status_pb2.Status(code=getattr(code_pb2, error.status), message=error.message)
    for detail in error.details:
        status.details.add().Pack(json_format.ParseDict(
            {key: value for key, value in detail.items() if key != "@type"},
            getattr(error_details_pb2, detail["@type"].rpartition(".")[2])(),
        ))  # fmt: skip
    data: bytes = status.SerializeToString()
    return data


def _taken(port: int, what: str) -> str:
    return (
        f"port {port} on 127.0.0.1, where the demo serves {what}, is in use\n"
        "  -> end the program that holds it (another demo perhaps), or give another port in company.yml"
    )
