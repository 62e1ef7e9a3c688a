"""The record of processing activities, GDPR 30(1) and 30(2), made from the live catalogue and the settings."""

from collections.abc import Iterable, Sequence

from sendigopro.foundation import catalogue
from sendigopro.foundation.catalogue import Annotation
from sendigopro.privacy import wording
from sendigopro.privacy.catalogue.measures import MEASURES
from sendigopro.privacy.catalogue.model import Column, coverage, personal
from sendigopro.privacy.catalogue.places import STORES
from sendigopro.settings import Settings

PEOPLE = {
    "controller": ["members: people who work for an account", "people who run the installation"],
    "processor": ["end users: people who are written to by an account, or write to it"],
}
TRANSFERS = {
    "carriers": "A message to a phone in another country goes to a carrier that reaches it, as the account ordered.",
    "account": "An account reads its own data wherever it is.",
}
STORED = "Both databases and the keys stay where the installation runs; it sends nothing elsewhere by itself."


def record_of(columns: Sequence[Column], chosen: Settings) -> dict[str, object]:
    """The whole record; what the operator must still say is null and named under `open`."""
    counted = coverage(columns)
    who = {
        "name": chosen.operator_name or None,
        "address": chosen.operator_address or None,
        "contact": chosen.privacy_contact or None,
        "representative": chosen.representative or None,
        "data_protection_officer": chosen.data_protection_officer or None,
    }
    return {
        "format": "sendigopro-record-of-processing/1",
        "law": "GDPR 30(1) as controller, GDPR 30(2) as processor",
        "controller_and_processor": who,
        "as_controller": {"activities": activities(columns, "controller")},
        "as_processor": {
            "on_behalf_of": "each account of this installation: `sendigopro accounts list` names them",
            "activities": activities(columns, "processor"),
        },
        "transfers": {"stored": STORED, "of_recipients": TRANSFERS, "safeguards": chosen.transfers or None},
        "security_measures": [
            {"title": measure.title, "told": measure.told, "code": list(measure.code)} for measure in MEASURES
        ],
        "coverage": {"annotated": counted.annotated, "columns": counted.columns, "percent": counted.percent},
        "open": unsaid(chosen),
    }


def unsaid(chosen: Settings) -> list[str]:
    """Settings without which the record is not whole. A representative and an officer are not needed by everybody."""
    needed = {
        "SENDIGOPRO_OPERATOR_NAME": chosen.operator_name,
        "SENDIGOPRO_OPERATOR_ADDRESS": chosen.operator_address,
        "SENDIGOPRO_PRIVACY_CONTACT": chosen.privacy_contact,
        "SENDIGOPRO_TRANSFERS": chosen.transfers,
    }
    return [variable for variable, value in needed.items() if not value]


def activities(columns: Sequence[Column], role: str) -> list[dict[str, object]]:
    """One for each purpose that a personal column of this role has."""
    held = [(column, says) for column, says in personal(columns) if says.role == role]
    return [
        activity(purpose, [(column, says) for column, says in held if purpose in says.purposes], role)
        for purpose in catalogue.PURPOSES
        if any(purpose in says.purposes for _, says in held)
    ]


def activity(purpose: str, held: Sequence[tuple[Column, Annotation]], role: str) -> dict[str, object]:
    annotations = [says for _, says in held]
    tables = sorted({column.table_name for column, _ in held})
    recipients = words(catalogue.RECIPIENTS, (word for says in annotations for word in says.recipients))
    return {
        "purpose": purpose,
        "told": catalogue.PURPOSES[purpose],
        "people": PEOPLE[role],
        "data": [
            category(word, annotations) for word in words(catalogue.CATEGORIES, (s.category for s in annotations))
        ],
        "bases": {
            word: f"{wording.BASES[word].lower()}: {catalogue.BASES[word]}"
            for word in words(catalogue.BASES, (s.basis for s in annotations))
        },
        "recipients": {word: catalogue.RECIPIENTS[word] for word in recipients if word != "nobody"},
        "sources": {
            word: catalogue.SOURCES[word] for word in words(catalogue.SOURCES, (s.source for s in annotations))
        },
        "stores": [store.title for store in STORES if not set(store.tables).isdisjoint(tables)],
        "tables": tables,
    }


def category(word: str, annotations: Iterable[Annotation]) -> dict[str, object]:
    """A category with its time limits: they belong to data, not to a purpose."""
    terms = words(catalogue.RETENTIONS, (says.retention for says in annotations if says.category == word))
    return {"category": word, "told": wording.DATA[word], "time_limits": {t: catalogue.RETENTIONS[t] for t in terms}}


def words(vocabulary: Iterable[str], said: Iterable[str]) -> list[str]:
    """What was said, once each, in the order of the vocabulary."""
    found = set(said)
    return [word for word in vocabulary if word in found]
