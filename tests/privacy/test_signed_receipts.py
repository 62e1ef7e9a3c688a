"""A receipt is believed as it was signed, by us and by a script of nothing of ours; with one bit changed, by nobody."""

import asyncio
import json
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner, Result

from sendigopro.commands.main import app
from sendigopro.foundation import clock
from sendigopro.privacy.backups import backups_that_open
from sendigopro.privacy.receipts import ReceiptError, pem_of, raw_of, read_public, sign, verify
from sendigopro.vault.keepers.file import FileKeeper
from sendigopro.vault.snapshots import take_snapshot
from sendigopro.vault.tree import KeyTree
from tests.privacy.conftest import ANNA, Office, decoded

SCRIPT = Path(__file__).parents[2] / "docs" / "verify_receipt.py"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
RECEIPT = {"request_id": "prq_1", "destroyed": [{"store": "keys", "at": "2026-11-23T12:00:00Z"}], "n": 1, "who": "Zoë"}
DOCUMENT = sign(KEY.private_bytes_raw(), RECEIPT)


def test_what_was_signed_is_verified_and_signing_again_gives_the_same_bytes() -> None:
    assert verify(DOCUMENT, KEY.public_key()) == RECEIPT
    assert sign(KEY.private_bytes_raw(), dict(reversed(RECEIPT.items()))) == DOCUMENT


def test_every_single_flipped_bit_is_refused() -> None:
    believed = []
    for at in range(len(DOCUMENT)):
        for bit in range(8):
            harmed = DOCUMENT[:at] + bytes([DOCUMENT[at] ^ 1 << bit]) + DOCUMENT[at + 1 :]
            try:
                verify(harmed, KEY.public_key())
            except ReceiptError:
                continue
            believed.append((at, bit))

    assert believed == []


@pytest.mark.parametrize(
    "harmed",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff\xfe",
        DOCUMENT[:-1],
        DOCUMENT[:40],
        DOCUMENT + b"\n",
        b" " + DOCUMENT,
        json.dumps(json.loads(DOCUMENT), indent=1).encode(),
        DOCUMENT.replace(b'"n":1', b'"n":1,"n":1'),
        DOCUMENT.replace(b"\\u00eb", "ë".encode()),
        b"[" * 100_000,
    ],
)
def test_what_is_spelt_otherwise_is_refused(harmed: bytes) -> None:
    with pytest.raises(ReceiptError, match=r"^REFUSED"):
        verify(harmed, KEY.public_key())


def test_a_receipt_of_another_installation_is_refused() -> None:
    with pytest.raises(ReceiptError, match="another key"):
        verify(DOCUMENT, Ed25519PrivateKey.generate().public_key())


async def fetched(office: Office, folder: Path) -> tuple[Path, Path]:
    """A receipt and the key as a customer saves them."""
    await office.house.send(to=ANNA)
    made = await office.asked("erase")
    await office.finish()
    receipt, key = folder / "receipt.json", folder / "public.pem"
    receipt.write_bytes((await office.get(made["id"], "/receipt")).body)
    key.write_text(decoded(await office.site.ask("GET", "/v1/privacy/receipt-key"))["public_key"])
    return receipt, key


async def run_script(*paths: Path) -> tuple[int | None, str]:
    """In a folder and an environment where nothing of ours can be imported."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", str(SCRIPT), *map(str, paths), stdout=asyncio.subprocess.PIPE, cwd="/", env={}
    )
    async with asyncio.timeout(30):
        output, _ = await process.communicate()
    return process.returncode, output.decode().strip()


def say(*words: str) -> Result:
    return CliRunner().invoke(app, words)


async def test_a_receipt_is_verified_by_the_command_and_by_a_script_that_imports_nothing_of_ours(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt, key = await fetched(office, tmp_path)
    monkeypatch.setenv("SENDIGOPRO_DATA_DIR", str(tmp_path / "no instance"))

    genuine = say("receipt", "verify", str(receipt), "--key", str(key))
    script = await run_script(receipt, key)
    document = receipt.read_bytes()
    harmed = tmp_path / "harmed.json"
    harmed.write_bytes(document.replace(b'"mode":"test"', b'"mode":"live"'))
    refused, refused_by_script = say("receipt", "verify", str(harmed), "--key", str(key)), await run_script(harmed, key)

    assert genuine.exit_code == 0, genuine.output
    assert genuine.output.startswith("GENUINE: prq_")
    assert script == (0, "GENUINE")
    assert (refused.exit_code, "REFUSED" in refused.stderr) == (1, True)
    assert refused_by_script == (1, "REFUSED: the signature does not fit")
    assert "sendigopro" not in "".join(line for line in SCRIPT.read_text().splitlines() if "import" in line)
    assert len(SCRIPT.read_text().splitlines()) <= 40


async def test_every_way_of_changing_a_receipt_is_refused_by_the_script_too(tmp_path: Path) -> None:
    key = tmp_path / "public.pem"
    key.write_text(pem_of(raw_of(KEY.public_key())))
    receipt = tmp_path / "receipt.json"
    places = [*range(0, len(DOCUMENT), 23), len(DOCUMENT) - 1]
    said = []
    for at in places:
        receipt.write_bytes(DOCUMENT[:at] + bytes([DOCUMENT[at] ^ 0x20]) + DOCUMENT[at + 1 :])
        said.append(await run_script(receipt, key))
    receipt.write_bytes(DOCUMENT)

    assert {code for code, _ in said} == {1}
    assert all(told.startswith("REFUSED") for _, told in said)
    assert await run_script(receipt, key) == (0, "GENUINE")


def test_what_cannot_be_read_is_said_in_one_line(tmp_path: Path) -> None:
    key = tmp_path / "public.pem"
    key.write_text("no key")
    missing = say("receipt", "verify", str(tmp_path / "x.json"), "--key", str(tmp_path / "y.pem"))
    wrong = say("receipt", "verify", str(key), "--key", str(key))

    assert (missing.exit_code, wrong.exit_code) == (1, 1)
    assert "cannot be read: No such file" in missing.stderr
    assert "not a public Ed25519 key" in wrong.stderr
    with pytest.raises(ReceiptError):
        read_public(b"")


async def test_a_receipt_says_what_was_destroyed_what_is_kept_and_who_else_may_hold_it(office: Office) -> None:
    """Every carrier with its term, the account's own endpoints, the level of backups; no number and no count."""
    owner = await office.site.databases.main("owner")
    await owner.execute("UPDATE main.carriers SET keeps_days = 30")
    await office.house.send(to=ANNA)
    made = await office.asked("erase")
    await office.finish()
    receipt = decoded(await office.get(made["id"], "/receipt"))["receipt"]

    completed = datetime.fromisoformat(receipt["completed_at"])
    assert {one["store"] for one in receipt["destroyed"]} == {
        "keys", "queue", "bodies", "idempotency", "webhooks", "rows", "subjects", "caches", "exports", "reports",
    }  # fmt: skip
    assert all(receipt["unreadable_at"] <= one["at"] <= receipt["completed_at"] for one in receipt["destroyed"])
    assert (receipt["backups"]["level"], receipt["backups"]["open_until"]) == ("bounded", None)
    assert "GDPR 17(3)(b), 21(3)" in [one["ground"] for one in receipt["kept"]]
    assert [(one["who"], datetime.fromisoformat(one["until"])) for one in receipt["others"]] == [
        ("sandbox", completed + timedelta(days=30))
    ]
    assert ANNA not in json.dumps(receipt)


async def test_a_receipt_says_until_when_a_key_snapshot_from_before_could_open_the_person(
    office: Office, tmp_path: Path
) -> None:
    await office.house.send(to=ANNA)
    keys, recovery = office.house.vault.keys, FileKeeper([tmp_path / "recovery"])
    taken = take_snapshot(keys, recovery, tmp_path / "snapshot", today=clock.today())
    made = await office.asked("erase")
    await office.finish()

    receipt = decoded(await office.get(made["id"], "/receipt"))["receipt"]

    assert datetime.fromisoformat(receipt["backups"]["open_until"]) == taken.ends


class WaitingKeeper(FileKeeper):
    """As AWS KMS: what it destroys could be brought back for a week."""

    level = replace(FileKeeper.level, days_until_destroyed=7)


def test_a_keeper_that_destroys_late_is_counted_in(tmp_path: Path) -> None:
    keys = KeyTree([tmp_path / "keys"], WaitingKeeper([tmp_path / "keys" / "keeper"]))
    destroyed = datetime(2031, 12, 1, tzinfo=UTC)

    assert backups_that_open(keys, destroyed, level="immediate").open_until == destroyed + timedelta(days=7)
    take_snapshot(keys, keys.keeper, tmp_path / "snapshot", today=destroyed.date())
    assert backups_that_open(keys, destroyed, level="bounded").open_until == datetime(2031, 12, 15, tzinfo=UTC)


async def test_only_a_finished_erasure_has_a_receipt(office: Office) -> None:
    waiting, other = await office.asked("erase", grace_hours=3), await office.asked("object")

    for made in (waiting, other):
        answered = await office.get(made["id"], "/receipt")
        assert (answered.status, decoded(answered)["code"]) == (409, "no_receipt")
