"""What is exported is verified offline, by us and by a script of nothing of ours; whatever was done to it is named."""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner, Result

from sendigopro.audit import sealed, store
from sendigopro.audit.model import Action, Actor, ActorKind
from sendigopro.audit.record import record
from sendigopro.commands.main import app
from sendigopro.foundation import ids
from sendigopro.foundation.embedded import EmbeddedServer
from sendigopro.foundation.postgres import as_account
from sendigopro.privacy.audit_log.verify import LogError, Verified, verify
from sendigopro.privacy.receipts import pem_of, raw_of, read_public
from tests.databases import Databases, copied
from tests.messages.house import house_of
from tests.web.conftest import Site, site_of

SCRIPT = Path(__file__).parents[2] / "docs" / "verify_audit_log.py"
MEMBER = ids.new()
ENTRIES = 8
"""Before the export, which is the ninth; some are there already, of keys that were made."""
Harm = Callable[[list[bytes]], list[bytes]]


@dataclass(slots=True)
class Kept:
    """A log as a customer saved it, and the key to verify it with."""

    lines: list[bytes]
    pem: bytes


@pytest.fixture(scope="module")
def main_url(server: EmbeddedServer, templates: None) -> Iterator[str]:  # noqa: ARG001  # it migrates
    """One for all tests of a file: each makes an account of its own."""
    yield from copied(server, "main")


@pytest.fixture(scope="module")
def vault_url(server: EmbeddedServer, templates: None) -> Iterator[str]:  # noqa: ARG001  # it migrates
    """One for all tests of this file, like `main_url`: the key that heads are signed with is sealed in it."""
    yield from copied(server, "vault")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the installation, with its keys."""
    return tmp_path_factory.mktemp("installation")


@pytest.fixture
async def site(databases: Databases, folder: Path) -> AsyncIterator[Site]:
    async with house_of(databases, folder) as house, site_of(house, databases) as built:
        await fill(built)
        yield built


async def fill(site: Site) -> None:
    """Up to `ENTRIES`, every second one with something beside it."""
    account_id, actor = site.house.account_id, Actor(ActorKind.MEMBER, MEMBER)
    runtime = site.house.runtime
    async with as_account(runtime.door, account_id) as conn:
        head, _ = await store.read_head(conn, account_id=account_id)
    for n in range(head.n + 1, ENTRIES + 1):
        values = {"mail": f"anna{n}@example.com"}
        beside = await sealed.seal(site.house.vault, account_id=account_id, values=values) if n % 2 else None
        async with as_account(runtime.door, account_id) as conn:
            await record(
                conn, account_id=account_id, actor=actor, action=Action.MEMBER_CHANGED, facts={"n": n}, beside=beside
            )


async def fetch(site: Site) -> Kept:
    answered = await site.ask("GET", "/v1/audit-log/export")
    assert (answered.status, answered.headers["content-type"]) == (200, "application/x-ndjson")
    key = json.loads((await site.ask("GET", "/v1/privacy/receipt-key")).body)["public_key"]
    return Kept(body_of(answered.body), key.encode())


def body_of(raw: bytes) -> list[bytes]:
    """The lines of a chunked answer."""
    whole = b""
    while raw:
        size, _, raw = raw.partition(b"\r\n")
        whole, raw = whole + raw[: int(size, 16)], raw[int(size, 16) + 2 :]
    return whole.splitlines(keepends=True)


def verified(kept: Kept, lines: list[bytes] | None = None, earlier: Verified | None = None) -> Verified:
    return verify(kept.lines if lines is None else lines, read_public(kept.pem), earlier=earlier)


def why_refused(kept: Kept, lines: list[bytes], earlier: Verified | None = None) -> str:
    with pytest.raises(LogError) as refused:
        verified(kept, lines, earlier)
    return str(refused.value)


async def by_script(kept: Kept, lines: list[bytes], folder: Path) -> tuple[int | None, str]:
    """In a folder and an environment where nothing of ours can be imported."""
    log, key = save(kept, lines, folder)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", str(SCRIPT), str(log), str(key), stdout=asyncio.subprocess.PIPE, cwd="/", env={}
    )
    async with asyncio.timeout(30):
        output, _ = await process.communicate()
    return process.returncode, output.decode().strip()


def save(kept: Kept, lines: list[bytes], folder: Path) -> tuple[Path, Path]:
    log, key = folder / "log.ndjson", folder / "public.pem"
    log.write_bytes(b"".join(lines))
    key.write_bytes(kept.pem)
    return log, key


def say(*words: str) -> Result:
    return CliRunner().invoke(app, words)


async def as_intruder(site: Site, *statements: str) -> None:
    """As somebody who owns the database and knows of the triggers."""
    owner = await site.databases.main("owner")
    await owner.execute("ALTER TABLE main.audit_log DISABLE TRIGGER USER")
    for statement in statements:
        await owner.execute(statement)
    await owner.execute("ALTER TABLE main.audit_log ENABLE TRIGGER USER")


async def test_an_exported_log_is_verified_by_the_command_and_by_a_script_that_imports_nothing_of_ours(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = await fetch(site)
    monkeypatch.setenv("SENDIGOPRO_DATA_DIR", str(tmp_path / "no instance"))
    log, key = save(kept, kept.lines, tmp_path)

    genuine = say("audit", "verify", str(log), "--key", str(key))
    script = await by_script(kept, kept.lines, tmp_path)
    account = ids.typed("acc", site.house.account_id)

    assert genuine.exit_code == 0, genuine.output
    assert genuine.output.startswith(f"GENUINE: {ENTRIES + 1} entries of {account}")
    assert script == (0, "GENUINE")
    assert not re.search(r"^(from|import) sendigopro", SCRIPT.read_text(), re.MULTILINE)
    last = json.loads(kept.lines[-2])["entry"]
    assert (last["n"], last["action"]) == (ENTRIES + 1, "audit.exported")  # who took it stands in it


async def test_every_flipped_byte_of_an_exported_log_is_refused_and_its_entry_named(site: Site) -> None:
    """Each place of each line; in the head, whose entry is none, the end is named."""
    kept = await fetch(site)
    believed, misplaced = [], []
    for at, raw in enumerate(kept.lines):
        for place in range(0, len(raw), 3):
            harmed = [*kept.lines]
            harmed[at] = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
            try:
                verified(kept, b"".join(harmed).splitlines(keepends=True))
            except LogError as refused:
                if at < ENTRIES and f"entry {at + 1} " not in f"{refused} ".replace(":", " "):
                    misplaced.append((at, place, str(refused)))
            else:
                believed.append((at, place))

    assert believed == []
    assert misplaced == []


HARMS: list[tuple[str, Harm, str]] = [
    ("delete the first", lambda lines: lines[1:], "entry 1 is missing: entry 2 stands"),
    ("delete one", lambda lines: lines[:3] + lines[4:], "entry 4 is missing: entry 5 stands"),
    ("delete the last", lambda lines: lines[:-2] + lines[-1:], "ends with entry 8, but its signed head says 9"),
    ("reorder", lambda lines: [*lines[:4], lines[5], lines[4], *lines[6:]], "entry 5 is missing: entry 6 stands"),
    ("repeat", lambda lines: [*lines[:4], lines[3], *lines[4:]], "entry 5 is missing: entry 4 stands"),
    ("cut the end", lambda lines: lines[:-1], "no signed head after entry 9"),
    ("cut the end in a line", lambda lines: [*lines[:6], lines[6][:50]], "entry 7 cannot be read"),
    ("cut the end and half the head", lambda lines: [*lines[:-1], lines[-1][:-1]], "entry 10 is not spelt"),
    ("only the head", lambda lines: lines[-1:], "ends with entry 0, but its signed head says 9"),
    ("nothing", lambda _: [], "no signed head after entry 0"),
    ("go on behind the head", lambda lines: [*lines, lines[0]], "behind the signed head"),
    ("spell otherwise", lambda lines: [lines[0].replace(b",", b", ", 1), *lines[1:]], "entry 1 is not spelt"),
    ("no line at all", lambda lines: [b"[]\n", *lines[1:]], "entry 1 "),
    ("no entry", lambda lines: [b'{"beside":null,"entry":7,"hash":""}\n', *lines[1:]], "entry 1 "),
]


async def test_whatever_is_done_to_an_exported_log_is_refused_and_its_place_named(site: Site, tmp_path: Path) -> None:
    kept = await fetch(site)
    for name, harm, told in HARMS:
        lines = harm([*kept.lines])
        code, said = await by_script(kept, lines, tmp_path)

        assert told in why_refused(kept, lines), name
        assert (code, said[:8]) == (1, "REFUSED:"), name
        entry = re.search(r"entry \d+", told)
        assert entry is None or entry[0] in said, name


async def test_the_command_refuses_with_a_status_and_one_line(site: Site, tmp_path: Path) -> None:
    kept = await fetch(site)
    log, key = save(kept, kept.lines[:2] + kept.lines[3:], tmp_path)
    refused = say("audit", "verify", str(log), "--key", str(key))
    missing = say("audit", "verify", str(tmp_path / "none"), "--key", str(key))

    assert (refused.exit_code, "entry 3 is missing" in refused.stderr) == (1, True)
    assert (missing.exit_code, "cannot be read" in missing.stderr) == (1, True)


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE main.audit_log SET action = 'key.revoked' WHERE n = 6", "entry 6 is not what was written"),
        ("UPDATE main.audit_log SET at = at + interval '1 microsecond' WHERE n = 6", "entry 6 is not what was written"),
        ("UPDATE main.audit_log SET facts = '{\"n\": 7}' WHERE n = 6", "entry 6 is not what was written"),
        ("UPDATE main.audit_log SET actor_kind = 'operator' WHERE n = 6", "entry 6 is not what was written"),
        ("UPDATE main.audit_log SET hash = sha256('') WHERE n = 6", "entry 6 is not what was written"),
        ("UPDATE main.audit_log SET commitment = NULL WHERE n = 7", "entry 7 is not what was written"),
        ("DELETE FROM main.audit_log WHERE n = 6", "entry 6 is missing: entry 7 stands"),
        ("DELETE FROM main.audit_log WHERE n <= 4", "entry 1 is missing: entry 5 stands"),
        (
            (
                "DELETE FROM main.audit_log WHERE n = 6; UPDATE main.audit_log SET n = n + 1000 WHERE n > 6;"
                "UPDATE main.audit_log SET n = n - 1001 WHERE n > 1000"
            ),
            "entry 6 is not what was written",
        ),
        ("UPDATE main.audit_personal SET sealed = 'x'", "what stands beside it is not what it commits to"),
    ],
)
async def test_what_the_owner_of_the_database_changes_is_named_by_the_next_export(
    site: Site, tmp_path: Path, statement: str, told: str
) -> None:
    await as_intruder(site, *statement.split(";"))

    kept = await fetch(site)

    assert told in why_refused(kept, kept.lines)
    code, said = await by_script(kept, kept.lines, tmp_path)
    assert (code, said.startswith("REFUSED: entry")) == (1, True)


async def test_entries_moved_to_another_place_beside_do_not_open(site: Site) -> None:
    """Two values swapped: each is sealed for its own entry."""
    await as_intruder(
        site,
        """
        UPDATE main.audit_personal p SET sealed = other.sealed FROM main.audit_personal other
        WHERE p.id <> other.id AND p.account_id = other.account_id
        """,
    )
    kept = await fetch(site)

    assert "what stands beside it is not what it commits to" in why_refused(kept, kept.lines)


async def test_a_chain_cut_or_written_anew_in_the_database_is_told_from_an_earlier_log(
    site: Site, tmp_path: Path
) -> None:
    """Whoever owns the database can write a whole new chain, and the next head is signed: the log of before tells."""
    before = await fetch(site)
    await as_intruder(site, "DELETE FROM main.audit_log WHERE n >= 7")
    cut = await fetch(site)
    earlier = verified(before)
    log, key = save(cut, cut.lines, tmp_path)
    old = tmp_path / "old.ndjson"
    old.write_bytes(b"".join(before.lines))
    told = say("audit", "verify", str(log), "--key", str(key), "--earlier", str(old))

    assert verified(cut).head.n == 7  # alone it is a whole chain
    assert "does not go on from the earlier log (9)" in why_refused(cut, cut.lines, earlier)
    assert told.exit_code == 1
    await fetch(site)
    longer = await fetch(site)
    assert "entry 9 or one before it is not what it was" in why_refused(longer, longer.lines, earlier)


async def test_a_log_goes_on_from_the_one_before(site: Site) -> None:
    before = await fetch(site)
    later = await fetch(site)

    assert verified(later, earlier=verified(before)).head.n == ENTRIES + 2


async def test_erasing_whom_entries_name_leaves_a_log_that_is_verified(site: Site, tmp_path: Path) -> None:
    before = await fetch(site)
    account_id = site.house.account_id
    async with as_account(site.house.runtime.door, account_id) as conn:
        erased = await store.erase_personal(conn, account_id=account_id, actor_id=MEMBER, target="mem_x")

    kept = await fetch(site)

    assert erased > 0
    assert b"anna" in b"".join(before.lines)
    assert b"anna" not in b"".join(kept.lines)
    assert verified(kept, earlier=verified(before)).erased == erased
    assert await by_script(kept, kept.lines, tmp_path) == (0, "GENUINE")


async def test_a_head_signed_by_another_key_is_refused(site: Site, tmp_path: Path) -> None:
    kept = await fetch(site)
    stranger = Kept(kept.lines, pem_of(raw_of(Ed25519PrivateKey.generate().public_key())).encode())

    assert "another key" in why_refused(stranger, kept.lines)
    assert await by_script(stranger, kept.lines, tmp_path) == (1, "REFUSED: another key signed the head")


async def test_the_head_of_one_export_closes_no_other(site: Site) -> None:
    first, second = await fetch(site), await fetch(site)

    assert "says 9" in why_refused(second, [*second.lines[:-1], first.lines[-1]])


async def test_another_accounts_log_is_another_chain(site: Site) -> None:
    stranger = await site.strangers_key()
    answered = await site.ask("GET", "/v1/audit-log/export", key=stranger)
    mine = await fetch(site)
    theirs = body_of(answered.body)

    assert ids.typed("acc", site.house.account_id).encode() not in b"".join(theirs)
    assert len(theirs) < len(mine.lines)
    assert "entry 2 is not what was written" in why_refused(mine, [theirs[0], *mine.lines[1:]])


async def test_a_log_of_many_pages_comes_whole(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sendigopro.privacy.audit_log.export.PAGE", 2)

    kept = await fetch(site)

    assert verified(kept).head.n == ENTRIES + 1


# The list


async def entries(site: Site, query: str = "", **more: Any) -> dict[str, Any]:
    answered = await site.ask("GET", f"/v1/audit-log{query}", **more)
    assert answered.status == 200, answered.body
    found: dict[str, Any] = json.loads(answered.body)
    return found


async def test_the_log_is_listed_newest_first_page_by_page(site: Site) -> None:
    seen: list[int] = []
    query = "?limit=3"
    while True:
        page = await entries(site, query)
        seen += [one["n"] for one in page["data"]]
        if not page["has_more"]:
            break
        query = f"?limit=3&after={page['next_cursor']}"
    whole = await entries(site)
    back = await entries(site, f"?limit=3&before={whole['data'][4]['id']}")

    assert seen == list(range(ENTRIES, 0, -1))
    assert [one["n"] for one in back["data"]] == [7, 6, 5]
    assert await entries(site, f"?after={ids.typed('aud', ids.new())}") == {
        "object": "list", "data": [], "has_more": False, "next_cursor": None,
    }  # fmt: skip


async def test_the_log_is_narrowed_by_what_was_done_and_when(site: Site) -> None:
    whole = (await entries(site))["data"]
    at = whole[2]["at"]
    exported = await site.ask("GET", "/v1/audit-log/export")

    assert exported.status == 200
    assert [one["action"] for one in (await entries(site, "?action=audit.exported"))["data"]] == ["audit.exported"]
    assert (await entries(site, "?action=hold.placed"))["data"] == []
    assert [one["n"] for one in (await entries(site, f"?until={at}"))["data"]] == [one["n"] for one in whole[3:]]
    assert whole[2]["n"] in [one["n"] for one in (await entries(site, f"?since={at}"))["data"]]
    assert whole[3]["n"] not in [one["n"] for one in (await entries(site, f"?since={at}"))["data"]]


async def test_an_entry_says_who_and_what_and_by_which_request(site: Site) -> None:
    answered = await site.ask("GET", "/v1/audit-log/export")
    (found,) = (await entries(site, "?action=audit.exported"))["data"]
    of_a_member = next(one for one in (await entries(site))["data"] if one["n"] == 7)

    assert found["actor"]["kind"] == "key"
    assert found["actor"]["id"].startswith("key_")
    assert found["request_id"] == answered.headers["request-id"]
    assert of_a_member["personal"] == {"mail": "anna7@example.com"}
    assert of_a_member["actor"] == {"kind": "member", "id": ids.typed("mem", MEMBER)}


async def test_the_log_needs_its_scope(site: Site) -> None:
    key = await site.new_key("messages.read", "privacy.read")
    for path in ("/v1/audit-log", "/v1/audit-log/export"):
        answered = await site.ask("GET", path, key=key)
        assert (answered.status, json.loads(answered.body)["code"]) == (403, "missing_scope")


async def test_another_account_sees_none_of_it(site: Site) -> None:
    mine = {one["id"] for one in (await entries(site))["data"]}
    stranger = await site.strangers_key()
    theirs = (await entries(site, key=stranger))["data"]

    assert mine.isdisjoint(one["id"] for one in theirs)
    assert (await entries(site, f"?after={next(iter(mine))}", key=stranger))["data"] == []


@pytest.mark.parametrize("query", ["?action=nothing.done", "?since=yesterday", "?limit=0", "?after=msg_1", "?who=me"])
async def test_a_question_that_cannot_be_meant_is_refused(site: Site, query: str) -> None:
    assert (await site.ask("GET", f"/v1/audit-log{query}")).status == 400
