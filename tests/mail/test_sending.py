"""Our own mails leave with what they tell of, sealed until then; what cannot leave is tried again, then given up."""

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from email.headerregistry import Address
from pathlib import Path

import pytest

from sendigopro.foundation import clock, ids
from sendigopro.foundation.embedded import EmbeddedServer
from sendigopro.foundation.operator_errors import OperatorError
from sendigopro.foundation.postgres import Conn, Pool
from sendigopro.mail.model import Mail, quoted, written
from sendigopro.mail.outbox import TRIED_FOR, put_mail
from sendigopro.mail.send import LEASE, Outgoing, pause_after
from sendigopro.mail.smtp import read_sender, read_server
from sendigopro.settings import Settings
from sendigopro.vault.vault import Vault
from tests.databases import Databases, copied
from tests.mail.postbox import PASSWORD, USER, Postbox, postbox, text_of
from tests.messages.house import house_of
from tests.webhooks.certificates import Authority

SENDER = Address("SendiGoPro", addr_spec="no-reply@example.org")
MAIL = Mail("rosa.lind@example.com", "Confirm your address", "Grüße.\nhttps://example.org/console/confirm?token=abc")
MoveTo = Callable[[timedelta], None]


@pytest.fixture(scope="module")
def main_url(server: EmbeddedServer, templates: None) -> Iterator[str]:  # noqa: ARG001  # it migrates
    """One for all: each test empties the outbox."""
    yield from copied(server, "main")


@pytest.fixture
async def box() -> AsyncIterator[Postbox]:
    async with postbox() as box:
        yield box


@pytest.fixture
async def outgoing(main_pool: Pool, vault: Vault, box: Postbox) -> Outgoing:
    await main_pool.execute("DELETE FROM main.mails")
    return Outgoing(main_pool, vault, server=read_server(box.url), sender=SENDER)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> MoveTo:
    began = clock.now()
    return lambda after: monkeypatch.setattr(clock, "now", lambda: began + after)


async def left(conn: Conn | Pool) -> int:
    count: int = await conn.fetchval("SELECT count(*) FROM main.mails")
    return count


async def test_a_mail_lies_sealed_leaves_once_and_is_gone(
    outgoing: Outgoing, box: Postbox, main_owner: Conn, vault: Vault
) -> None:
    await put_mail(main_owner, vault, MAIL)
    stored = await main_owner.fetchval("SELECT m::text FROM main.mails m")
    for clear in (MAIL.recipient, MAIL.subject, "token=abc"):
        assert clear not in stored
        assert clear.encode().hex() not in stored
    assert await outgoing.step() == 1
    assert await outgoing.step() == 0

    recipient, mail = await box.next()
    assert (recipient, mail["To"], mail["From"]) == (
        MAIL.recipient,
        MAIL.recipient,
        "SendiGoPro <no-reply@example.org>",
    )
    assert text_of(mail).replace("\r\n", "\n").strip() == MAIL.text
    assert mail["Auto-Submitted"] == "auto-generated"
    assert await left(main_owner) == 0
    assert box.mails.empty()


async def test_a_mail_is_not_there_when_what_it_tells_of_is_undone(
    outgoing: Outgoing, main_owner: Conn, vault: Vault
) -> None:
    async def undone() -> None:
        async with main_owner.transaction():
            await put_mail(main_owner, vault, MAIL)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await undone()

    assert await outgoing.step() == 0


async def test_what_cannot_leave_is_tried_again_with_growing_pauses_and_given_up_after_a_day(
    *,
    outgoing: Outgoing,
    box: Postbox,
    main_owner: Conn,
    vault: Vault,
    later: MoveTo,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await put_mail(main_owner, vault, MAIL)
    box.answers = [f"451 {MAIL.recipient} greylisted"] * 3
    assert await outgoing.step() == 1
    assert await outgoing.step() == 0  # not due
    later(timedelta(seconds=30))
    assert await outgoing.step() == 1
    later(timedelta(hours=2))
    assert await outgoing.step() == 1
    later(TRIED_FOR + timedelta(hours=1))
    assert await outgoing.step() == 0

    assert await left(main_owner) == 0
    assert box.mails.empty()
    assert MAIL.recipient not in capsys.readouterr().out
    assert [pause_after(n).total_seconds() // 60 for n in (9, 99)] == pytest.approx([40, 60], abs=15)


async def test_what_is_refused_for_good_is_not_tried_again(
    outgoing: Outgoing, box: Postbox, main_owner: Conn, vault: Vault
) -> None:
    await put_mail(main_owner, vault, MAIL)
    box.answers = ["550 No such person"]
    await outgoing.step()

    assert await left(main_owner) == 0


async def test_a_mail_in_one_workers_hand_is_in_no_other_and_comes_back_after_a_crash(
    outgoing: Outgoing, box: Postbox, main_owner: Conn, vault: Vault, later: MoveTo
) -> None:
    await put_mail(main_owner, vault, MAIL)
    box.answers = ["451 Later"]
    await outgoing.step()
    await main_owner.execute("UPDATE main.mails SET due_at = $1", clock.now() + LEASE)  # as after a crash in between
    assert await outgoing.step() == 0
    later(LEASE + timedelta(seconds=1))

    assert await outgoing.step() == 1
    assert await left(main_owner) == 0


async def test_a_server_that_is_away_loses_nothing(main_pool: Pool, main_owner: Conn, vault: Vault) -> None:
    async with postbox() as closed:
        url = closed.url
    outgoing = Outgoing(main_pool, vault, server=read_server(url), sender=SENDER)
    await put_mail(main_owner, vault, MAIL)
    await outgoing.step()

    assert await left(main_owner) == 1
    await main_owner.execute("DELETE FROM main.mails")


async def test_a_password_goes_over_tls_alone(main_pool: Pool, main_owner: Conn, vault: Vault, tmp_path: Path) -> None:
    async with postbox(tls=Authority().server("postbox", tmp_path), needs_password=True) as box:
        url = f"smtp://{USER}:p%40ss%2Fword%201@127.0.0.1:{box.port}"
        assert read_server(url).password == PASSWORD
        await put_mail(main_owner, vault, MAIL)
        await Outgoing(main_pool, vault, server=read_server(url), sender=SENDER).step()

        assert (await box.next())[0] == MAIL.recipient
        assert box.is_private


def test_without_tls_no_mail_and_no_password_leaves_the_machine() -> None:
    """A server elsewhere that knows no STARTTLS gets nothing; one on this machine may."""
    for url in ("smtp://mail.example.org", "smtp://user:secret@192.0.2.1:25", "smtps://mail.example.org"):
        server = read_server(url)
        assert not server.is_here
        assert "secret" not in repr(server)
    assert (read_server("smtps://mail.example.org").port, read_server("smtp://[::1]").port) == (465, 587)
    assert read_server("smtp://[::1]").is_here


@pytest.mark.parametrize("field", ["recipient", "subject"])
def test_no_line_break_makes_a_header_of_its_own(field: str) -> None:
    told = {"recipient": MAIL.recipient, "subject": MAIL.subject, field: "a@example.com\r\nBcc: evil@example.com"}

    with pytest.raises(ValueError, match=r"linefeed|CR or LF|newline|line"):
        written(Mail(told["recipient"], told["subject"], "text"), sender=SENDER, mail_id=ids.new())


def test_a_text_cannot_become_a_header_and_a_name_cannot_become_a_link() -> None:
    message = written(Mail(MAIL.recipient, "x", "\r\nBcc: evil@example.com\r\n.\r\n"), sender=SENDER, mail_id=ids.new())
    assert message["Bcc"] is None
    assert quoted("Win at https://evil.example/now <b>!") == "Win at https evil example now b"
    assert quoted("Lind & Söhne") == "Lind & Söhne"
    assert len(quoted("a" * 200)) == 60


@pytest.mark.parametrize(
    "url", ["mail.example.org", "http://mail.example.org", "smtp://", "smtp://user@mail.example.org",
            "smtp://a:secret@mail.example.org:port", "smtp://a:secret@mail.example.org/path", "smtp://a:s@[::1"],
)  # fmt: skip
def test_an_address_that_is_none_is_refused_without_repeating_its_secret(url: str) -> None:
    with pytest.raises(OperatorError) as refused:
        read_server(url)

    assert "secret" not in str(refused.value)
    assert "smtps://" in str(refused.value)


def test_the_settings_never_print_the_servers_password(tmp_path_factory: pytest.TempPathFactory) -> None:
    chosen = Settings(data_dir=tmp_path_factory.getbasetemp(), smtp_url="smtp://user:secret@mail.example.org")

    assert "secret" not in repr(chosen)
    assert chosen.sends_mail
    assert not chosen.lets_sign_up


@pytest.mark.parametrize("text", ["nobody", "a@b.example\r\nBcc: x@y.example", "<>"])
def test_a_sender_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(OperatorError):
        read_sender(text, host="example.org")


def test_a_sender_may_have_a_name_and_has_one_by_itself() -> None:
    assert str(read_sender("Lind <post@lind.example>", host="x")) == "Lind <post@lind.example>"
    assert str(read_sender("", host="example.org")) == "SendiGoPro <no-reply@example.org>"


async def test_a_worker_sends_at_once_what_is_put_into_the_outbox(databases: Databases, tmp_path: Path) -> None:
    async with postbox() as box, house_of(databases, tmp_path, smtp_url=box.url) as house:
        await house.start_worker()
        async with house.runtime.main.acquire() as conn, conn.transaction():
            await put_mail(conn, house.vault, MAIL)

        assert (await box.next())[0] == MAIL.recipient
