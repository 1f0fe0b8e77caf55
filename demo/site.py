"""The company's web site: its pages and articles, and how much each is read and sells."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from demo.draws import Floats, Ints, keys, uniform

HOST = "www.example.co.jp"
ASSETS = ("service-guide", "price-list", "case-studies", "law-checklist", "roi-sheet", "migration-plan")
PAGES = ("/", "/product", "/pricing", "/contact", "/thanks", *(f"/download/{asset}" for asset in ASSETS))
_TITLES = ("トップ", "製品", "料金", "お問い合わせ", "ありがとうございます")
HOME, PRODUCT, PRICING, CONTACT, THANKS, FIRST_DOWNLOAD = range(6)
FIRST_ARTICLE = len(PAGES)

CLUSTERS = (
    ("invoice", "請求書"),
    ("forms", "帳票"),
    ("e-document-law", "電子帳簿保存法"),
    ("invoice-system", "インボイス制度"),
    ("expenses", "経費精算"),
    ("purchase-orders", "発注書"),
    ("delivery-notes", "納品書"),
    ("approval", "ワークフロー"),
    ("paperless", "ペーパーレス"),
    ("accounting-dx", "経理DX"),
)
ANGLES = (
    ("basics", "とは"),
    ("how-to", "書き方"),
    ("template", "テンプレート"),
    ("system-comparison", "システム 比較"),
    ("cost", "費用"),
    ("checklist", "チェックリスト"),
    ("case-study", "事例"),
    ("trouble", "トラブル"),
    ("law-change", "法改正"),
    ("efficiency", "効率化"),
    ("migration", "移行"),
    ("security", "セキュリティ"),
)
_PAGE_TITLES = {
    "basics": "{}とは？基礎からわかりやすく解説",
    "how-to": "{}の書き方を記入例つきで解説",
    "template": "{}の無料テンプレート",
    "system-comparison": "{}システムの比較と選び方",
    "cost": "{}にかかる費用の目安",
    "checklist": "{}のチェックリスト",
    "case-study": "{}の導入事例",
    "trouble": "{}でよくあるトラブルと対処法",
    "law-change": "{}に関わる法改正のまとめ",
    "efficiency": "{}の業務を効率化する方法",
    "migration": "{}システムの移行手順",
    "security": "{}のセキュリティ対策",
}
# Its title is HTML, which a page that shows it must not run.
SCRIPTED, SCRIPTED_TITLE = "/articles/forms-trouble", "帳票の HTML に <script>alert(1)</script> が残っていたら"
RETITLED, FORMER_TITLE = "/articles/invoice-cost", "請求書の料金一覧"
"""The article that the editors gave another title on RETITLED_ON, and what it was called before."""
RETITLED_ON = int(np.datetime64("2026-09-16").astype(np.int64))
# The article that half of Japan reads and nobody buys after, and the one that hardly anyone finds but sells.
PV_HEAVY, QUIET_EARNER = "/articles/invoice-template", "/articles/forms-migration"
# Articles come out on Mondays: the first of them in April 2022, the last in autumn 2026.
FIRST_MONDAY = int(np.datetime64("2022-04-04").astype(np.int64))


@dataclass(frozen=True)
class Site:
    """Pages in the order of their number; the arrays hold one value per article."""

    paths: tuple[str, ...]
    titles: tuple[str, ...]
    page_titles: tuple[str, ...]
    """What the pages call themselves; ``titles`` are what people search for."""
    published: Ints
    """Day of publication (days since 1970-01-01), a Monday."""
    popularity: Floats
    persuasion: Floats
    """How likely a reader becomes a contact, against the mean article."""
    fit: Floats
    """How likely such a contact becomes a deal, against the mean article."""
    scroll: Floats
    """Share of views that reach the end."""
    reading: Floats
    """Median engaged seconds of a view."""


@cache
def site() -> Site:
    """The site, the same for every seed."""
    names = [(f"/articles/{slug}-{angle}", f"{topic} {words}") for slug, topic in CLUSTERS for angle, words in ANGLES]
    paths = [path for path, _ in names]
    page_titles = [_PAGE_TITLES[angle].format(topic) for _, topic in CLUSTERS for angle, _ in ANGLES]
    page_titles[paths.index(SCRIPTED)] = SCRIPTED_TITLE
    number = np.arange(len(names))
    key = keys(0, "article", number, number)
    place = np.argsort(np.argsort(uniform(key, "popularity"))).astype(np.float64)
    popularity = (2.0 + place) ** -0.7 / ((2.0 + place) ** -0.7).sum()
    # Two articles of each topic are there from the first day, so that every topic always has one to read next.
    rank = np.argsort(np.argsort(uniform(key, "published") + 1.0 * (number % len(ANGLES) >= 2)))
    published = FIRST_MONDAY + 7 * np.where(rank < 2 * len(CLUSTERS), 0, (rank - 2 * len(CLUSTERS)) * 236 // 100)
    persuasion = 0.4 + 1.2 * uniform(key, "persuasion")
    fit = 0.5 + uniform(key, "fit")
    heavy, quiet = paths.index(PV_HEAVY), paths.index(QUIET_EARNER)
    popularity[[heavy, quiet]] = 0.16, 0.003
    persuasion[[heavy, quiet]] = 0.03, 9.0
    fit[[heavy, quiet]] = 0.0, 2.2
    published[heavy] = FIRST_MONDAY + 7 * 185
    published[quiet] = FIRST_MONDAY + 7 * 110
    return Site(
        paths=PAGES + tuple(paths),
        titles=(*_TITLES, *(f"資料 {asset}" for asset in ASSETS), *(title for _, title in names)),
        page_titles=(*_TITLES, *(f"資料ダウンロード {asset}" for asset in ASSETS), *page_titles),
        published=published.astype(np.int64),
        popularity=popularity,
        persuasion=persuasion,
        fit=fit,
        scroll=0.105 + 0.32 * uniform(key, "scroll"),
        reading=22.0 + 36.0 * uniform(key, "reading"),
    )


def article_weights(first_week: int, weeks: int) -> Floats:
    """How much each article is found in each week (weeks x articles): a new one takes twelve weeks to be found."""
    pages = site()
    monday = FIRST_MONDAY + 7 * (first_week + np.arange(weeks))
    age = (monday[:, None] - pages.published[None, :]) / 7.0
    return np.where(age < 0, 0.0, np.minimum(1.0, (age + 1.0) / 12.0)) * pages.popularity


def week_number(day: Ints) -> Ints:
    """Weeks since FIRST_MONDAY."""
    return (day - FIRST_MONDAY) // 7
