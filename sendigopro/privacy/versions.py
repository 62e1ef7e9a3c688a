"""Published versions of the notice: an append-only list of files, and the rules for the next one."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml

from sendigopro.foundation import clock
from sendigopro.foundation.catalogue import Annotation
from sendigopro.foundation.operator_errors import OperatorError
from sendigopro.foundation.postgres import Conn
from sendigopro.privacy import body, notice, notice_store

FOLDER = Path(__file__).with_name("notices")
LIST = "versions.yaml"
# GDPR 13(3) asks for word beforehand, without a number; a month is what we promise in clause 13.2.
NOTICE_DAYS = 30
# CCPA 1798.130(a)(5): at least once every 12 months.
REVIEW_DAYS_MAX = 365


class ChangeClass(StrEnum):
    """How much a version changes for people, from little to most."""

    EDITORIAL = "editorial"
    MATERIAL = "material"
    NEW_PURPOSE = "new_purpose"


CLASSES = list(ChangeClass)


class VersionError(OperatorError):
    """A version cannot be published, or was tampered with; the text says which, and what to do."""


@dataclass(frozen=True, slots=True)
class Cover:
    """The words of the catalogue that a version tells people about."""

    purposes: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Version:
    """One published version."""

    number: int
    published_at: datetime
    effective_at: datetime
    sha256: str
    change_class: ChangeClass
    difference: str
    covers: Cover
    body: str


@dataclass(frozen=True, slots=True)
class Published:
    """The whole list."""

    versions: tuple[Version, ...]
    reviewed: tuple[date, ...]

    @property
    def newest(self) -> Version | None:
        return self.versions[-1] if self.versions else None


def file_name(number: int) -> str:
    return f"{number:04}.md"


def read(folder: Path = FOLDER) -> Published:
    """Every version with its text; one whose bytes are not those that were published is refused."""
    path = folder / LIST
    document: Mapping[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}
    versions = []
    for number, entry in enumerate(document.get("versions", ()), 1):
        if entry["number"] != number:
            raise VersionError(f"{LIST}: version {entry['number']} stands at place {number}: only append to the list.")
        raw = (folder / file_name(number)).read_bytes()
        if hashlib.sha256(raw).hexdigest() != entry["sha256"]:
            raise VersionError(f"{file_name(number)} was edited after it was published. Undo that; publish a new one.")
        covers = Cover(**{name: tuple(words) for name, words in entry["covers"].items()})
        known = {**entry, "change_class": ChangeClass(entry["change_class"]), "covers": covers}
        versions.append(Version(**known, body=raw.decode()))
    return Published(tuple(versions), tuple(document.get("reviewed", ())))


def cover_of(annotations: Sequence[Annotation]) -> Cover:
    """The words in use: a column without a legal basis holds nothing about anybody, and is not told of."""
    told = [one for one in annotations if one.basis != "none"]
    return Cover(
        purposes=tuple(sorted({word for one in told for word in one.purposes})),
        categories=tuple(sorted({one.category for one in told})),
        bases=tuple(sorted({one.basis for one in told})),
        recipients=tuple(sorted({word for one in told for word in one.recipients})),
    )


def together(one: Cover, other: Cover) -> Cover:
    """Whatever either names: what people were told once is not taken back by silence."""
    theirs = asdict(other)
    return Cover(**{name: tuple(sorted({*words, *theirs[name]})) for name, words in asdict(one).items()})


def gaps(used: Cover, covered: Cover) -> dict[str, tuple[str, ...]]:
    """Words in use that a version does not name."""
    theirs = asdict(covered)
    found = {name: tuple(word for word in words if word not in theirs[name]) for name, words in asdict(used).items()}
    return {name: words for name, words in found.items() if words}


def listed(found: Mapping[str, Sequence[str]]) -> str:
    return "; ".join(f"{name} {', '.join(words)}" for name, words in found.items())


def least_class(before: Cover, after: Cover) -> ChangeClass:
    """What a version must at least be called that tells of these words after those."""
    new = gaps(after, before)
    if "purposes" in new or "categories" in new:
        return ChangeClass.NEW_PURPOSE
    return ChangeClass.MATERIAL if new else ChangeClass.EDITORIAL


def check_class(before: Version | None, after: Version) -> None:
    """Refuse a version that calls itself less than it is, or comes into force too soon."""
    if before is None:
        return  # nobody was promised anything else before
    least = least_class(before.covers, after.covers)
    if CLASSES.index(after.change_class) < CLASSES.index(least):
        new = gaps(after.covers, before.covers)
        raise VersionError(f"Version {after.number} tells of new {listed(new)}: publish it as --change {least}.")
    earliest = after.published_at + timedelta(days=NOTICE_DAYS)
    if after.change_class is not ChangeClass.EDITORIAL and after.effective_at < earliest:
        raise VersionError(f"Version {after.number} is {after.change_class}: it takes effect on {earliest:%Y-%m-%d}.")


def publish(folder: Path, *, change_class: ChangeClass, difference: str, covers: Cover) -> Version:
    """Write the texts of today down as the next version. Its date is that of this moment, or a month later."""
    before = read(folder)
    now = clock.now().replace(microsecond=0)
    waits = before.newest is not None and change_class is not ChangeClass.EDITORIAL
    text = body.write(notice.read())
    version = Version(
        number=len(before.versions) + 1,
        published_at=now,
        effective_at=now + timedelta(days=NOTICE_DAYS) if waits else now,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        change_class=change_class,
        difference=difference,
        covers=covers,
        body=text,
    )
    check_class(before.newest, version)
    folder.mkdir(exist_ok=True)
    (folder / file_name(version.number)).write_text(text, encoding="utf-8")
    write_list(folder, [*before.versions, version], [*before.reviewed, now.date()])
    return version


def review(folder: Path, day: date) -> None:
    """Note that somebody read the notice and found it true."""
    before = read(folder)
    write_list(folder, before.versions, [*before.reviewed, day])


def write_list(folder: Path, versions: Sequence[Version], reviewed: Sequence[date]) -> None:
    entries = []
    for version in versions:
        entry = {name: value for name, value in asdict(version).items() if name != "body"}
        entry["change_class"] = str(version.change_class)
        entry["covers"] = {name: list(words) for name, words in asdict(version.covers).items()}
        entries.append(entry)
    head = "# Published versions of the notice. Only ever appended to, by `sendigopro notice publish|review`.\n"
    text = yaml.safe_dump(
        {"reviewed": [*reviewed], "versions": entries}, sort_keys=False, allow_unicode=True, width=110
    )
    (folder / LIST).write_text(head + text, encoding="utf-8")


def review_fault(published: Published, today: date) -> str:
    """What is wrong with the last review; empty when it is younger than a year."""
    last = max(published.reviewed, default=None)
    if last is not None and (today - last).days <= REVIEW_DAYS_MAX:
        return ""
    told = f"was last reviewed on {last}" if last else "was never reviewed"
    return f"The notice {told}: read it, publish what has changed, or run `sendigopro notice review`."


def cover_fault(used: Cover, published: Published) -> str:
    """What is kept or done that no version in the list tells of; empty when there is nothing."""
    missing = gaps(used, published.newest.covers if published.newest else Cover())
    if not missing:
        return ""
    least = least_class(published.newest.covers if published.newest else Cover(), used)
    return (
        f"The notice does not name what columns now say ({listed(missing)}): describe it in privacy/notice.yaml, "
        f"then run `sendigopro notice publish --change {least} --difference '…'`."
    )


async def enter_missing(conn: Conn, published: Published | None = None) -> list[int]:
    """Bring the versions into the database, as `owner`; one that stands there with other words stops everything."""
    known = await notice_store.read_hashes(conn)
    entered = []
    for version in (published or read()).versions:
        digest = bytes.fromhex(version.sha256)
        if version.number not in known:
            await notice_store.insert_version(
                conn,
                version.number,
                published_at=version.published_at,
                effective_at=version.effective_at,
                sha256=digest,
                body=version.body,
                difference=version.difference,
                change_class=str(version.change_class),
            )
            entered.append(version.number)
        elif known[version.number] != digest:
            raise VersionError(
                f"Version {version.number} of the notice was published here with other words: "
                "restore its file, and publish the new words as a version of their own."
            )
    return entered
