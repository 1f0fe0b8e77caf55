"""What is said to a person, in both languages side by side."""

from dataclasses import dataclass
from typing import Literal

Locale = Literal["ja", "en"]


@dataclass(frozen=True)
class Text:
    """The same words in Japanese and in English."""

    ja: str
    en: str

    def of(self, locale: Locale) -> str:
        return self.ja if locale == "ja" else self.en

    def format(self, **values: "object | Text") -> "Text":
        """Both with their {places} filled; a value that is a Text gives each language its own."""
        ja = {name: value.ja if isinstance(value, Text) else value for name, value in values.items()}
        en = {name: value.en if isinstance(value, Text) else value for name, value in values.items()}
        return Text(self.ja.format(**ja), self.en.format(**en))


def same(words: object) -> Text:
    """A name, a number or a message of someone else, which both languages repeat as it is."""
    return Text(str(words), str(words))
