"""What, why, on which basis, from whom, for whom, how long: in the words of the columns that were read."""

from collections.abc import Mapping

from sendigopro.foundation.catalogue import BASES, PURPOSES, RECIPIENTS, RETENTIONS, SOURCES, Annotation
from sendigopro.privacy.package.coverage import HELD, LEFT_OUT
from sendigopro.privacy.package.model import Handling

TRANSFERS = (
    "To deliver a message, the carrier named beside it got your number, the sender and the text. "
    "Nothing else about you was given to anybody but the account you are in touch with. "
    "The countries your messages went to are listed; a carrier may stand in another one: the account can tell you."
)
AUTOMATED_DECISIONS = "None. No decision about you was made by a machine alone, and no profile of you was made."


def handling_of(annotations: Mapping[str, Annotation]) -> list[Handling]:
    """One entry for columns that are treated alike, so that the text is the one of the tables and cannot drift."""
    alike: dict[Annotation, list[str]] = {}
    for column in HELD:
        if column in annotations:
            alike.setdefault(annotations[column], []).append(column)
    return [_told(annotation, columns) for annotation, columns in alike.items()]


def left_out() -> dict[str, str]:
    return dict(LEFT_OUT)


def _told(annotation: Annotation, columns: list[str]) -> Handling:
    return Handling(
        data=list(dict.fromkeys(HELD[column].words for column in columns)),
        columns=columns,
        category=annotation.category,
        purposes=[PURPOSES[word] for word in annotation.purposes],
        basis=BASES[annotation.basis],
        retention=RETENTIONS[annotation.retention],
        source=SOURCES[annotation.source],
        recipients=[RECIPIENTS[word] for word in annotation.recipients],
    )
