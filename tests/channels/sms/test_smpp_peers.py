"""The SMPP provider against message centres of strangers: `smpp` of npm, in clear and over TLS, and smpp34."""

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
import smpp34
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sendigopro.channels.contract import Accepted, ReceiptStatus, Rejected
from sendigopro.channels.sms.smpp import Credentials, SmppLink, provider
from sendigopro.foundation import clock
from sendigopro.foundation.personal import Phone
from sendigopro.smpp import codes
from tests.channels.centre import Ear, linked, message
from tests.peers import places

pytestmark = pytest.mark.asyncio
needs_npm = pytest.mark.skipif(
    not os.environ.get("CI") and (places.node() is None or places.node_package("smpp") is None),
    reason="needs Node.js and `python tests/peers/install.py`",
)


class NpmCentre:
    """The program, and what it said."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said: list[dict[str, Any]] = []

    async def until_said(self, key: str, count: int = 1) -> list[Any]:
        """Wait until that was said so often."""
        assert self.process.stdout is not None
        async with asyncio.timeout(10):
            while len(found := [line[key] for line in self.said if key in line]) < count:
                self.said.append(json.loads(await self.process.stdout.readline()))
        return found


@asynccontextmanager
async def npm_centre(*arguments: Path) -> AsyncIterator[tuple[NpmCentre, int]]:
    script = Path(__file__).with_name("npm_centre.js")
    process = await asyncio.create_subprocess_exec(
        str(places.node()), script, str(places.node_package("smpp")), *arguments, stdout=asyncio.subprocess.PIPE
    )
    try:
        centre = NpmCentre(process)
        yield centre, (await centre.until_said("port"))[0]
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@needs_npm
async def test_the_centre_of_npm_reads_our_messages_and_we_its_receipts_and_answers() -> None:
    bodies = ["hello @€[]", "Привет 😀", "All work and no play. " * 10]
    ear = Ear()
    async with npm_centre() as (centre, port):
        link = await linked(port, ear, message_id_type="hex_in_resp")
        link.send_many([message(number, body) for number, body in enumerate(bodies)])
        link.send_many([message("refused", recipient=Phone("+447700900999"))])
        await ear.until(lambda: len(ear.outcomes) == 4 and len(ear.receipts) == 4 and len(ear.inbound) == 4)
        link.acknowledge([receipt.handle for receipt in ear.receipts])
        link.acknowledge([handle for inbound in ear.inbound for handle in inbound.handles])
        await centre.until_said("acknowledged", 4)
        await link.close(drain_seconds=5)
        await centre.until_said("unbound")
        texts, references = await centre.until_said("text", 4), await centre.until_said("reference", 4)

    assert texts[:2] == bodies[:2]
    assert "".join(texts[2:]) == bodies[2]
    assert references == [0x1F2] * 4
    assert ear.outcomes == {
        0: Accepted(("160",)),
        1: Accepted(("161",)),
        2: Accepted(("162", "163")),
        "refused": Rejected("invalid_number", "0000000B"),
    }
    assert [receipt.carrier_id for receipt in ear.receipts] == ["160", "161", "162", "163"]
    assert {receipt.status for receipt in ear.receipts} == {ReceiptStatus.DELIVERED}
    assert [inbound.body.reveal() for inbound in ear.inbound[:2]] == [f"Ответ: {body}" for body in bodies[:2]]


@needs_npm
async def test_a_wrong_password_is_refused_and_the_reason_is_shown() -> None:
    ear = Ear()
    async with npm_centre() as (_, port):
        credentials = Credentials(host="127.0.0.1", port=port, system_id="acme", password="wrong")  # noqa: S106
        link = await provider.open(credentials, ear.events, name="test")
        link.set_binds(1)
        await until_shown(link, "ESME_RINVPASWD")
        await link.close(drain_seconds=0)

    assert not link.is_ready


@needs_npm
async def test_tls_is_spoken_with_a_centre_whose_certificate_we_trust_and_with_no_other(tmp_path: Path) -> None:
    key, certificate = self_signed(tmp_path)
    ear, stranger = Ear(), Ear()
    async with npm_centre(key, certificate) as (_, port):
        link = await linked(port, ear, tls=True, tls_ca=certificate.read_text())
        link.send_many([message("a")])
        await ear.until(lambda: ear.outcomes and ear.receipts)
        await link.close(drain_seconds=5)
        credentials = Credentials(host="127.0.0.1", port=port, system_id="a", password="secret", tls=True)  # noqa: S106
        distrusting = await provider.open(credentials, stranger.events, name="test")
        distrusting.set_binds(1)
        await until_shown(distrusting, "CERTIFICATE_VERIFY_FAILED")
        await distrusting.close(drain_seconds=0)

    assert ear.outcomes == {"a": Accepted(("A0",))}


async def test_smpp34_reads_our_messages_and_we_its_receipts() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = smpp34.Server("127.0.0.1", port)
    await server.start()
    ear = Ear()
    try:
        opening = asyncio.create_task(linked(port, ear))
        async with asyncio.timeout(10):
            esme = await server.next()
        assert isinstance(esme, smpp34.Esme)
        link = await opening
        link.send_many([message("a", "hello"), message("b", "to be refused")])
        async with asyncio.timeout(10):
            # It hands over what came together in any order.
            submitted = [one for _ in range(2) if isinstance(one := await server.next(), smpp34.SubmitSmEvent)]
        accepted, refused = sorted(submitted, key=lambda one: one.short_message)
        accepted.accept("id-1")
        refused.reject(0x0B)
        telling = asyncio.create_task(tell_delivered(esme, "id-1"))
        await ear.until(lambda: len(ear.outcomes) == 2 and ear.receipts)
        link.acknowledge([ear.receipts[0].handle])
        answer = await telling
        await link.close(drain_seconds=5)
    finally:
        await server.stop()

    assert (accepted.short_message, accepted.source_addr, accepted.destination_addr) == (
        b"hello",
        "Acme",
        "447700900123",
    )
    assert ear.outcomes == {"a": Accepted(("id-1",)), "b": Rejected("invalid_number", "0000000B")}
    assert (ear.receipts[0].carrier_id, ear.receipts[0].status) == ("id-1", ReceiptStatus.DELIVERED)
    assert answer.is_success


async def until_shown(link: SmppLink, error: str) -> None:
    """Wait until the state of a link tells that error."""
    async with asyncio.timeout(10):
        while error not in str(link.state()):  # a page asks for the state; nothing announces it
            await asyncio.sleep(0.01)


async def tell_delivered(esme: smpp34.Esme, message_id: str) -> smpp34.DeliverSmResp:
    """Send a receipt that says all in optional parameters."""
    return await esme.deliver_sm(
        "Acme",
        source_addr="447700900123",
        esm_class=4,
        tlvs=[
            smpp34.Tlv(codes.RECEIPTED_MESSAGE_ID, message_id.encode() + b"\0"),
            smpp34.Tlv(codes.MESSAGE_STATE, b"\2"),
        ],
    )


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A key, and a certificate for this machine that it signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "centre")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(clock.now() - timedelta(hours=1))
        .not_valid_after(clock.now() + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "key.pem", folder / "certificate.pem"
    paths[0].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    paths[1].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return paths
