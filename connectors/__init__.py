"""The outside world as typed tables.

A connector knows no Dagster, DuckDB, dbt or environment: it is given a client or a file and yields
:class:`connectors.table.Load` objects, one per table and span of days.
"""
