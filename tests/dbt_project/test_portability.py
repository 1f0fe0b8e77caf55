"""The models run on DuckDB and on Spark: what they are compiled to uses only what both engines share."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
import sqlglot
from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.tokens import Token, TokenType

# Same name, same arguments, same meaning in DuckDB and in Spark SQL (with ANSI mode on, as Spark 4 has it).
FUNCTIONS = {
    # aggregates and windows; bool_or and bool_and skip nulls in both
    "bool_and", "bool_or", "count", "lag", "max", "min", "rank", "row_number", "sum",
    # numbers; sqrt and round of doubles
    "mod", "round", "sqrt",
    # nulls; greatest and least skip nulls in both
    "coalesce", "greatest", "least", "nullif",
    # text; concat_ws skips nulls, left and length count characters
    "concat_ws", "left", "length",
    # days; date_trunc gives a timestamp (cast back to a date), weeks begin on Monday
    "date_trunc", "month",
    # syntax that looks like a function
    "cast",
}  # fmt: skip
# Words before a parenthesis that are no functions.
SYNTAX = {"and", "as", "by", "distinct", "exists", "from", "in", "join", "not", "on", "or", "over", "values", "when",
          "where", "union", "all", "select", "then", "else", "between", "case"}  # fmt: skip
# Types, clauses and operators of one engine alone.
REFUSED = {"array", "asof", "exclude", "explode", "hugeint", "ilike", "lateral", "list", "map", "pivot", "positional",
           "qualify", "rlike", "similar", "struct", "tablesample", "unnest", "unpivot", "varchar"}  # fmt: skip


@pytest.fixture(scope="session")
def compiled(built: Any) -> dict[str, str]:
    """The compiled SQL of each model."""
    return {node["name"]: node["compiled_code"] for node in built.models()}


def tokens(sql: str) -> list[Token]:
    return list(DuckDB().tokenize(sql))


def test_every_model_parses_as_duckdb_and_as_spark(compiled: dict[str, str]) -> None:
    for name, sql in compiled.items():
        # dbt quotes the names of tables as the adapter does; the models quote nothing themselves.
        for dialect, text in (("duckdb", sql), ("spark", sql.replace('"', "`"))):
            (parsed,) = sqlglot.parse(text, read=dialect, error_level=sqlglot.ErrorLevel.RAISE)
            assert isinstance(parsed, exp.Query), f"{name} is no query in {dialect}"


def test_models_use_only_functions_that_both_engines_share(compiled: dict[str, str]) -> None:
    for name, sql in compiled.items():
        called = {
            word.text.lower()
            for word, paren in pairwise(tokens(sql))
            if paren.token_type is TokenType.L_PAREN and re.fullmatch(r"[A-Za-z_]\w*", word.text)
        }
        named = {cte.alias for cte in sqlglot.parse_one(sql, read="duckdb").find_all(exp.CTE, exp.TableAlias)}
        assert called - FUNCTIONS - SYNTAX - named == set(), name


def test_models_use_no_words_of_one_engine(compiled: dict[str, str]) -> None:
    for name, sql in compiled.items():
        words = [token.text.lower() for token in tokens(sql)]
        assert REFUSED.isdisjoint(words), name
        assert not any(token.token_type in (TokenType.DCOLON, TokenType.DIV) for token in tokens(sql)), name
        assert ("by", "all") not in set(pairwise(words)), name


def test_every_window_says_where_nulls_go(compiled: dict[str, str]) -> None:
    for name, sql in compiled.items():
        text = re.sub(r"--.*", "", sql)
        for order in re.findall(r"order by\s+(.*?)(?:\brange\b|\brows\b|\)|$)", text, re.DOTALL):
            assert all("nulls " in term for term in order.split(",")), f"{name}: order by {order.strip()}"


def test_no_divisor_can_be_zero(compiled: dict[str, str]) -> None:
    """DuckDB divides by zero to null or infinity, Spark stops."""
    for name, sql in compiled.items():
        for divisor in divisors(sqlglot.parse_one(sql, read="duckdb")):
            assert isinstance(divisor, exp.Nullif | exp.Literal) or divisor.sql() == "1 + z2", f"{name}: / {divisor}"


def divisors(parsed: exp.Expression) -> Iterator[exp.Expression]:
    return (division.expression.unnest() for division in parsed.find_all(exp.Div))
