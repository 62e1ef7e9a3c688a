"""A package at rest is sealed under a key that dies with the person, and nothing can be cut from it or moved in it."""

from datetime import timedelta
from pathlib import Path

import pytest

from sendigopro.foundation import clock, ids
from sendigopro.privacy.package.build import open_package, path_of
from sendigopro.privacy.package.model import SubjectGoneError
from sendigopro.privacy.package.sealed_file import (
    FRAME_BYTES,
    UNFINISHED,
    Header,
    PackageUnreadableError,
    SealedWriter,
    new_header,
    open_frames,
    read_header,
    remove_expired,
    remove_of_subject,
)
from sendigopro.vault.key_store import open_key_store
from sendigopro.vault.sealing import TAG_BYTES
from tests.messages.house import House
from tests.privacy.package.letters import ANNA, BERT
from tests.privacy.package.unpacked import fetched, packed, subject_of

PERSON, ACCOUNT = b"p" * 32, b"a" * 32
HEADER_BYTES = 76
FRAME = FRAME_BYTES + TAG_BYTES


def sealed(path: Path, clear: bytes, *, subject_key: bytes = PERSON) -> Header:
    header = new_header(account_id=ids.new(), subject_id=ids.new(), expires_at=clock.now() + timedelta(days=7))
    writer = SealedWriter(path, header, subject_key=subject_key, account_key=ACCOUNT)
    for at in range(0, len(clear), 50_000):
        writer.write(clear[at : at + 50_000])
    writer.seal_last()
    return header


def opened(path: Path, *, subject_key: bytes = PERSON) -> bytes:
    return b"".join(open_frames(path, read_header(path), subject_key=subject_key, account_key=ACCOUNT))


@pytest.mark.parametrize(
    "size", [0, 1, FRAME_BYTES - 1, FRAME_BYTES, FRAME_BYTES + 1, 3 * FRAME_BYTES, 3 * FRAME_BYTES + 5]
)
def test_what_was_sealed_comes_out_again_and_is_clear_nowhere(tmp_path: Path, size: int) -> None:
    clear = (b"a person's words " * (size // 17 + 1))[:size]
    path = tmp_path / "one.sgx"
    sealed(path, clear)

    assert opened(path) == clear
    assert b"person" not in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(PackageUnreadableError):
        opened(path, subject_key=b"q" * 32)


def test_nothing_can_be_cut_off_swapped_added_or_changed(tmp_path: Path) -> None:
    path = tmp_path / "one.sgx"
    sealed(path, bytes(range(256)) * 1024)  # four frames
    whole = path.read_bytes()
    head, body = whole[:HEADER_BYTES], whole[HEADER_BYTES:]
    frames = [body[at : at + FRAME] for at in range(0, len(body), FRAME)]
    assert len(frames) == 4
    forged = {
        "cut after a frame": head + b"".join(frames[:3]),
        "cut within one": whole[:-1],
        "all frames gone": head,
        "frames swapped": head + frames[1] + frames[0] + frames[2] + frames[3],
        "a frame twice": head + frames[0] + b"".join(frames),
        "something added": whole + b"x",
        "the expiry moved": whole[:40] + bytes([whole[40] ^ 1]) + whole[41:],
        "another's header": sealed(tmp_path / "two.sgx", b"x").packed() + body,
    }
    for case, content in forged.items():
        path.write_bytes(content)
        with pytest.raises(PackageUnreadableError, match="Remove it and build it again"):
            opened(path)
        assert case
    path.write_bytes(whole)
    assert len(opened(path)) == 256 * 1024


def files_in(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*.sgx*")]


async def test_a_package_is_dead_once_the_person_is_erased(house: House, exports: Path) -> None:
    sent = await house.send(to=ANNA)
    subject_id, mode = await subject_of(house, sent.id)
    built = await packed(house, exports, subject_id, mode=mode)
    assert (await fetched(house, exports, built)).startswith(b"PK")
    subject = (await house.vault.open_subjects(house.account_id, [subject_id]))[subject_id]

    open_key_store(house.runtime.settings).erase([subject.slot])
    house.vault._check_at = 0.0  # noqa: SLF001  # a third of a second later

    with pytest.raises(SubjectGoneError):
        await fetched(house, exports, built)
    with pytest.raises(SubjectGoneError):
        await packed(house, exports, subject_id, mode=mode)
    assert remove_of_subject(exports, account_id=house.account_id, subject_id=subject_id) == 1
    assert not built.path.exists()


async def test_an_erasure_while_a_package_is_made_leaves_no_package(house: House, exports: Path) -> None:
    sent = await house.send(to=ANNA)
    subject_id, mode = await subject_of(house, sent.id)
    subject = (await house.vault.open_subjects(house.account_id, [subject_id]))[subject_id]

    def erase(done: int, total: int) -> None:
        if done == total:
            open_key_store(house.runtime.settings).erase([subject.slot])
            house.vault._check_at = 0.0  # noqa: SLF001  # a third of a second later

    with pytest.raises(SubjectGoneError):
        await packed(house, exports, subject_id, mode=mode, on_progress=erase)

    assert not files_in(exports)


async def test_a_package_is_for_one_account_and_for_seven_days(house: House, exports: Path) -> None:
    sent = await house.send(to=ANNA)
    subject_id, mode = await subject_of(house, sent.id)
    built = await packed(house, exports, subject_id, mode=mode)
    strangers = ids.new()
    theirs = path_of(exports, account_id=strangers, request_id=built.request_id)
    theirs.parent.mkdir()
    theirs.write_bytes(built.path.read_bytes())

    with pytest.raises(SubjectGoneError):
        async with open_package(house.vault, exports, account_id=strangers, request_id=built.request_id):
            pass
    with pytest.raises(SubjectGoneError):
        async with open_package(house.vault, exports, account_id=house.account_id, request_id=ids.new()):
            pass
    theirs.unlink()
    (built.path.parent / f"left.sgx{UNFINISHED}").touch()
    assert remove_expired(exports, now=clock.now() + timedelta(hours=1)) == 0
    assert remove_expired(exports, now=built.expires_at - timedelta(seconds=1)) == 1  # what a dead build left
    assert remove_expired(exports, now=built.expires_at) == 1
    assert not built.path.exists()


async def test_the_package_of_somebody_unknown_is_nobodys(house: House, exports: Path) -> None:
    other = await house.send(to=BERT)
    subject_id, mode = await subject_of(house, other.id)

    with pytest.raises(SubjectGoneError):
        await packed(house, exports, ids.new(), mode=mode)
    with pytest.raises(SubjectGoneError):
        await packed(house, exports, subject_id, mode=mode, account_id=ids.new())
