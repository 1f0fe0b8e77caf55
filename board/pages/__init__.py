"""The pages, in the order of the navigation. A new one is a module here with its query file and template beside it."""

from board.pages import articles, data, funnel, kpi, scorecard, today, tree

PAGES = {
    page.name: page for page in (today.PAGE, tree.PAGE, scorecard.PAGE, funnel.PAGE, articles.PAGE, data.PAGE, kpi.PAGE)
}
LISTED = [page for page in PAGES.values() if page.is_listed]
