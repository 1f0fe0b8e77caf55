"""The tables of exported files: the kinds of file that company.yml may name, and our columns in each."""

import pyarrow as pa

from connectors.table import Table, columns

DAY, TEXT, MOMENT, MONEY, COUNT = pa.date32(), pa.string(), pa.timestamp("us"), pa.decimal128(18, 2), pa.int64()
RATE = pa.float64()

# *_at is the moment in UTC; *_on beside it is the day of that moment in the company's time zone.
CONTACTS = Table(
    "exports_contacts",
    "One row per contact of the MA/CRM, without name, phone or e-mail address: person_id is the address's pseudonym, "
    "email_domain its domain where that is a company's. invalid_reason: competitor, student, spam, sales_pitch, "
    "support, other. As the tool says: channel is where it came from, stage where it stands now, lead_on and the like "
    "when it came there.",
    columns(
        {"contact_id": TEXT, "created_on": DAY},
        {
            "account_id": TEXT,
            "industry": TEXT,
            "job_title": TEXT,
            "channel": TEXT,
            "landing_host": TEXT,
            "landing_path": TEXT,
            "newsletter_on": DAY,
            "unsubscribed_on": DAY,
            "invalid_reason": TEXT,
            "person_id": TEXT,
            "email_domain": TEXT,
            "client_id": TEXT,
            "stage": TEXT,
            "lead_on": DAY,
            "mql_on": DAY,
            "sql_on": DAY,
            "deal_on": DAY,
            "customer_on": DAY,
            "disqualified_on": DAY,
            "merged_ids": TEXT,
            "merged_into_id": TEXT,
            "modified_at": MOMENT,
        },
    ),
    key=("contact_id",),
)
FORM_SUBMISSIONS = Table(
    "exports_form_submissions",
    "One row per form submission. kind: download, inquiry, newsletter, other. "
    "invalid_reason: competitor, student, spam, sales_pitch, support, other.",
    columns(
        {"submission_id": TEXT, "kind": TEXT, "submitted_at": MOMENT, "submitted_on": DAY},
        {
            "contact_id": TEXT,
            "person_id": TEXT,
            "form": TEXT,
            "asset": TEXT,
            "page_host": TEXT,
            "page_path": TEXT,
            "invalid_reason": TEXT,
        },
    ),
    key=("submission_id",),
)
STAGE_CHANGES = Table(
    "exports_stage_changes",
    "One row per contact and entry into a stage. stage: lead, mql, sql, deal, customer, disqualified.",
    columns({"contact_id": TEXT, "stage": TEXT, "entered_at": MOMENT, "entered_on": DAY}),
    key=("contact_id", "stage", "entered_at"),
)
DEAL_STAGE_CHANGES = Table(
    "exports_deal_stage_changes",
    "One row per deal and entry into a stage of the pipeline. status: open, won, lost.",
    columns({"deal_id": TEXT, "stage": TEXT, "entered_at": MOMENT, "entered_on": DAY}, {"status": TEXT}),
    key=("deal_id", "stage", "entered_at"),
)
MERGES = Table(
    "exports_merges",
    "One row per contact or deal that was merged into another one. object: contact, deal.",
    columns({"object": TEXT, "kept_id": TEXT, "merged_id": TEXT}),
    key=("object", "merged_id"),
)
DEALS = Table(
    "exports_deals",
    "One row per deal. status: open, won, lost. kind: new, renewal, upsell.",
    columns(
        {"deal_id": TEXT, "status": TEXT, "kind": TEXT},
        {
            "created_on": DAY,
            "closed_on": DAY,
            "amount": MONEY,
            "stage": TEXT,
            "contact_id": TEXT,
            "account_id": TEXT,
            "merged_ids": TEXT,
            "modified_at": MOMENT,
        },
    ),
    key=("deal_id",),
)
ORDERS = Table(
    "exports_orders",
    "One row per order (or invoice) of a customer. kind: new, renewal, upsell.",
    columns(
        {"order_id": TEXT, "account_id": TEXT, "ordered_on": DAY, "amount": MONEY, "kind": TEXT},
        {"cost": MONEY, "deal_id": TEXT},
    ),
    key=("order_id",),
)
CONTRACTS = Table(
    "exports_contracts",
    "One row per contract of a customer; without ended_on it runs on. ended_on is the first day without it.",
    columns({"contract_id": TEXT, "account_id": TEXT, "started_on": DAY}, {"ended_on": DAY, "monthly_amount": MONEY}),
    key=("contract_id",),
)
SOCIAL_FOLLOWERS = Table(
    "exports_social_followers",
    "One row per day of reading, platform and account: followers on that day.",
    columns({"as_of_on": DAY, "platform": TEXT, "account": TEXT, "followers": COUNT}),
    key=("as_of_on", "platform", "account"),
)
NEWSLETTER_SUBSCRIBERS = Table(
    "exports_newsletter_subscribers",
    "One row per subscriber of a newsletter list; person_id is the pseudonym of the address.",
    columns({"subscriber_id": TEXT, "subscribed_on": DAY}, {"person_id": TEXT, "unsubscribed_on": DAY}),
    key=("subscriber_id",),
)
PAGE_SCROLLS = Table(
    "exports_page_scrolls",
    "One row per day and page of a heat map tool: the mean share of the page's height that sessions scrolled.",
    columns({"date_on": DAY, "page_path": TEXT, "scroll_depth": RATE}, {"page_host": TEXT, "sessions": COUNT}),
    key=("date_on", "page_host", "page_path"),
)
TABLES = (
    CONTACTS,
    FORM_SUBMISSIONS,
    STAGE_CHANGES,
    DEALS,
    DEAL_STAGE_CHANGES,
    MERGES,
    ORDERS,
    CONTRACTS,
    NEWSLETTER_SUBSCRIBERS,
    PAGE_SCROLLS,
    SOCIAL_FOLLOWERS,
)

KINDS = {table.name.removeprefix("exports_"): table for table in TABLES}
"""The kinds of file, by their name in company.yml."""

RULE_COLUMNS = {
    "contacts": ("is_deleted",),
    "deals": ("is_deleted", "is_won", "is_closed", "currency"),
    "orders": ("is_deleted", "currency"),
    "contracts": ("is_deleted", "currency"),
}
"""Columns of ours that decide on a row and are not kept."""

READ_FROM = {
    "landing_host": "landing_page",
    "landing_path": "landing_page",
    "page_host": "page",
    "page_path": "page",
    "submitted_on": "submitted_at",
    "entered_on": "entered_at",
    "person_id": "email",
    "email_domain": "email",
}
"""Columns of a table that are read from a column of another name; every other one is read from its own."""

STAGES = ("lead", "mql", "sql", "deal", "customer", "disqualified")
INVALID_REASONS = ("competitor", "student", "spam", "sales_pitch", "support", "other")
CHOICES = {
    ("contacts", "invalid_reason"): INVALID_REASONS,
    ("form_submissions", "kind"): ("download", "inquiry", "newsletter", "other"),
    ("form_submissions", "invalid_reason"): INVALID_REASONS,
    ("contacts", "stage"): (*STAGES, "none"),
    ("stage_changes", "stage"): STAGES,
    ("deal_stage_changes", "status"): ("open", "won", "lost"),
    ("merges", "object"): ("contact", "deal"),
    ("deals", "status"): ("open", "won", "lost"),
    ("deals", "kind"): ("new", "renewal", "upsell"),
    ("orders", "kind"): ("new", "renewal", "upsell"),
}
"""The columns that hold one of a few values of ours."""
DEFAULTS = {("deals", "kind"): "new", ("orders", "kind"): "new", ("merges", "object"): "contact"}
"""What an empty cell or a column that is not mapped means."""

FIRST_OF = {("contacts", "account_id"), ("deals", "contact_id"), ("deals", "account_id")}
"""Ids of which a tool may write several into one cell, as ``1;2``: the first counts."""

ONE_OF = {
    "form_submissions": (("contact_id", "email"),),
    "newsletter_subscribers": (("subscriber_id", "email"),),
    "deals": (("status", "is_won"),),
}
"""Our columns of which a file must have one."""
MADE_FROM = {
    ("form_submissions", "submission_id"): ("contact_id", "person_id", "submitted_at", "form", "asset"),
    ("newsletter_subscribers", "subscriber_id"): ("person_id",),
}
"""Ids that are made from other columns of the table where the file has none."""

NEEDS = {"deals": {"is_won": ("is_closed", "status")}}
"""Our columns that say nothing without one of others: a deal that is not won may be open or lost."""


def readable(kind: str) -> list[str]:
    """Our columns that company.yml may map for a kind of file."""
    kept = [READ_FROM.get(name, name) for name in KINDS[kind].schema.names]
    return list(dict.fromkeys([*kept, *RULE_COLUMNS.get(kind, ())]))
