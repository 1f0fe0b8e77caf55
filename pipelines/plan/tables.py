"""The tables of layer ``analysis``: what the models' rows tell by statistics, for the marts to show."""

import pyarrow as pa

from connectors.table import Table, columns

DAY, TEXT, NUMBER, COUNT, FLAG = pa.date32(), pa.string(), pa.float64(), pa.int64(), pa.bool_()

FUNNEL = Table(
    "funnel",
    "One row per transition between stages and value of a segment (all, channel, article_cluster, persona).",
    columns(
        {
            "stage": TEXT,
            "next_stage": TEXT,
            "segment": TEXT,
            "segment_value": TEXT,
            "n": COUNT,
            "moved": COUNT,
            "exited": COUNT,
            "still_open": COUNT,
            "rate": NUMBER,
            "ci_low": NUMBER,
            "ci_high": NUMBER,
            "shrunk_rate": NUMBER,
            "shrunk_low": NUMBER,
            "shrunk_high": NUMBER,
            "horizon_days": COUNT,
            "at_risk": COUNT,
            "is_shortened": FLAG,
            "method": TEXT,
            "verdict": TEXT,
        },
        {
            "lag_q50_days": COUNT,
            "lag_q75_days": COUNT,
            "lag_q90_days": COUNT,
            "naive_rate_of_all": NUMBER,
            "naive_rate_of_closed": NUMBER,
            "naive_rate_exits_as_open": NUMBER,
        },
    ),
    key=("stage", "next_stage", "segment", "segment_value"),
    layer="analysis",
)
COHORTS = Table(
    "funnel_cohorts",
    "One row per transition between stages, grain and period of entry: what became of those who entered in it.",
    columns(
        {
            "stage": TEXT,
            "next_stage": TEXT,
            "grain": TEXT,
            "period_start": DAY,
            "n": COUNT,
            "moved": COUNT,
            "exited": COUNT,
            "still_open": COUNT,
            "moved_in_period": COUNT,
            "horizon_days": COUNT,
            "is_mature": FLAG,
        },
        {"maturity": NUMBER, "cohort_rate": NUMBER, "period_rate": NUMBER},
    ),
    key=("stage", "next_stage", "grain", "period_start"),
    layer="analysis",
)
REQUIRED = Table(
    "required",
    "One row per period of the KGI and KPI that leads to it: what it must hold, from what was known when the period "
    "began. Rows of a period that is over are not made again.",
    columns(
        {
            "goal_start": DAY,
            "goal_end": DAY,
            "grain": TEXT,
            "plan_from": DAY,
            "known_on": DAY,
            "place": COUNT,
            "kpi": TEXT,
            "confidence": NUMBER,
            "verdict": TEXT,
        },
        {
            "leads_to": TEXT,
            "method": TEXT,
            "required": NUMBER,
            "required_probable": NUMBER,
            "rate": NUMBER,
            "rate_low": NUMBER,
            "rate_high": NUMBER,
            "n": COUNT,
            "horizon_days": COUNT,
            "lag_q50_days": COUNT,
            "lag_q90_days": COUNT,
        },
    ),
    key=("goal_start", "kpi"),
    date_column="goal_start",
    layer="analysis",
)
REQUIRED_PERIODS = Table(
    "required_periods",
    "One row per grain, period and KPI: its share of what the periods of the KGI that it lies in require.",
    columns(
        {"grain": TEXT, "period_start": DAY, "kpi": TEXT, "goal_start": DAY, "required": NUMBER},
        {"required_probable": NUMBER},
    ),
    key=("grain", "period_start", "kpi"),
    date_column="period_start",
    layer="analysis",
)
REMAINING = Table(
    "remaining",
    "One row per running or next period of the KGI and stage: what the stage must still bring if it alone had to.",
    columns(
        {
            "goal_start": DAY,
            "kpi": TEXT,
            "won": NUMBER,
            "from_pipeline": NUMBER,
            "useful_share": NUMBER,
            "verdict": TEXT,
        },
        {"extra": NUMBER, "extra_per_week": NUMBER, "coin_flip_on": DAY, "last_useful_on": DAY},
    ),
    key=("goal_start", "kpi"),
    layer="analysis",
)
FORECASTS = Table(
    "forecasts",
    "One row per night and running or next period of the KGI: the forecast that was made then. is_hindcast: made "
    "later, from what was known on that day.",
    columns(
        {
            "as_of": DAY,
            "kpi": TEXT,
            "grain": TEXT,
            "period_start": DAY,
            "period_end": DAY,
            "plan_from": DAY,
            "target": NUMBER,
            "won": NUMBER,
            "days_left": COUNT,
            "past_forecasts": NUMBER,
            "verdict": TEXT,
            "is_hindcast": FLAG,
        },
        {
            "mean": NUMBER,
            "p10": NUMBER,
            "p50": NUMBER,
            "p90": NUMBER,
            "chance": NUMBER,
            "reason": TEXT,
        },
    ),
    key=("as_of", "period_start"),
    date_column="as_of",
    layer="analysis",
)
DRIVERS = Table(
    "drivers",
    "One row per change to the running (else the next) period of the KGI: how much more likely it makes the goal.",
    columns(
        {
            "period_start": DAY,
            "driver": TEXT,
            "kind": TEXT,
            "place": COUNT,
            "level": NUMBER,
            "unit": TEXT,
            "gain": NUMBER,
            "gain_per_unit": NUMBER,
            "more_of_the_goal": NUMBER,
        },
    ),
    key=("period_start", "driver"),
    layer="analysis",
)
LANDINGS = Table(
    "landings",
    "One row per KPI and running period: where its value will stand when the period ends.",
    columns(
        {"kpi": TEXT, "grain": TEXT, "period_start": DAY, "verdict": TEXT},
        {"projected": NUMBER, "projected_low": NUMBER, "projected_high": NUMBER},
    ),
    key=("kpi", "grain", "period_start"),
    layer="analysis",
)
SMART_CHECKS = Table(
    "smart_checks",
    "One row per target of the newest plan: what SMART asks of it, and what to do.",
    columns(
        {
            "entry": COUNT,
            "specific": FLAG,
            "measurable": FLAG,
            "relevant": FLAG,
            "time_bound": FLAG,
            "verdict": TEXT,
            "sentence_ja": TEXT,
            "sentence_en": TEXT,
        },
        {"achievable": FLAG, "chance": NUMBER, "period_start": DAY, "level": NUMBER},
    ),
    key=("entry",),
    layer="analysis",
)
ARTICLE_RATES = Table(
    "article_rates",
    "One row per article of the last twelve complete months: its sums, how many of its sessions become leads, what to "
    "do with it.",
    columns(
        {"host": TEXT, "path": TEXT, "from_on": DAY, "to_on": DAY, "action": TEXT},
        {
            "page_views": COUNT,
            "landing_sessions": COUNT,
            "leads": COUNT,
            "mqls": COUNT,
            "deals": COUNT,
            "orders": COUNT,
            "order_value": NUMBER,
            "rate": NUMBER,
            "shrunk_rate": NUMBER,
            "shrunk_low": NUMBER,
            "shrunk_high": NUMBER,
            "common_rate": NUMBER,
            "line": NUMBER,
            "median_page_views": NUMBER,
        },
    ),
    key=("host", "path"),
    layer="analysis",
)
TABLES = (
    FUNNEL,
    COHORTS,
    REQUIRED,
    REQUIRED_PERIODS,
    REMAINING,
    FORECASTS,
    DRIVERS,
    LANDINGS,
    SMART_CHECKS,
    ARTICLE_RATES,
)
# What inputs.py reads to make them: the lineage goes from these.
READ = (
    "intermediate.int_article_months",
    "intermediate.int_awareness_days",
    "intermediate.int_conversion_days",
    "intermediate.int_engagement_days",
    "intermediate.int_funnel_entries",
    "intermediate.int_funnel_subjects",
    "intermediate.int_kpi_coverage",
    "intermediate.int_kpi_values",
    "intermediate.int_paces",
    "intermediate.int_targets",
    "raw.company_calendar",
    "raw.company_settings",
    "raw.plan_reviews",
    "raw.plan_versions",
    "staging.kpi_catalogue",
    "staging.stg_plan__targets",
)
