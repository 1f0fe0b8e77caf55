"""The command line. Heavy imports wait until a command needs them, so that ``--help`` is quick."""

import json
import logging
import os
import shlex
import sys
import time
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from connectors.errors import SourceError
from pipelines import lock

if TYPE_CHECKING:
    from pipelines.company import Company

FAILED, BUSY = 1, 75
"""Exit statuses: the night was not published; another night is running (EX_TEMPFAIL)."""

company_option = click.option(
    "--company",
    "folder",
    type=click.Path(path_type=Path),
    help="The company folder. "
    "Default: $GYAKUSAN_COMPANY, else the current folder if it holds a company.yml, else the demo.",
)
day = click.DateTime(["%Y-%m-%d"])


class _InOrder(click.Group):
    """Commands in the order that a newcomer needs them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=_InOrder, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="gyakusan")
def cli() -> None:
    """Do our articles lead to deals and orders, and what must we do next?

    \b
    Begin with:  gyakusan init DIR
                 gyakusan doctor --company DIR
                 gyakusan nightly --company DIR
    """


@cli.command(short_help="Ask a few questions and write a company folder.")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--name", help="The company's name. Default: that of the folder.")
@click.option("--fiscal-year-start", metavar="MONTH", help="The month that the fiscal year starts with. Default: 4.")
@click.option("--kgi", metavar="KPI=NUMBER[/GRAIN]", help="The goal: deals, orders or order_value; orders=30/quarter.")
@click.option("--period", metavar="FROM..TO", help="The days of the goal. Default: this fiscal year.")
@click.option(
    "--source",
    "sources",
    multiple=True,
    metavar="SOURCE",
    help="Connect now, once for each: ga4=PROPERTY_ID, search_console=SITE_URL, clarity, a CRM preset, or later.",
)
@click.option("--host", help="The host of the site. Default: what Search Console tells.")
@click.option("--article-path", metavar="PATH", help="How the paths of articles begin. Default: /articles/.")
@click.option("--start", metavar="DAY", help="The first day to load. Default: a year before this month.")
@click.option("--timezone", default="Asia/Tokyo", show_default=True, metavar="NAME")
@click.option("--currency", default="JPY", show_default=True, metavar="CODE")
@click.option("--locale", type=click.Choice(["ja", "en"]), help="The language. Default: the environment's.")
@click.option("--yes", is_flag=True, help="Ask nothing; take the defaults.")
def init(folder: Path, yes: bool, **given: Any) -> None:
    """Ask a few questions and write a company folder into DIR.

    Every question is an option too. A file that is there already is never overwritten.
    """
    from pipelines import init as pages
    from pipelines import questions

    ask = questions.prompt if _is_asked() and not yes else questions.default
    pages.refuse_if_there(folder)
    answers = questions.answers(folder, given, ask)
    click.echo("\n".join(f"  {path}" for path in pages.write(folder, answers)))
    click.echo(questions.NEXT.of(answers.locale) + shlex.join(["gyakusan", "doctor", "--company", str(folder)]))


@cli.command(short_help="Check every source and file, and say what to do.")
@company_option
@click.option(
    "--json", "as_json", is_flag=True, help="A list of findings: group, check, status, text, remedy, command."
)
@click.option("--online/--offline", default=True, help="Whether the sources are asked (default), or only this machine.")
@click.option("--clarity", is_flag=True, help="Ask Clarity too, which costs one of its 10 requests a day.")
@click.option("--locale", type=click.Choice(["ja", "en"]), help="Default: the company's.")
def doctor(folder: Path | None, as_json: bool, online: bool, clarity: bool, locale: str | None) -> None:
    """Check every source, file and setting, and say what to do.

    It ends within 10 seconds, with status 1 when something would stop a night.
    """
    began = time.monotonic()  # the imports below count too
    logging.getLogger("googleapiclient").setLevel(logging.ERROR)  # what it warns of becomes a finding
    from pipelines import doctor as checks
    from pipelines import findings

    context = findings.Context(_folder(folder), folder, online, clarity, began)
    found, language = checks.examine(context), checks.locale_of(context.folder, locale)
    if as_json:
        click.echo(findings.as_json(found, language))
    else:
        findings.show(found, language, context.command("nightly"))
    sys.exit(FAILED if any(one.status == "error" for one in found) else 0)


@cli.command(short_help="Read every source, build, check and publish.")
@company_option
@click.option("--as-of", type=day, help="The last complete day to load. Default: yesterday in the company's time zone.")
def nightly(folder: Path | None, as_of: datetime | None) -> None:
    """Read every source, build and check the models, publish the marts."""
    company = _company(folder)
    last = _complete_day(company, as_of.date() if as_of else None, "--as-of")
    _run(company, last, last)


@cli.command(short_help="Read a span of days again.")
@company_option
@click.option("--from", "first", type=day, required=True, help="The first day to read again.")
@click.option("--to", "last", type=day, required=True, help="The last day to read again.")
@click.option("--anew", is_flag=True, help="Read all of it, also what an interrupted backfill of these days has read.")
def backfill(folder: Path | None, first: datetime, last: datetime, anew: bool) -> None:
    """Read a span of days again, in one run, then build, check and publish as every night.

    It says first what it will take, and stops where the quotas' reserve begins; the same command then goes on.
    """
    company = _company(folder)
    start, end = first.date(), _complete_day(company, last.date(), "--to")
    if start > end:
        raise SourceError("--from", f"{start} is after --to {end}", "give the earlier day first")
    if start < company.start:
        raise SourceError(
            "--from",
            f"{start} is before the company's first day",
            f"begin at {company.start}, or set an earlier start in company.yml",
        )
    _run(company, start, end, backfill=True, anew=anew)


@cli.command(short_help="Walk the goal back: what is required, how likely it is, what buys most.")
@company_option
@click.option("--period", type=day, help="Any day of the goal's period. Default: the running one, else the next.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=NUMBER",
    help="What if: deal_rate=0.3, win_rate, mql_rate, lead_rate; leads=80 (new ones a week); target=25.",
)
@click.option("--json", "as_json", is_flag=True, help="All of it as JSON.")
@click.option("--locale", type=click.Choice(["ja", "en"]), help="Default: the company's.")
def plan(
    folder: Path | None, period: datetime | None, settings: tuple[str, ...], as_json: bool, locale: str | None
) -> None:
    """The tree from the goal down, as the last night published it: required, actual, rates with intervals, lags.

    Then how likely the goal is, what buys most, and what is wrong with the targets (SMART). With --set: what the goal
    would require, and how likely it would be, if something changed.
    """
    from rich.console import Console

    from pipelines.plan import report as plan_report

    company = _company(folder)
    report = plan_report.read(
        company.state / "marts.duckdb",
        company.name,
        company.locale if locale is None else "ja" if locale == "ja" else "en",
        period.date() if period else None,
    )
    found = None
    if settings:
        from pipelines.plan import whatif as plan_whatif

        found = plan_whatif.what_if(company, report.kgi["period_start"], plan_whatif.parse(settings))
    if as_json:
        click.echo(plan_report.as_json(report, found))
    else:
        plan_report.show(report, Console(width=None if sys.stdout.isatty() else 160, highlight=False), found)


@cli.command(short_help="Write the monthly meeting's pack: a workbook, and slides.")
@company_option
@click.argument("month", metavar="[MONTH]", required=False, type=click.DateTime(["%Y-%m"]))
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder to write into. Default: reports in the company's state folder.",
)
@click.option("--slides", "with_slides", is_flag=True, help="Slides too; needs the extra gyakusan[slides].")
@click.option("--locale", type=click.Choice(["ja", "en"]), help="Default: the company's.")
def report(
    folder: Path | None, month: datetime | None, out: Path | None, with_slides: bool, locale: str | None
) -> None:
    """Write the pack for the monthly meeting, from the published marts: one workbook, and with --slides a deck.

    MONTH is such as 2026-10; by default it is the last one that was over on the published night.
    """
    from pipelines import pack

    company = _company(folder)
    language = company.locale if locale is None else "ja" if locale == "ja" else "en"
    written = pack.write(company, month.date() if month else None, out, with_slides, language)
    for path in written:
        click.echo(path)
    click.echo(pack.NEXT[with_slides].of(language), err=True)


@cli.command(short_help="Query the published marts.")
@company_option
@click.argument("query")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per row.")
def sql(folder: Path | None, query: str, as_json: bool) -> None:
    """Query the published marts, for example "select * from marts.kpis"."""
    import duckdb

    marts = _company(folder).state / "marts.duckdb"
    if not marts.exists():
        raise SourceError(str(marts), "no marts have been published yet", "run: gyakusan nightly")
    try:
        with duckdb.connect(str(marts), read_only=True) as con:
            answer = con.execute(query)
            names, rows = [column[0] for column in answer.description or []], answer.fetchall()
    except duckdb.Error as error:
        raise SourceError("gyakusan sql", str(error), 'gyakusan sql "show tables" lists what there is') from None
    if as_json:
        for row in rows:
            click.echo(json.dumps(dict(zip(names, row, strict=True)), default=str, ensure_ascii=False))
    else:
        _print_table(names, rows)


def _is_asked() -> bool:
    """Whether somebody is there to answer a question."""
    return sys.stdin.isatty()


def _print_table(names: list[str], rows: list[tuple[object, ...]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(*names, box=box.SIMPLE_HEAD)
    for row in rows:
        table.add_row(*map(_shown, row))
    # Into a pipe, rows are as wide as they need to be rather than cut to a terminal that is not there.
    Console(width=None if sys.stdout.isatty() else 10_000).print(table)
    click.echo(f"{len(rows):,} rows")


@cli.command(short_help="Open the Dagster UI.")
@company_option
@click.option("--port", default=3000, show_default=True, help="The port on this machine.")
def ui(folder: Path | None, port: int) -> None:
    """Open the Dagster UI: lineage, freshness, runs and the nightly schedule."""
    company = _company(folder)
    from pipelines.night import dagster_home

    dagster_home(company)
    os.environ["GYAKUSAN_COMPANY"] = str(company.folder)
    workspace = Path(__file__).parent.parent / "workspace.yaml"
    click.echo(f"Dagster UI: http://127.0.0.1:{port}  (Ctrl-C ends it)")
    command = [sys.executable, "-m", "dagster", "dev", "-w", str(workspace), "-h", "127.0.0.1", "-p", str(port)]
    os.execv(command[0], command)  # noqa: S606 (our own interpreter, no shell)


@cli.command(short_help="Serve the board: the pages on which a team sees where it stands.")
@company_option
@click.option("--port", type=click.IntRange(1, 65535), default=8585, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="Another address needs $GYAKUSAN_BOARD_PASSWORD.")
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="HOST",
    help="A name that the board is reached by, if not --host; needs the password too.",
)
@click.option("--dagster-url", default="http://127.0.0.1:3000", show_default=True, help="Where gyakusan ui answers.")
@click.option("--certificate", type=click.Path(exists=True), help="A TLS certificate (PEM), with --key.")
@click.option("--key", type=click.Path(exists=True), help="The certificate's private key (PEM).")
def board(
    folder: Path | None,
    port: int,
    host: str,
    names: tuple[str, ...],
    dagster_url: str,
    certificate: str | None,
    key: str | None,
) -> None:
    """Serve the board on this machine, from the published marts. A new night shows as soon as it is published.

    The nightly run also writes the same pages to .gyakusan/board/, to be opened from disk or put on a file server.
    """
    from pipelines import boards

    company = _company(folder)
    served = boards.board(company, host, names, dagster_url)
    server = boards.server(served, host, port, names, certificate, key)
    scheme = "https" if certificate else "http"
    address = f"{scheme}://{boards.bracketed(host)}:{port}/"
    click.echo(f"the board of {company.name}: {address}  (Ctrl-C ends it)", err=True)
    if served.login and not certificate:
        click.echo(
            "the password travels unencrypted: give --certificate and --key, or put a TLS proxy in front", err=True
        )
    with suppress(KeyboardInterrupt):
        server.run()


@cli.command()
@company_option
@click.argument("email", required=False)
@click.option("--contact", help="The contact's id in the CRM, where its exports hold no e-mail addresses.")
def forget(folder: Path | None, email: str | None, contact: str | None) -> None:
    """Remove a person everywhere, and never load them again.

    Without EMAIL and --contact it asks for the address, which then stands in no shell history.
    """
    company = _company(folder)
    if email is None and contact is None:
        email = click.prompt("E-mail address of the person to forget")
    if email is not None and "@" not in email:
        raise SourceError("EMAIL", "is not an e-mail address", "give the address, or --contact and the CRM's id")
    lock.take(company.state)
    sys.argv[1:] = ["forget"]  # dbt writes the command it was started by into its results
    from pipelines import forget as forgetting

    done = forgetting.forget(company, email, contact, lambda step: click.echo(step, err=True))
    if done.traces:
        found = "\n".join(f"  {place}" for place in done.traces)
        _leave(f"traces are left:\n{found}\nrun the same command again; if they stay, please report it", FAILED)
    click.echo(f"forgotten: no trace in {done.searched} files and tables of {company.state}", err=True)
    for place in done.own_files:
        click.echo(
            f"{place} still names them: it is yours, so it stays. Nothing of theirs is loaded from it any more; "
            "delete them in the tool that it comes from and export again",
            err=True,
        )


def _shown(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _company(folder: Path | None) -> "Company":
    """The company that a command is about."""
    from pipelines.company import load_company

    return load_company(_folder(folder))


def _folder(folder: Path | None) -> Path:
    from pipelines.company import company_folder

    return folder.resolve() if folder else company_folder()


def _complete_day(company: "Company", asked: date | None, option: str) -> date:
    from pipelines.company import yesterday

    last = yesterday(company)
    if asked is None:
        return last
    if asked > last:
        raise SourceError(option, f"{asked} is not over yet in {company.timezone}", f"give {last} or an earlier day")
    if asked < company.start:
        raise SourceError(
            option,
            f"{asked} is before the company's first day",
            f"give {company.start} or later, or set an earlier start in company.yml",
        )
    return asked


def _run(company: "Company", first: date, last: date, backfill: bool = False, anew: bool = False) -> None:
    lock.take(company.state)  # before the seconds that the imports below cost, so that a second night leaves at once
    from pipelines import night

    span = str(last) if first == last else f"{first}..{last}"
    click.echo(f"{company.name}: night of {span}", err=True)
    begun_at = None
    if backfill:
        begun_at, plan = night.begin_backfill(company, first, last, anew)
        click.echo("\n".join(plan), err=True)
    outcome = night.run(company, first, last, begun_at)
    if outcome.problems:
        click.echo("\n".join(["", "the night failed:", *(f"  {problem}" for problem in outcome.problems)]), err=True)
        click.echo(night.staleness(company, outcome.run_id), err=True)
        if outcome.run_id:
            click.echo(f"run {outcome.run_id}; look at it with: gyakusan ui", err=True)
        sys.exit(FAILED)
    steps = ", ".join(f"{step} {seconds:.1f} s" for step, seconds in outcome.seconds.items())
    click.echo(f"published {company.state / 'marts.duckdb'} ({steps})", err=True)
    click.echo('look at them with: gyakusan board, gyakusan sql "select * from marts.scorecard", gyakusan ui', err=True)


def main() -> None:
    """Entry point: every problem that a person can mend is one message and an exit status."""
    try:
        cli.main(standalone_mode=False)
    except lock.Busy as busy:
        _leave(str(busy), BUSY)
    except SourceError as error:
        _leave(str(error), FAILED)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        _leave("interrupted; run it again to go on from what was loaded", 130)


def _leave(message: str, status: int) -> None:
    click.echo(message, err=True)
    sys.exit(status)


if __name__ == "__main__":
    main()
