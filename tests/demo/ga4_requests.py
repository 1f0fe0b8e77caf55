"""Requests to GA4 as Google's own messages, and their answers as dictionaries."""

from typing import Any

from google.analytics.data_v1beta import types


def report(
    dimensions: str, metrics: str, first: str = "2026-09-01", last: str = "2026-09-30", **more: Any
) -> types.RunReportRequest:
    """A request: names separated by spaces, days, and any other field."""
    span = types.DateRange(start_date=first, end_date=last)
    more = {"property": "properties/400000001", "date_ranges": [span], **more}
    return types.RunReportRequest(
        dimensions=[types.Dimension(name=name) for name in dimensions.split()],
        metrics=[types.Metric(name=name) for name in metrics.split()],
        **more,
    )


def rows(response: types.RunReportResponse) -> dict[tuple[str, ...], tuple[int, ...]]:
    """Metric values by dimension values; the keys must be distinct."""
    found = [
        (tuple(value.value for value in row.dimension_values), tuple(int(value.value) for value in row.metric_values))
        for row in response.rows
    ]
    assert len(dict(found)) == len(found)
    return dict(found)


def string_filter(field: str, value: str, match: str = "EXACT", case_sensitive: bool = False) -> types.FilterExpression:
    text = {"value": value, "match_type": match, "case_sensitive": case_sensitive}
    return types.FilterExpression(filter={"field_name": field, "string_filter": text})
