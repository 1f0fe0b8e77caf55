"""The tables of GA4. A table is its own report: its key columns are dimensions, its other columns metrics."""

import pyarrow as pa

from connectors.table import Table, columns

DAY, TEXT, COUNT, SECONDS = pa.date32(), pa.string(), pa.int64(), pa.float64()
RESTATED_DAYS = 3
KEY_EVENT_RESTATED_DAYS = 14

# fmt: off
SITE_DAYS = Table(
    "ga4_site_days",
    "One row per day and host: page views, sessions, engaged sessions and key events (report R1).",
    columns(
        {"date_on": DAY, "host": TEXT, "page_views": COUNT, "sessions": COUNT, "engaged_sessions": COUNT,
         "key_events": COUNT}
    ),
    key=("date_on", "host"), date_column="date_on", restated_days=RESTATED_DAYS,
)
PAGE_DAYS = Table(
    "ga4_page_days",
    "One row per day, host and page path: page views, engaged seconds and events (R2).",
    columns(
        {"date_on": DAY, "host": TEXT, "path": TEXT, "page_views": COUNT, "engagement_seconds": SECONDS,
         "event_count": COUNT}
    ),
    key=("date_on", "host", "path"), date_column="date_on", restated_days=RESTATED_DAYS,
)
LANDING_DAYS = Table(
    "ga4_landing_days",
    "One row per day, landing page, channel group and source/medium: sessions, engaged sessions, key events (R5).",
    columns(
        {"date_on": DAY, "landing_path": TEXT, "channel_group": TEXT, "source_medium": TEXT, "sessions": COUNT,
         "engaged_sessions": COUNT, "key_events": COUNT}
    ),
    key=("date_on", "landing_path", "channel_group", "source_medium"), date_column="date_on",
    restated_days=RESTATED_DAYS,
)
ONWARD_DAYS = Table(
    "ga4_onward_days",
    "One row per day and landing page: sessions that went on to a second page (event of meaning second_page).",
    columns({"date_on": DAY, "landing_path": TEXT, "sessions": COUNT}),
    key=("date_on", "landing_path"), date_column="date_on", restated_days=RESTATED_DAYS,
)
EVENT_DAYS = Table(
    "ga4_event_days",
    "One row per day, host, page path and configured event: occurrences and active users (R6).",
    columns(
        {"date_on": DAY, "host": TEXT, "path": TEXT, "event_name": TEXT, "event_count": COUNT, "active_users": COUNT}
    ),
    key=("date_on", "host", "path", "event_name"), date_column="date_on", restated_days=RESTATED_DAYS,
)
CHANNEL_KEY_EVENTS = Table(
    "ga4_channel_key_events",
    "One row per day, channel group and event: key events as attributed (R7; may change for up to 12 days).",
    columns({"date_on": DAY, "channel_group": TEXT, "event_name": TEXT, "key_events": COUNT}),
    key=("date_on", "channel_group", "event_name"), date_column="date_on", restated_days=KEY_EVENT_RESTATED_DAYS,
)
# The period tables hold users, which cannot be summed over days: each grain (week, month, quarter) is asked of
# GA4 by itself. period_start is the ISO Monday, the first of the month or the first day of the fiscal quarter.
USERS = Table(
    "ga4_users",
    "One row per grain and period: users, sessions and engaged seconds of the site (R4).",
    columns(
        {"grain": TEXT, "period_start": DAY, "active_users": COUNT, "total_users": COUNT, "new_users": COUNT,
         "sessions": COUNT, "engagement_seconds": SECONDS}
    ),
    key=("grain", "period_start"), date_column="period_start", restated_days=RESTATED_DAYS,
)
ARTICLE_USERS = Table(
    "ga4_article_users",
    "One row per grain and period: users, scrolled users, engaged seconds and views of the article pages alone.",
    columns(
        {"grain": TEXT, "period_start": DAY, "active_users": COUNT, "scrolled_users": COUNT,
         "engagement_seconds": SECONDS, "page_views": COUNT}
    ),
    key=("grain", "period_start"), date_column="period_start", restated_days=RESTATED_DAYS,
)
EVENT_USERS = Table(
    "ga4_event_users",
    "One row per grain, period and configured event: active users and occurrences on the site.",
    columns(
        {"grain": TEXT, "period_start": DAY, "event_name": TEXT, "active_users": COUNT, "event_count": COUNT}
    ),
    key=("grain", "period_start", "event_name"), date_column="period_start", restated_days=RESTATED_DAYS,
)
PAGE_MONTHS = Table(
    "ga4_page_months",
    "One row per month, host and page path: users, scrolled users and engaged seconds (R3).",
    columns(
        {"period_start": DAY, "host": TEXT, "path": TEXT, "active_users": COUNT, "total_users": COUNT,
         "scrolled_users": COUNT, "engagement_seconds": SECONDS}
    ),
    key=("period_start", "host", "path"), date_column="period_start", restated_days=RESTATED_DAYS,
)
PAGE_TITLES = Table(
    "ga4_page_titles",
    "One row per month, host, article path and title that the page had: page views.",
    columns({"period_start": DAY, "host": TEXT, "path": TEXT, "title": TEXT, "page_views": COUNT}),
    key=("period_start", "host", "path", "title"), date_column="period_start", restated_days=RESTATED_DAYS,
)
NEW_RETURNING_MONTHS = Table(
    "ga4_new_returning_months",
    "One row per month and new/returning: active users (R8; a person can be both).",
    columns({"period_start": DAY, "new_vs_returning": TEXT, "active_users": COUNT}),
    key=("period_start", "new_vs_returning"), date_column="period_start", restated_days=RESTATED_DAYS,
)
ARTICLE_ENDS = Table(
    "ga4_article_ends",
    "One row per grain, period and event: users who sent the event of meaning end_of_article on an article page.",
    columns({"grain": TEXT, "period_start": DAY, "event_name": TEXT, "active_users": COUNT}),
    key=("grain", "period_start", "event_name"), date_column="period_start", restated_days=RESTATED_DAYS,
)
PAGE_ENDS = Table(
    "ga4_page_ends",
    "One row per month, host, article path and event: users who sent the event of meaning end_of_article there.",
    columns({"period_start": DAY, "host": TEXT, "path": TEXT, "event_name": TEXT, "active_users": COUNT}),
    key=("period_start", "host", "path", "event_name"), date_column="period_start", restated_days=RESTATED_DAYS,
)
CLIENT_DAYS = Table(
    "ga4_client_days",
    "One row per day, client id (as its pseudonym), host and article path: page views. Empty without client_id.",
    columns({"date_on": DAY, "client_id": TEXT, "host": TEXT, "path": TEXT, "page_views": COUNT}),
    key=("date_on", "client_id", "host", "path"), date_column="date_on", restated_days=RESTATED_DAYS,
)
TABLES = (
    SITE_DAYS, PAGE_DAYS, LANDING_DAYS, ONWARD_DAYS, EVENT_DAYS, CHANNEL_KEY_EVENTS,
    USERS, ARTICLE_USERS, EVENT_USERS, PAGE_MONTHS, NEW_RETURNING_MONTHS, PAGE_TITLES, ARTICLE_ENDS, PAGE_ENDS,
    CLIENT_DAYS,
)

API_NAMES = {
    "date_on": "date", "host": "hostName", "path": "pagePath", "title": "pageTitle", "landing_path": "landingPage",
    "channel_group": "sessionDefaultChannelGroup", "source_medium": "sessionSourceMedium",
    "event_name": "eventName", "new_vs_returning": "newVsReturning",
    "page_views": "screenPageViews", "sessions": "sessions", "engaged_sessions": "engagedSessions",
    "key_events": "keyEvents", "engagement_seconds": "userEngagementDuration", "event_count": "eventCount",
    "active_users": "activeUsers", "total_users": "totalUsers", "new_users": "newUsers",
    "scrolled_users": "scrolledUsers",
}
# fmt: on
FORMER_NAMES = {"keyEvents": "conversions"}
"""What an older version of the API calls a field that it cannot know to be renamed."""
