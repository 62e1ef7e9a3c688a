"""The published text: what a version's body looks like, and what changed from one to the next."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from sendigopro.privacy.notice import Notice, anchor_of

WORDS = re.compile(r"\s+|\S+")


@dataclass(frozen=True, slots=True)
class Passage:
    """A clause as it was published."""

    id: str
    title: str
    text: str
    plain: str

    @property
    def anchor(self) -> str:
        """Its place on a page."""
        return anchor_of(self.id)


@dataclass(frozen=True, slots=True)
class Section:
    """A section as it was published."""

    number: int
    title: str
    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One passage that is not as it was. `runs` are pieces of text: "same", "old" or "new"."""

    id: str
    title: str
    kind: str
    runs: tuple[tuple[str, str], ...]


class BodyError(ValueError):
    """A body that is none."""


def write(notice: Notice) -> str:
    """The body that would be published now: headings, text, and the plain sentence behind a >."""
    lines = []
    for number, title in notice.sections.items():
        lines += [f"# {number} {title}", ""]
        for clause in notice.clauses:
            if clause.section == number:
                lines += [f"## {clause.id} {clause.title}", "", clause.text, "", f"> {clause.plain}", ""]
    return "\n".join(lines)


def read(body: str) -> list[Section]:
    """Take a body apart again."""
    sections: list[Section] = []
    for block in re.split(r"^# ", body, flags=re.MULTILINE)[1:]:
        heading, *parts = re.split(r"^## ", block, flags=re.MULTILINE)
        number, _, title = heading.strip().partition(" ")
        sections.append(Section(int(number), title, tuple(passage_of(part) for part in parts)))
    return sections


def passage_of(part: str) -> Passage:
    lines = [line for line in part.splitlines() if line]
    if len(lines) != 3 or not lines[2].startswith("> "):  # noqa: PLR2004  # heading, text, plain
        raise BodyError(f"This passage is not a heading, a text and a plain sentence: {lines[0][:80]}")
    clause_id, _, title = lines[0].partition(" ")
    return Passage(clause_id, title, lines[1], lines[2].removeprefix("> "))


def compare(before: Sequence[Section], after: Sequence[Section]) -> list[Change]:
    """What was taken out, put in and said otherwise, in the order of the newer one."""
    old = {passage.id: passage for section in before for passage in section.passages}
    new = {passage.id: passage for section in after for passage in section.passages}
    changes = []
    for passage in new.values():
        known = old.get(passage.id)
        if known is None:
            changes.append(Change(passage.id, passage.title, "added", (("new", told(passage)),)))
        elif known != passage:
            changes.append(Change(passage.id, passage.title, "changed", runs(told(known), told(passage))))
    changes += [
        Change(passage.id, passage.title, "removed", (("old", told(passage)),))
        for passage in old.values()
        if passage.id not in new
    ]
    return changes


def told(passage: Passage) -> str:
    return f"{passage.title}. {passage.text} ({passage.plain})"


def runs(before: str, after: str) -> tuple[tuple[str, str], ...]:
    """Words that stayed, went and came; changed words with nothing but a space between them are one change."""
    old, new = WORDS.findall(before), WORDS.findall(after)
    found: list[tuple[str, str]] = []
    went, came = "", ""
    for tag, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        kept = "".join(new[c:d]) if tag == "equal" else ""
        if kept and (kept.strip() or not (went or came)):
            found += [("old", went)] if went else []
            found += [("new", came)] if came else []
            found.append(("same", kept))
            went, came = "", ""
        else:
            went += "".join(old[a:b])
            came += "".join(new[c:d])
    found += [("old", went)] if went else []
    found += [("new", came)] if came else []
    return tuple(found)
