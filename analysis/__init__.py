"""Pure statistics on frames and arrays: what the plan, the scorecard and the reviews are computed from.

No module here knows Dagster, DuckDB, dbt, the environment or the clock: a day is given, and so is the seed of every
draw. Durations are whole days. A number that nothing is known about is null, never NaN and never zero.
"""
