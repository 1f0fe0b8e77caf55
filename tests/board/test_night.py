"""What the board's connection to the marts can do beside reading them (nothing), and which night a reader sees."""

import shutil
import socket
import threading
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import duckdb
import pytest

from board.night import LOCKED_DOWN, Busy, Night, Nights, NotPublished, open_night, opened
from connectors.errors import SourceError
from tests.board import small_marts

SECRET = "known to the file alone"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with marts, and with other files that hold the secret."""
    folder = tmp_path_factory.mktemp("made")
    small_marts.write(folder / "marts.duckdb")
    (folder / "secret.csv").write_text(f"a\n{SECRET}\n")
    with duckdb.connect(str(folder / "other.duckdb")) as con:
        con.execute("create table secret as select ? as a", [SECRET])
        con.execute(f"copy secret to '{folder}/secret.parquet'")
    return folder


@pytest.fixture
def night(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Night]:
    """Its night, from a copy that is also the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GYAKUSAN_TEST_SECRET", SECRET)
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    night = open_night(tmp_path / "marts.duckdb")
    yield night
    night.con.close()


# {folder} is the folder of the marts, {port} a port on which somebody listens.
PROBES = [
    "select * from read_text('{folder}/secret.csv')",
    "select * from read_blob('{folder}/secret.csv')",
    "select * from read_csv('{folder}/secret.csv')",
    "select * from read_csv_auto('secret.csv')",
    "select * from sniff_csv('{folder}/secret.csv')",
    "select * from read_parquet('{folder}/secret.parquet')",
    "select * from parquet_schema('{folder}/secret.parquet')",
    "select * from parquet_metadata('{folder}/secret.parquet')",
    "select * from read_json('{folder}/secret.csv')",
    "select * from '{folder}/secret.csv'",
    "select * from 'secret.parquet'",
    "select * from glob('{folder}/*')",
    "select * from glob('/etc/*')",
    "select * from read_text('/etc/passwd')",
    "select * from read_text('file:///etc/passwd')",
    "select * from read_text('/proc/self/environ')",
    "select * from read_text('http://127.0.0.1:{port}/')",
    "select * from read_csv('https://127.0.0.1:{port}/x.csv')",
    "select * from 's3://127.0.0.1:{port}/x.parquet'",
    "copy kpis to '{folder}/out.csv'",
    "copy (select 1) to '{folder}/out.parquet' (format parquet)",
    "copy kpis from '{folder}/secret.csv'",
    "copy (select 1) to '/dev/stdout'",
    "copy from database marts to memory",
    "export database '{folder}/out'",
    "import database '{folder}/out'",
    "attach '{folder}/other.duckdb' as other",
    "attach '{folder}/new.duckdb' as new (read_write)",
    "attach ':memory:' as free",
    "attach 'http://127.0.0.1:{port}/x.duckdb' as far",
    "detach marts",
    "use memory",
    "install httpfs",
    "install sqlite from 'http://127.0.0.1:{port}'",
    "force install httpfs from community",
    "load httpfs",
    "load '{folder}/secret.csv'",
    "update extensions",
    "create table made (a int)",
    "create view made as select 1",
    "create schema made",
    "create sequence made",
    "create type made as enum ('a')",
    "create index made on kpis (kpi)",
    "create table made as select * from kpis",
    "insert into kpis (kpi) values ('made')",
    "update kpis set kpi = 'made'",
    "delete from kpis",
    "truncate kpis",
    "drop table kpis",
    "alter table kpis add column made int",
    "comment on table kpis is 'made'",
    "vacuum full kpis",
    "checkpoint",
    "force checkpoint marts",
    "create secret made (type s3, key_id 'a', secret 'b')",
    "create persistent secret made (type http, bearer_token 'a')",
    "select * from duckdb_secrets()",
    "select getenv('GYAKUSAN_TEST_SECRET')",
    "select system('touch {folder}/made')",
    "call enable_logging(storage_path = '{folder}/made')",
    "call enable_profiling()",
    "select * from query('select * from read_text(''/etc/passwd'')')",
    "pragma enable_profiling",
    "pragma profiling_output = '{folder}/made'",
    "pragma enable_external_access",
    "explain analyze copy kpis to '{folder}/out.csv'",
    "select count(distinct random()::varchar || random()) from range(8000000)",
]
SETTINGS = [
    *LOCKED_DOWN, "log_query_path", "profiling_output", "home_directory", "secret_directory",
    "allow_unsigned_extensions", "allowed_directories", "allowed_paths", "access_mode", "extension_directory",
    "custom_extension_repository", "file_search_path", "allow_persistent_secrets", "max_temp_directory_size",
    "enable_logging",
]  # fmt: skip


def listing(folder: Path) -> dict[str, str]:
    return {str(path): sha256(path.read_bytes()).hexdigest() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("probe", PROBES)
def test_a_query_has_no_effect_on_files_or_the_network_and_reads_nothing_else(
    night: Night, tmp_path: Path, probe: str, capfd: pytest.CaptureFixture[str]
) -> None:
    before, settings = listing(tmp_path), _settings(night)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        listening.setblocking(False)
        try:
            answer = night.con.execute(probe.format(folder=tmp_path, port=listening.getsockname()[1])).fetchall()
        except duckdb.Error:
            answer = []
        with pytest.raises(BlockingIOError):  # nobody called
            listening.accept()
    said = str(answer) + capfd.readouterr().out
    assert SECRET not in said and "root:" not in said and "secret.csv" not in said
    assert listing(tmp_path) == before
    assert _settings(night) == settings
    assert night.con.execute("select count(*) from kpis").fetchone() == (len(small_marts.KPIS),)


@pytest.mark.parametrize("name", SETTINGS)
def test_no_setting_can_be_changed(night: Night, tmp_path: Path, name: str) -> None:
    before, settings = listing(tmp_path), _settings(night)
    tries = [f"set {name} = {value}" for value in ("true", "false", "'1GB'", f"'{tmp_path}/made'", "['/']", "8")]
    tries += [f"set global {name} = true", f"reset {name}", f"reset global {name}", f"pragma {name} = 'x'"]
    for one in tries:
        with pytest.raises(duckdb.Error):
            night.con.execute(one)
    assert _settings(night) == settings
    assert listing(tmp_path) == before


def test_a_connection_of_the_connection_is_locked_as_well(night: Night, tmp_path: Path) -> None:
    with night.con.cursor() as other:
        for one in ("set enable_external_access = true", "set lock_configuration = false", "from glob('/etc/*')"):
            with pytest.raises(duckdb.Error):
                other.execute(one)


def _settings(night: Night) -> dict[str, str]:
    return dict(night.con.execute("select name, value from duckdb_settings()").fetchall())


def test_the_settings_hold(night: Night) -> None:
    held = _settings(night)
    assert held["enable_external_access"] == held["autoload_known_extensions"] == "false"
    assert held["lock_configuration"] == "true"
    assert held["temp_directory"] == ""


def test_a_value_is_a_value(night: Night, tmp_path: Path) -> None:
    """Parameters are bound, whatever they say."""
    queries = tmp_path / "some.sql"
    queries.write_text("-- name: one\nselect $text as text\n")
    for text in ("' or 1=1 --", "{{7*7}}", "\0", "$text", "'; drop table kpis; --"):
        assert night.rows(queries, "one", text=text) == [{"text": text}]


def test_the_next_reader_sees_a_file_that_took_the_old_one_s_place(tmp_path: Path) -> None:
    path = small_marts.write(tmp_path / "marts.duckdb", run_id="first")
    nights = Nights(path)
    with nights.reading() as night:
        first = night
        assert night.run_id == "first"
    with nights.reading() as night:
        assert night is first  # opened once
    small_marts.write(path, run_id="second")
    with nights.reading() as night:
        assert night.run_id == "second"
    with pytest.raises(duckdb.ConnectionException):
        first.con.execute("select 1")  # the old file's blocks are given back
    nights.close()


def test_a_reader_keeps_its_night_while_another_is_published(tmp_path: Path) -> None:
    path = small_marts.write(tmp_path / "marts.duckdb", lambda of: f"{of} of the first", run_id="first")
    nights, seen = Nights(path), []
    shared = Path(__file__).parents[2] / "board" / "pages" / "shared.sql"

    def reads() -> None:
        with nights.reading() as night:
            seen.append((night.run_id, night.rows(shared, "catalogue")[0]["owner"]))

    with nights.reading() as night:
        small_marts.write(path, lambda of: f"{of} of the second", run_id="second")
        other = threading.Thread(target=reads)
        other.start()
        assert night.rows(shared, "catalogue")[0]["owner"] == "owner of the first"
        assert night.con.execute("select run_id from publication").fetchone() == ("first",)
    other.join(10)
    assert seen == [("second", "owner of the second")]
    nights.close()


def test_who_waits_for_a_reader_gives_up_in_time(tmp_path: Path) -> None:
    nights, ended = Nights(small_marts.write(tmp_path / "marts.duckdb"), patience=0.05), []

    def reads() -> None:
        try:
            with nights.reading():
                ended.append("read")
        except Busy:
            ended.append("busy")

    with nights.reading():
        for _ in range(3):
            other = threading.Thread(target=reads)
            other.start()
            other.join(10)
    reads()
    assert ended == ["busy", "busy", "busy", "read"]
    nights.close()


def test_an_error_of_a_reader_lets_the_next_one_in(tmp_path: Path) -> None:
    nights = Nights(small_marts.write(tmp_path / "marts.duckdb"), patience=0.05)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), nights.reading():
            _ = 1 / 0
    with nights.reading() as night:
        assert night.as_of == small_marts.AS_OF
    nights.close()


@pytest.mark.parametrize("damage", ["nothing in it", "another kind of file", "cut off", "flipped bits"])
def test_a_damaged_file_is_no_night_until_it_is_replaced(tmp_path: Path, damage: str) -> None:
    path = small_marts.write(tmp_path / "marts.duckdb")
    whole = path.read_bytes()
    spoilt = {
        "nothing in it": b"",
        "another kind of file": b"GIF89a" * 1000,
        "cut off": whole[: len(whole) // 2],
        "flipped bits": bytes(byte ^ (255 if place % 4096 == 77 else 0) for place, byte in enumerate(whole)),
    }[damage]
    nights = Nights(path)
    path.write_bytes(spoilt)
    for _ in range(2):
        with pytest.raises(NotPublished) as caught, nights.reading():
            pass
        assert caught.value.reason == "unreadable"
    with pytest.raises(SourceError, match="cannot be read\n  -> run: gyakusan nightly"), opened(path):
        pass
    small_marts.write(path)
    with nights.reading() as night:
        assert night.run_id == "run-00001"
    nights.close()


def test_damage_that_shows_while_reading_ends_that_reading_alone(tmp_path: Path) -> None:
    nights = Nights(small_marts.write(tmp_path / "marts.duckdb"))
    with pytest.raises(NotPublished), nights.reading() as night:
        night.con.execute("select count(distinct random()::varchar || random()) from range(8000000)")
    with nights.reading() as night:
        assert night.con.execute("select count(*) from kpis").fetchone() == (len(small_marts.KPIS),)
    nights.close()


def test_a_file_that_is_gone_or_whose_folder_is_gone_is_no_night(tmp_path: Path) -> None:
    path = small_marts.write(tmp_path / "marts.duckdb")
    nights = Nights(path)
    with nights.reading():
        path.unlink()
    with pytest.raises(NotPublished, match="no_night"), nights.reading():
        pass
    nights.close()
