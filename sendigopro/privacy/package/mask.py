"""Other people's numbers and addresses in what the account wrote beside a message: covered, the person's own left."""

import re

from sendigopro.foundation.personal import Phone

# A number that says so itself, by + or 00: order numbers and amounts are left alone.
_PHONE = re.compile(r"(?<![\w+])(?:\+|00)(?:[\s().-]?\d){8,15}(?!\d)")
_MAIL = re.compile(r"[\w.+-]+@(?=[\w-]+\.[\w.-]+)")
_NO_DIGIT = re.compile(r"\D")
SHOWN_DIGITS = 2
COVER = "…"


def may_hold_others(packed: bytes) -> bool:
    """Whether any text among these bytes (UTF-8, whatever stands between) can have something to cover: hardly ever."""
    text = packed.decode("latin-1")  # looking into a text is several times cheaper than looking into bytes
    return "+" in text or "00" in text or "@" in text


class Mask:
    """For tags and metadata, which the person never saw; what they wrote or received themselves is theirs whole."""

    def __init__(self, own: Phone) -> None:
        self._own = _NO_DIGIT.sub("", own.reveal())

    def text(self, text: str) -> str:
        """Covered twice is covered once: a package of an imported package says the same."""
        if "+" not in text and "00" not in text and "@" not in text:  # nearly always
            return text
        return _MAIL.sub(f"{COVER}@", _PHONE.sub(self._cover, text))

    def words(self, metadata: dict[str, str]) -> dict[str, str]:
        """Both sides: an account may have put anything into either."""
        return {self.text(key): self.text(value) for key, value in metadata.items()}

    def _cover(self, found: re.Match[str]) -> str:
        digits = _NO_DIGIT.sub("", found[0])
        if digits.removeprefix("00") == self._own:
            return found[0]
        return COVER + digits[-SHOWN_DIGITS:]
