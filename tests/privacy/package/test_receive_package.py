"""A package put into a second instance comes out of it equal, and a bad one is refused by name."""

import io
import json
import zipfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from sendigopro.consent import store as consent
from sendigopro.foundation import clock, ids
from sendigopro.foundation.phones import parse_phone
from sendigopro.messages.model import Status
from sendigopro.privacy.package.check import BadPackageError, Package
from sendigopro.privacy.package.receive import Places, Received, receive_package
from tests.messages.house import House
from tests.privacy.package.letters import ANNA, BERT, correspond
from tests.privacy.package.unpacked import Unpacked, fetched, packed, sources_of, subject_of, unpack

DAY = timedelta(days=1)
Change = Callable[[dict[str, bytes]], None]


@asynccontextmanager
async def places_of(house: House) -> AsyncIterator[Places]:
    main, vault = await house.databases.main("owner"), await house.databases.vault("owner")
    yield Places(sources_of(house), main, vault)


async def take_in(house: House, archive: bytes, folder: Path) -> Received:
    path = folder / "arrived.zip"
    path.write_bytes(archive)
    async with places_of(house) as places:
        return await receive_package(places, path, account_id=house.account_id)


async def written(house: House, exports: Path) -> tuple[list[str], bytes]:
    """Ids of messages to and from Anna, one of them still waiting; and her package."""
    await house.start_worker()
    sent = await correspond(house, ANNA, times=3)
    await correspond(house, BERT, times=1)
    for one in sent:
        await house.until(one.id, Status.DELIVERED, Status.RECEIVED)
    later = await house.send(to=ANNA, body="tomorrow", send_at=clock.now().replace(microsecond=0) + DAY)
    mac = house.vault.suppression_mac(house.account_id, parse_phone(ANNA).phone)
    async with house.runtime.main.acquire() as conn:
        await consent.set_standing(conn, account_id=house.account_id, macs=[mac], state="opted_out")
    subject_id, mode = await subject_of(house, sent[0].id)
    built = await packed(house, exports, subject_id, mode=mode)
    return [*(one.id for one in sent), later.id], await fetched(house, exports, built)


async def test_a_package_imported_elsewhere_is_equal_when_made_there_again(
    house: House, elsewhere: House, exports: Path, tmp_path: Path
) -> None:
    message_ids, archive = await written(house, exports)

    received = await take_in(elsewhere, archive, tmp_path)
    again = await take_in(elsewhere, archive, tmp_path)
    built = await packed(elsewhere, exports, received.subject_id, mode=received.mode)

    here, there = unpack(archive), unpack(await fetched(elsewhere, exports, built))
    assert (received.stored, received.known) == (len(message_ids), 0)
    assert (again.stored, again.known) == (0, len(message_ids))
    assert there.manifest["content_sha256"] == here.manifest["content_sha256"]
    assert there.messages == here.messages
    assert there.data == here.data
    for name in ("messages.jsonl", "messages.csv", "statuses.csv"):
        assert there.files[name] == here.files[name]
    assert there.manifest["account"] != here.manifest["account"]
    assert there.manifest["subject"] != here.manifest["subject"]


async def test_what_is_imported_is_never_sent_charged_or_told(
    house: House, elsewhere: House, exports: Path, tmp_path: Path
) -> None:
    """What had not left the first instance does not leave the second one, and does not look as if it could."""
    message_ids, archive = await written(house, exports)
    tables = ("chunks", "waiting", "events", "outbox", "tallies", "ledger_entries", "awaited_receipts")
    before = [await counted(elsewhere, table) for table in tables]

    received = await take_in(elsewhere, archive, tmp_path)

    assert [await counted(elsewhere, table) for table in tables] == before
    seen = await elsewhere.see(message_ids[-1])
    assert (seen.status, seen.price_micros, seen.body) == (Status.CANCELED, 0, "tomorrow")
    mac = elsewhere.vault.suppression_mac(elsewhere.account_id, parse_phone(ANNA).phone)
    async with elsewhere.runtime.main.acquire() as conn:
        standing = await consent.standing_of(conn, account_id=elsewhere.account_id, macs=[mac])
    assert standing == {mac: "opted_out"}
    assert received.stored == len(message_ids)


async def counted(house: House, table: str) -> int:
    ((count,),) = await house.fetch(f"SELECT count(*) FROM main.{table}")  # noqa: S608  # one of ours
    return int(count)


async def test_a_person_who_was_forgotten_is_not_brought_back(
    house: House, elsewhere: House, exports: Path, tmp_path: Path
) -> None:
    _, archive = await written(house, exports)
    await elsewhere.vault.load_account(elsewhere.account_id)
    mac = elsewhere.vault.suppression_mac(elsewhere.account_id, parse_phone(ANNA).phone)
    async with elsewhere.runtime.main.acquire() as conn:
        await consent.set_standing(conn, account_id=elsewhere.account_id, macs=[mac], state="erased")

    with pytest.raises(BadPackageError, match="nothing of them is brought back"):
        await take_in(elsewhere, archive, tmp_path)

    assert await counted(elsewhere, "messages") == 0


def drop(name: str) -> Change:
    def change(files: dict[str, bytes]) -> None:
        del files[name]

    return change


def replace(name: str, old: bytes, new: bytes, *, honest: bool = True) -> Change:
    """Change a file; `honest`: its fingerprint too, as somebody would who knows how."""

    def change(files: dict[str, bytes]) -> None:
        assert old in files[name]
        files[name] = files[name].replace(old, new, 1)
        if honest and name != "manifest.json":
            sign(files, name)

    return change


def add(name: str, content: bytes, *, honest: bool = True) -> Change:
    def change(files: dict[str, bytes]) -> None:
        files[name] = content
        if honest:
            sign(files, name)

    return change


def sign(files: dict[str, bytes], name: str) -> None:
    """Put a file's fingerprint into the manifest."""
    manifest: dict[str, Any] = json.loads(files["manifest.json"])
    entry = {"name": name, "bytes": len(files[name]), "sha256": sha256(files[name]).hexdigest()}
    manifest["files"] = [one for one in manifest["files"] if one["name"] != name] + [entry]
    files["manifest.json"] = json.dumps(manifest).encode()


BAD: list[tuple[str, Change, str]] = [
    ("a changed byte", replace("messages.jsonl", b"tomorrow", b"yestrday", honest=False), "messages.jsonl is not what"),
    ("a changed byte with its fingerprint", replace("messages.jsonl", b"tomorrow", b"yestrday"), "do not add up"),
    ("a changed page", replace("index.html", b"</html>", b"</htm1>", honest=False), "index.html is not what"),
    ("another person's number", replace("data.json", ANNA.encode(), BERT.encode()), "do not add up"),
    ("a missing file", drop("messages.csv"), "messages.csv is missing"),
    ("no manifest", drop("manifest.json"), "manifest.json is missing"),
    ("no data", drop("data.json"), "data.json is missing"),
    ("a file too many", add("extra.csv", b"a,b\r\n", honest=False), "extra.csv is in the package and not"),
    ("an unknown version", replace("manifest.json", b'"version": 1', b'"version": 2'), "version 2.*Update it"),
    ("another format", replace("manifest.json", b"sendigopro-person", b"somebody-else"), "somebody-else"),
    ("a way out of the folder", add("../../evil.json", b"{}", honest=False), r"\.\./\.\./evil.json"),
    ("an absolute path", add("/etc/evil.json", b"{}", honest=False), "/etc/evil.json"),
    ("a formula", add("more.csv", b'a,"=HYPERLINK(""http://x"")"\r\n'), "more.csv, row 1 has a cell"),
    ("a bomb", add("bomb.html", bytes(50_000_000)), "bomb.html would unpack to 50,000,000 bytes"),
    ("an unknown field", replace("data.json", b'"terms"', b'"x": 1, "terms"'), "data.json is not of this format"),
    ("an unknown status", replace("messages.jsonl", b'"status":"delivered","at"', b'"status":"eaten","at"'), "status"),
    ("a cut line", replace("messages.jsonl", b"}\n", b"}"), "messages.jsonl"),
    ("no JSON at all", add("data.json", b"\xff\xfe"), "data.json is not of this format"),
]


@pytest.fixture
async def good(house: House, exports: Path) -> Unpacked:
    return unpack((await written(house, exports))[1])


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


async def test_a_bad_package_is_refused_with_the_name_of_the_file_and_nothing_is_stored(
    good: Unpacked, elsewhere: House, tmp_path: Path
) -> None:
    for case, change, told in BAD:
        files = dict(good.files)
        change(files)
        with pytest.raises(BadPackageError, match=told) as refused:
            await take_in(elsewhere, zipped(files), tmp_path)
        assert str(refused.value).rstrip().endswith("."), case

    assert await counted(elsewhere, "messages") == 0
    assert (await take_in(elsewhere, zipped(dict(good.files)), tmp_path)).stored > 0  # the cases did it, nothing else


async def test_what_is_no_zip_or_was_cut_off_is_refused(good: Unpacked, tmp_path: Path) -> None:
    whole = zipped(dict(good.files))
    for content in (b"", b"PK", whole[: len(whole) // 2], whole[:-10]):
        path = tmp_path / "cut.zip"
        path.write_bytes(content)
        with pytest.raises(BadPackageError, match="not a whole ZIP"):
            Package(path)
    with pytest.raises(BadPackageError, match="There is no file"):
        Package(tmp_path / "nowhere.zip")


async def test_a_flipped_bit_is_found_or_changes_nothing_that_is_read(good: Unpacked, tmp_path: Path) -> None:
    """By the ZIP's own sum or by the fingerprint; a date of the ZIP's, or bits that fill up a byte, say nothing."""
    whole = zipped(dict(good.files))
    path = tmp_path / "flipped.zip"
    end, refused = whole.rindex(b"manifest.json"), 0
    for at in range(60, end, max(1, end // 40)):
        flipped = bytearray(whole)
        flipped[at] ^= 0x10
        path.write_bytes(flipped)
        try:
            with Package(path) as package:
                package.check()
        except BadPackageError:
            refused += 1
        else:
            assert unpack(bytes(flipped)) == good
    assert refused > 30


async def test_a_message_of_somebody_else_is_not_taken_over(good: Unpacked, elsewhere: House, tmp_path: Path) -> None:
    """Ids come from a stranger's file: one that the account has for another person stops the import."""
    await take_in(elsewhere, zipped(dict(good.files)), tmp_path)
    stranger = await elsewhere.send(to=BERT)
    subject_id, _ = await subject_of(elsewhere, stranger.id)
    first = good.messages[0]["id"]
    async with elsewhere.owner() as owner:
        await owner.execute(
            "UPDATE main.messages SET subject_id = $1 WHERE id = $2", subject_id, ids.parse("msg", first)
        )

    with pytest.raises(BadPackageError, match="of somebody else"):
        await take_in(elsewhere, zipped(dict(good.files)), tmp_path)
