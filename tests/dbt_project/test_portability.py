"""The models run on DuckDB and on Spark: what they are compiled to uses only what both engines share."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
import sqlglot
from sqlglot import TokenType, exp

# Same name, same arguments, same meaning in DuckDB and in Spark SQL (with ANSI mode on, as Spark 4 has it).
FUNCTIONS = {
    # aggregates and windows; bool_or and bool_and skip nulls in both
    "bool_and", "bool_or", "count", "lag", "max", "min", "rank", "row_number", "sum",
    # numbers; sqrt and round of doubles
    "mod", "round", "sqrt",
    # nulls; greatest and least skip nulls in both
    "coalesce", "greatest", "least", "nullif",
    # text; concat_ws skips nulls, left, length and substring count characters, split_part gives '' past the end
    "concat_ws", "left", "length", "replace", "split_part", "substring", "trim",
    # days; date_trunc gives a timestamp (cast back to a date), weeks begin on Monday
    "date_trunc", "month",
}  # fmt: skip
# Words that may stand before a parenthesis and are no functions.
SYNTAX = {"all", "and", "as", "between", "by", "case", "cast", "distinct", "else", "exists", "from", "in", "join",
          "not", "on", "or", "over", "select", "then", "union", "values", "when", "where"}  # fmt: skip
# Types and clauses that only one of them has, or that they read differently.
REFUSED = {"array", "asof", "exclude", "explode", "hugeint", "ilike", "lateral", "list", "map", "pivot", "positional",
           "qualify", "rlike", "similar", "struct", "tablesample", "unnest", "unpivot", "varchar"}  # fmt: skip


def faults(sql: str) -> Iterator[str]:
    """What would not run on both engines, or not give the same on both."""
    for dialect in ("duckdb", "spark"):
        # dbt quotes the names of tables as the adapter does; the models themselves quote none.
        text = sql if dialect == "duckdb" else sql.replace('"', "`")
        try:
            if not isinstance(sqlglot.parse_one(text, read=dialect), exp.Query):
                yield f"no query in {dialect}"
        except sqlglot.ParseError as error:
            yield f"no {dialect}: {error}"
            return
    parsed, tokens = sqlglot.parse_one(sql, read="duckdb"), sqlglot.tokenize(sql, read="duckdb")
    words = [token.text.lower() for token in tokens]
    aliases = {alias.name for alias in parsed.find_all(exp.TableAlias)}
    called = {word for word, after in pairwise(words) if after == "(" and re.fullmatch(r"[a-z_]\w*", word)}
    yield from (f"function {name}" for name in called - FUNCTIONS - SYNTAX - aliases)
    yield from (f"word {word}" for word in REFUSED.intersection(words))
    yield from (f"operator {token.text}" for token in tokens if token.token_type in (TokenType.DCOLON, TokenType.DIV))
    yield from (f"{by} all" for by, word in pairwise(words) if by in ("group by", "order by") and word == "all")
    yield from ("a star" for star in parsed.find_all(exp.Star) if not isinstance(star.parent, exp.Count))
    for order in re.findall(r"order by\s+(.*?)(?:\brange\b|\brows\b|\)|$)", re.sub(r"--.*", "", sql), re.DOTALL):
        yield from (f"order by {term} without nulls first or last" for term in order.split(",") if "nulls " not in term)
    for division in parsed.find_all(exp.Div):  # by zero DuckDB gives null or infinity, and Spark stops
        divisor = division.expression.unnest()
        if not isinstance(divisor, exp.Nullif | exp.Literal) and divisor.sql() != "1 + z2":
            yield f"unguarded divisor {divisor}"


def test_every_compiled_model_runs_on_duckdb_and_on_spark(built: Any) -> None:
    assert {node["name"]: found for node in built.models() if (found := list(faults(node["compiled_code"])))} == {}


@pytest.mark.parametrize(
    "sql",
    [
        "select list(a) as a from t",
        "select a::int as a from t",
        "select a // 2 as a from t",
        "select strftime(a, '%Y') as a from t",
        "select a, sum(b) as b from t group by all",
        "select row_number() over (order by a) as a from t",
        "select a / b as a from t",
        "select a from t qualify a = 1",
        "select a from range(3) as t (a)",
        "select * exclude (a) from t",
        "select datediff('day', a, b) as a from t",
        "from t",
        "select * from t",
        "drop table t",
    ],
)
def test_sql_of_one_engine_is_refused(sql: str) -> None:
    assert list(faults(sql))


def test_what_both_engines_share_is_not_refused() -> None:
    sql = "select cast(date_trunc('week', a) as date) as a, b / nullif(c, 0) as b, count(*) as n from t group by a"
    assert list(faults(sql)) == []
