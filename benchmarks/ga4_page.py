"""One GA4 page of 250,000 rows, 3 dimensions and 5 metrics, from a gRPC answer on loopback to a committed DuckDB table.

Prints rows per CPU second, the ratio to parsing the same bytes with protobuf alone, and the peak memory above
what the imports take. Repeat it with: python -m benchmarks.ga4_page
"""

import multiprocessing
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time

import duckdb
import grpc
from google.analytics.data_v1beta import BetaAnalyticsDataClient
from google.analytics.data_v1beta.types import RunReportResponse
from google.auth.credentials import AnonymousCredentials
from rich.console import Console
from rich.table import Table as Printed

from connectors import ga4
from connectors.ga4_reports import Report, Request, message, record_batches
from connectors.ga4_tables import COUNT, DAY, SECONDS, TEXT
from connectors.table import Load, Table, columns
from pipelines import warehouse

ROWS, ROUNDS = 250_000, 3
PAGES = Table(
    "ga4_pages",
    "One row per day, host and page path.",
    columns(
        {
            "date_on": DAY,
            "host": TEXT,
            "path": TEXT,
            "page_views": COUNT,
            "sessions": COUNT,
            "active_users": COUNT,
            "event_count": COUNT,
            "engagement_seconds": SECONDS,
        }
    ),
    key=("date_on", "host", "path"),
    date_column="date_on",
)
WANTED = Request(Report(PAGES), date(2026, 1, 1), date(2026, 1, 31))
PROPERTY = ga4.Property("1", ("www.example.com",))


def answer() -> bytes:
    """A serialised RunReportResponse of ROWS rows."""
    draw = random.Random(1)
    response = RunReportResponse.pb(RunReportResponse(row_count=ROWS))
    for name in WANTED.dimensions.values():
        response.dimension_headers.add(name=name)
    for name in WANTED.metrics.values():
        response.metric_headers.add(name=name)
    for number in range(ROWS):
        day = WANTED.first + timedelta(days=number % 31)
        row = response.rows.add()
        for value in (day.strftime("%Y%m%d"), "www.example.com", f"/articles/{number // 31:05}/an-article-title"):
            row.dimension_values.add(value=value)
        for _ in WANTED.metrics:
            row.metric_values.add(value=str(draw.randrange(1, 5000)))
    return bytes(response.SerializeToString())


def serve(pipe: Connection) -> None:
    """Answer every runReport with the same bytes, in a process of its own."""
    body = answer()
    server = grpc.server(ThreadPoolExecutor(1), options=[("grpc.max_send_message_length", -1)])
    handler = grpc.unary_unary_rpc_method_handler(lambda request, context: body)
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("google.analytics.data.v1beta.BetaAnalyticsData", {"RunReport": handler})]
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    pipe.send(port)
    pipe.recv()
    pipe.send(body)
    server.wait_for_termination()


def cpu_seconds(work: Callable[[], object]) -> float:
    began = process_time()
    work()
    return process_time() - began


def peak_mebibytes() -> float:
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1024


def page_to_duckdb(client: BetaAnalyticsDataClient, database: duckdb.DuckDBPyConnection) -> None:
    """What a night does with a page: ask, decode, replace the span, check the key, commit."""
    response = client.run_report(message(PROPERTY, WANTED, limit=ROWS), retry=None, timeout=60)
    batches = record_batches(RunReportResponse.pb(response), WANTED, [])
    warehouse.replace(database, Load(PAGES, WANTED.first, WANTED.last, batches, []))


def main() -> None:
    context = multiprocessing.get_context("spawn")
    pipe, servers_end = context.Pipe()
    server = context.Process(target=serve, args=(servers_end,), daemon=True)
    server.start()
    endpoint = f"127.0.0.1:{pipe.recv()}"
    with (
        ga4.client(endpoint, "grpc", AnonymousCredentials()) as client,  # type: ignore[no-untyped-call]
        TemporaryDirectory() as folder,
        duckdb.connect(f"{folder}/page.duckdb") as database,
    ):
        warehouse.prepare(database, [PAGES, *warehouse.TABLES])
        imported = peak_mebibytes()
        whole = median(cpu_seconds(lambda: page_to_duckdb(client, database)) for _ in range(ROUNDS))
        peak = peak_mebibytes() - imported
        (rows,) = database.execute("select count(*) from raw.ga4_pages").fetchone() or (0,)
    pipe.send("the bytes, please")
    body = pipe.recv()
    parse = RunReportResponse.pb(RunReportResponse()).FromString
    parsing = median(cpu_seconds(lambda: parse(body)) for _ in range(ROUNDS))
    server.terminate()
    server.join()

    printed = Printed("figure", "value", "aim", title=f"GA4 page of {rows:,} rows (3 dimensions, 5 metrics) to DuckDB")
    printed.add_row("rows per CPU second", f"{rows / whole:,.0f}", "120,000 or more")
    printed.add_row("CPU seconds a page", f"{whole:.2f}", "")
    printed.add_row("CPU seconds of bare protobuf parsing", f"{parsing:.2f}", "")
    printed.add_row("ratio to bare protobuf parsing", f"{whole / parsing:.1f}", "")
    printed.add_row("peak memory above imports, MiB", f"{peak:,.0f}", "under 450")
    Console().print(printed, f"median of {ROUNDS} rounds; repeat: python -m benchmarks.ga4_page")


if __name__ == "__main__":
    main()
