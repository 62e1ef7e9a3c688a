"""The tables of the public notice: what is held of whom, why, on what basis, how long, and who else sees it."""

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

from sendigopro.foundation import catalogue
from sendigopro.privacy import wording
from sendigopro.privacy.catalogue.model import Column, personal

HEADINGS = ("What", "Why", "Legal basis", "How long", "Who else sees it", "Where it comes from")


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """One line of the tables; its words are those of the catalogue, in the order of its vocabulary."""

    role: str
    category: str
    basis: str
    retention: str
    purposes: tuple[str, ...]
    recipients: tuple[str, ...]
    sources: tuple[str, ...]

    @property
    def cells(self) -> tuple[str, ...]:
        """What people read, under `HEADINGS`."""
        return (
            wording.DATA[self.category],
            listed(wording.PURPOSES[word] for word in self.purposes),
            wording.BASES[self.basis],
            wording.PERIODS[self.retention],
            listed(wording.RECIPIENTS[word] for word in self.recipients if word != "nobody") or "nobody",
            listed(wording.SOURCES[word] for word in self.sources),
        )


def notice_tables(columns: Sequence[Column]) -> list[NoticeRow]:
    """One row for each role, category, basis and retention of a personal column; what differs otherwise is joined."""
    groups: dict[tuple[str, str, str, str], list[catalogue.Annotation]] = {}
    for _, says in personal(columns):
        groups.setdefault((says.role, says.category, says.basis, says.retention), []).append(says)
    rows = [
        NoticeRow(
            *key,
            purposes=in_order(catalogue.PURPOSES, (word for says in group for word in says.purposes)),
            recipients=in_order(catalogue.RECIPIENTS, (word for says in group for word in says.recipients)),
            sources=in_order(catalogue.SOURCES, (says.source for says in group)),
        )
        for key, group in groups.items()
    ]
    return sorted(rows, key=place)


def place(row: NoticeRow) -> tuple[int, ...]:
    """The vocabulary's own order, which is the same everywhere."""
    return (
        [*catalogue.ROLES].index(row.role),
        [*catalogue.CATEGORIES].index(row.category),
        [*catalogue.BASES].index(row.basis),
        [*catalogue.RETENTIONS].index(row.retention),
    )


def in_order(vocabulary: Iterable[str], words: Iterable[str]) -> tuple[str, ...]:
    said = set(words)
    return tuple(word for word in vocabulary if word in said)


def listed(words: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(words))


def as_data(rows: Sequence[NoticeRow]) -> list[dict[str, object]]:
    return [{known.name: getattr(row, known.name) for known in fields(row)} for row in rows]


def as_markdown(rows: Sequence[NoticeRow]) -> str:
    """One table for each role."""
    parts = []
    for role, (people, told) in wording.ROLES.items():
        lines = ["| " + " | ".join(row.cells) + " |" for row in rows if row.role == role]
        head = ["| " + " | ".join(HEADINGS) + " |", "|" + " --- |" * len(HEADINGS)]
        parts.append("\n".join([f"## {people}", "", told, "", *head, *lines]))
    return "\n\n".join(parts) + "\n"


def as_html(rows: Sequence[NoticeRow]) -> str:
    """A piece of a page, without looks: each table has a caption, each cell its heading's scope."""
    return "\n".join(html_table(role, [row for row in rows if row.role == role]) for role in wording.ROLES)


def html_table(role: str, rows: Sequence[NoticeRow]) -> str:
    people, told = wording.ROLES[role]
    head = "".join(f'<th scope="col">{heading}</th>' for heading in HEADINGS)
    body = "\n".join(
        f'<tr><th scope="row">{html.escape(row.cells[0])}</th>'
        + "".join(f"<td>{html.escape(cell)}</td>" for cell in row.cells[1:])
        + "</tr>"
        for row in rows
    )
    caption = f"<caption><strong>{html.escape(people)}.</strong> {html.escape(told)}</caption>"
    inside = f"{caption}\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>"
    return f'<table class="held" data-role="{role}">{inside}</table>'
