"""The one error a connector raises for what a person can mend."""


class SourceError(Exception):
    """Something in a source or in the company folder is wrong, and a person can mend it.

    ``where`` names the file and entry (``company.yml: sources.ga4.property_id``,
    ``exports/deals.csv line 17 column 金額``), ``problem`` says what is wrong and ``remedy`` what to do.
    None of them may hold a secret or a person's data.
    """

    def __init__(self, where: str, problem: str, remedy: str) -> None:
        self.where, self.problem, self.remedy = where, problem, remedy
        super().__init__(f"{where}: {problem}\n  -> {remedy}")


class OutOfQuota(SourceError):
    """The source's quota is at its reserve: what was loaded stays, and a later night goes on from there."""
