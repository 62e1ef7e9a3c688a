"""Coming in by SAML: answers of an identity provider nobody here wrote, whole, spoiled, wrapped, late and twice."""

import asyncio
import base64
import json
import os
import re
import zlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from saml2 import time_util

from sendigopro.foundation import clock
from sendigopro.foundation.problems import Invalid
from sendigopro.sso.model import Choices, SamlSettings
from sendigopro.sso.saml import Place
from tests.console.test_sign_in_pages import PASSWORD, Browser, text
from tests.peers import places
from tests.sso.conftest import JOINS, Company, company_of
from tests.web.conftest import Site
from tests.web.serving import Reply

pytestmark = pytest.mark.skipif(
    not os.environ.get("CI")
    and (places.node() is None or places.node_package("samlp") is None or not places.xmlsec1()),
    reason="needs Node.js and `python tests/peers/install.py`",
)
ISSUER, WHERE = "https://idp.company.example", "https://idp.company.example/sso"
METADATA = """<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{issuer}">
<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><KeyDescriptor use="signing">
<KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>{certificate}</X509Certificate>
</X509Data></KeyInfo></KeyDescriptor><SingleSignOnService
Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="{where}"/></IDPSSODescriptor>
</EntityDescriptor>"""
GOOD = {"signatureAlgorithm": "rsa-sha256", "digestAlgorithm": "sha256", "lifetimeInSeconds": 300}


@dataclass(slots=True)
class Identity:
    """The provider: its key, and the program that makes its answers."""

    process: asyncio.subprocess.Process
    key: str
    certificate: str

    @property
    def metadata(self) -> str:
        inner = "".join(self.certificate.splitlines()[1:-1])
        return METADATA.format(issuer=ISSUER, certificate=inner, where=WHERE)

    async def answer(self, place: Place, mail: str, *, asked: str | None, **options: Any) -> str:
        """A response as the package makes it, base64."""
        told: dict[str, Any] = {
            **GOOD, "issuer": ISSUER, "cert": self.certificate, "key": self.key, "audience": place.entity_id,
            "recipient": place.answers_at, "destination": place.answers_at,
            "nameIdentifierFormat": "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
            **({} if asked is None else {"inResponseTo": asked}), **options,
        }  # fmt: skip
        name = {"givenName": "Rosa", "familyName": "Lind"}
        user = {"id": f"number of {mail}", "emails": [{"value": mail}], "displayName": "Rosa Lind", "name": name}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"options": told, "user": user}).encode() + b"\n")
        async with asyncio.timeout(20):
            said = (await self.process.stdout.readline()).decode().strip()
        assert not said.startswith("!"), said
        return said


def key_and_certificate() -> tuple[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "idp")])
    now = clock.now()
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(7).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=9))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return private.decode(), made.public_bytes(pem).decode()


@pytest.fixture
async def provider() -> AsyncIterator[Identity]:
    process = await asyncio.create_subprocess_exec(
        str(places.node()), str(Path(__file__).with_name("saml_provider.mjs")), str(places.node_package("samlp")),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    yield Identity(process, *key_and_certificate())
    process.kill()
    await process.wait()


@dataclass(slots=True)
class Scene:
    """An account whose people come in by the provider, and a browser that has begun to."""

    site: Site
    company: Company
    provider: Identity
    browser: Browser
    asked: str = ""

    @property
    def place(self) -> Place:
        at = f"{self.site.web.providers.url}/console/sign-in/saml/{self.company.id}"
        return Place(f"{at}/metadata", at)

    @property
    def mail(self) -> str:
        return f"rosa@{self.company.domain}"

    async def begin(self) -> None:
        """What the page sends the browser away with."""
        asked = await self.browser.post("/console/sign-in/company", email=self.mail, next="/console/team")
        there = text(asked).split("0;url=")[1].split('"')[0].replace("&amp;", "&")
        assert there.startswith(WHERE)
        request = zlib.decompress(base64.b64decode(parse_qs(urlsplit(there).query)["SAMLRequest"][0]), -15).decode()
        found = re.search(r'\bID="([^"]+)"', request)
        assert found is not None
        self.asked = found[1]

    async def answer(self, **options: Any) -> str:
        asked = options.pop("asked", self.asked)
        return await self.provider.answer(self.place, options.pop("mail", self.mail), asked=asked, **options)

    async def bring(self, answer: str, *, browser: Browser | None = None) -> Reply:
        """As a form of the provider's page, which is another site, and then as the browser goes on."""
        browser = browser or self.browser
        where = urlsplit(self.place.answers_at).path
        stranger = Browser(self.site)  # a browser sends no cookies with a form of another site
        came = await stranger.post(where, site="cross-site", SAMLResponse=answer)
        if came.status != 303:
            return came
        return await browser.get(came.headers["location"])

    async def refusal(self, answer: str) -> str:
        """The code of a refusal, which lets nobody in and says nothing of anybody."""
        back = await self.bring(answer)
        assert back.status in (403, 404), text(back)
        assert "sendigopro_session" not in self.browser.cookies
        assert self.mail not in text(back)
        assert (
            await self.company.fetch("SELECT FROM main.sessions WHERE account_id = $1", self.company.account_id) == []
        )
        found = re.search(r"<code>(sso_\w+)</code>", text(back))
        assert found is not None, text(back)
        return found[1]


@pytest.fixture
async def scene(site: Site, provider: Identity) -> Scene:
    site.web.providers.saml.program = str(places.xmlsec1())
    company = await company_of(site, SamlSettings(ISSUER, provider.metadata))
    made = Scene(site, company, provider, company.browser())
    await made.begin()
    return made


def changed(answer: str, change: Callable[[str], str]) -> str:
    before = base64.b64decode(answer).decode()
    after = change(before)
    assert after != before
    return base64.b64encode(after.encode()).decode()


async def test_somebody_comes_in_by_an_answer_to_their_own_question_and_it_is_good_once(scene: Scene) -> None:
    answer = await scene.answer()
    done = await scene.bring(answer)
    assert (done.status, done.headers.get("location")) == (303, "/console/team"), text(done)
    assert scene.mail in text(await scene.browser.get("/console/team"))
    again = await scene.bring(answer, browser=scene.company.browser())
    assert again.status == 403
    assert "sso_replayed" in text(again)
    people = await scene.company.fetch("SELECT role FROM main.members WHERE account_id = $1", scene.company.account_id)
    assert [one["role"] for one in people] == ["developer"]


async def test_an_answer_is_worth_nothing_in_a_browser_that_asked_nothing(scene: Scene) -> None:
    other = scene.company.browser()
    back = await scene.bring(await scene.answer(), browser=other)
    assert back.status == 403
    assert "sso_not_begun" in text(back)
    assert "sendigopro_session" not in other.cookies


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"audience": "https://other.example"}, "sso_wrong_audience"),
        ({"recipient": "https://other.example"}, "sso_wrong_audience"),
        ({"destination": "https://other.example"}, "sso_unreadable"),
        ({"signAssertion": False}, "sso_wrong_signature"),
        ({"signatureAlgorithm": "rsa-sha1", "digestAlgorithm": "sha1"}, "sso_wrong_signature"),
        ({"issuer": "https://evil.example"}, ""),
        ({"mail": "rosa@elsewhere.example"}, "sso_foreign_domain"),
        ({"asked": None}, "sso_unasked"),
        ({"asked": "id-that-nobody-asked"}, "sso_not_begun"),
    ],
)  # fmt: skip
async def test_what_is_not_for_us_now_and_signed_by_the_provider_lets_nobody_in(
    scene: Scene, options: dict[str, Any], code: str
) -> None:
    refused = await scene.refusal(await scene.answer(**options))
    assert refused == code or not code


async def test_an_answer_that_is_over_or_not_yet_good_is_refused(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    answer, real = await scene.answer(), time_util.utc_now
    for seconds in (3600, -3600):
        monkeypatch.setattr(time_util, "utc_now", lambda seconds=seconds: real() + seconds)
        assert await scene.refusal(answer) == "sso_wrong_time"


async def test_the_library_writes_nothing_about_anybody_into_the_log(
    scene: Scene, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """It logs whole assertions, and Python prints what no handler takes: its parent was silenced, not its children."""
    for options in (
        {"signAssertion": False},
        {"audience": "https://other.example"},
        {"destination": "https://x.example"},
    ):
        await scene.refusal(await scene.answer(**options))
    await scene.bring(await scene.answer())
    said = capfd.readouterr()
    written = caplog.text + said.out + said.err
    assert "saml2" not in written
    assert scene.mail not in written


async def test_a_key_that_the_metadata_does_not_name_signs_nothing(scene: Scene) -> None:
    key, certificate = key_and_certificate()
    assert await scene.refusal(await scene.answer(key=key, cert=certificate)) == "sso_wrong_signature"


async def test_what_is_changed_after_it_was_signed_is_refused(scene: Scene) -> None:
    answer = await scene.answer()
    boss = f"boss@{scene.company.domain}"
    assert await scene.refusal(changed(answer, lambda xml: xml.replace(scene.mail, boss))) == "sso_wrong_signature"
    without = changed(answer, lambda xml: re.sub(r"<Signature.*?</Signature>", "", xml, flags=re.DOTALL))
    assert await scene.refusal(without) == "sso_wrong_signature"


@pytest.mark.parametrize("where", ["before", "after", "inside", "extension"])
async def test_a_forged_assertion_beside_the_signed_one_is_never_read(scene: Scene, where: str) -> None:
    """Signature wrapping: the true assertion stays somewhere, so its signature is right, and another one is offered."""
    answer = await scene.answer()
    boss = f"boss@{scene.company.domain}"

    def wrap(xml: str) -> str:
        found = re.search(r"<(?:\w+:)?Assertion.*</(?:\w+:)?Assertion>", xml, re.DOTALL)
        assert found is not None
        true = found[0]
        forged = re.sub(r"<Signature.*?</Signature>", "", true, flags=re.DOTALL).replace(scene.mail, boss)
        forged = re.sub(r'\bID="[^"]+"', 'ID="_forged"', forged, count=1)
        if where == "inside":
            head, tail = forged.rsplit("</", 1)
            return xml.replace(true, f"{head}<Advice>{true}</Advice></{tail}")
        if where == "extension":
            return xml.replace(true, f"<samlp:Extensions>{true}</samlp:Extensions>{forged}")
        return xml.replace(true, forged + true if where == "before" else true + forged)

    assert await scene.refusal(changed(answer, wrap)) in ("sso_wrong_signature", "sso_unreadable")


@pytest.mark.parametrize(
    "document",
    [
        '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/hostname">]><samlp:Response>&x;</samlp:Response>',
        '<!DOCTYPE r [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><r>&c;</r>', "<r/>", "no xml", "", "\x00",
    ],
)  # fmt: skip
async def test_what_is_no_answer_is_not_read_further(scene: Scene, document: str) -> None:
    sent = base64.b64encode(document.encode()).decode()
    assert await scene.refusal(sent) == "sso_unreadable"
    assert await scene.refusal("%%%") == "sso_unreadable"


async def test_a_sign_in_that_begins_at_the_provider_is_taken_where_the_account_allows_it(scene: Scene) -> None:
    await scene.company.choose(Choices(JOINS.default_role, joins=True, is_required=False, is_unasked=True))
    stranger = scene.company.browser()
    done = await scene.bring(await scene.answer(asked=None), browser=stranger)
    assert (done.status, done.headers.get("location")) == (303, "/console"), text(done)


async def test_metadata_is_read_whole_or_refused_in_words(scene: Scene) -> None:
    saml, place = scene.site.web.providers.saml, scene.place
    assert (await asyncio.to_thread(saml.read_metadata, scene.provider.metadata, place)).issuer == ISSUER
    for wrong in (
        "", "x", "<a/>", "<!DOCTYPE a>" + scene.provider.metadata,
        scene.provider.metadata.replace("IDPSSODescriptor", "SPSSODescriptor"),
        re.sub(r"<KeyDescriptor.*</KeyDescriptor>", "", scene.provider.metadata, flags=re.DOTALL),
        scene.provider.metadata.replace(WHERE, "javascript:alert(1)"), "<a>" * 100_000,
    ):  # fmt: skip
        with pytest.raises(Invalid):
            await asyncio.to_thread(saml.read_metadata, wrong, place)
    ours = text(await scene.browser.get(urlsplit(place.entity_id).path))
    assert place.answers_at in ours


async def test_a_provider_is_connected_by_what_it_says_of_itself_and_is_told_where_to_answer(scene: Scene) -> None:
    mail = f"boss@{scene.company.domain}.example"
    await scene.company.add_member(mail, role="owner", password=PASSWORD)
    browser = scene.company.browser()
    assert (await browser.sign_in(mail=mail)).status == 303
    wrong = await browser.post("/console/sso/saml", metadata="<a>'\"</a>", default_role="viewer")
    assert wrong.status == 400
    assert "&lt;a&gt;" in text(wrong)
    made = await browser.post("/console/sso/saml", metadata=scene.provider.metadata, default_role="viewer", joins="yes")
    assert made.status == 303, text(made)
    page = text(await browser.get("/console/sso"))
    assert page.count("/console/sign-in/saml/sso_") >= 4
    changed = {"default_role": "agent", "is_unasked": "yes"}
    assert (await browser.post(f"/console/sso/{scene.company.id}/change", **changed)).status == 303
    ((unasked,),) = await scene.company.fetch(
        "SELECT is_unasked FROM main.sso_connections WHERE id = $1", scene.company.connection_id
    )
    assert unasked
