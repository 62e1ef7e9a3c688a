"""SAML 2.0 as a service provider (Web Browser SSO, pysaml2 and xmlsec1), with checks of our own around it.

pysaml2 leaves to its user what the profile leaves open: that conditions and an audience are there, that there is one
assertion, which digests are good. Answers are read by an XML parser that knows no document types (no XXE, no bombs).
"""

import base64
import binascii
import logging
import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from sendigopro.foundation import clock
from sendigopro.foundation.problems import Invalid, Unavailable
from sendigopro.sso.model import Identity, Refused, SamlSettings, refused

if TYPE_CHECKING:
    from saml2.client import Saml2Client
    from saml2.response import AuthnResponse

METADATA_MAX: Final = 256 * 1024
ANSWER_MAX: Final = 256 * 1024
FRESH: Final = timedelta(minutes=10)
LEEWAY_SECONDS: Final = 60
PROTOCOL: Final = "{urn:oasis:names:tc:SAML:2.0:protocol}"
METADATA: Final = "{urn:oasis:names:tc:SAML:2.0:metadata}"
FORMAT: Final = "urn:oasis:names:tc:SAML:1.1:nameid-format:"
TRANSIENT: Final = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
CLAIMS: Final = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
MAIL_NAMES: Final = (
    "mail",
    "email",
    "emailaddress",
    "user.email",
    "urn:oid:0.9.2342.19200300.100.1.3",
    f"{CLAIMS}emailaddress",
)
NAME_NAMES: Final = ("displayname", "cn", "name", "urn:oid:2.16.840.1.113730.3.1.241", f"{CLAIMS}name")
GIVEN_NAMES: Final = ("givenname", "firstname", "urn:oid:2.5.4.42", f"{CLAIMS}givenname")
FAMILY_NAMES: Final = ("sn", "surname", "lastname", "urn:oid:2.5.4.4", f"{CLAIMS}surname")
MANY_FACTORS: Final = ("TimeSyncToken", "Smartcard", "SmartcardPKI", "MobileTwoFactorContract", "multipleauthn", "mfa")


@dataclass(frozen=True, slots=True)
class Arrived:
    """A response that was verified whole."""

    identity: Identity
    in_response_to: str | None
    assertion_id: str = field(repr=False)
    ends_at: datetime
    """After which it would not be taken anyway."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where our side of one connection stands."""

    entity_id: str
    answers_at: str


class Saml:
    """One per process. Its methods block (a process is started for each signature): call them in a thread."""

    def __init__(self, *, program: str) -> None:
        self.program = program or shutil.which("xmlsec1") or ""
        # The library writes names and whole assertions into its logs; ours says what was wrong, and of nobody.
        # Its loggers are children of this one, so only a level holds them all.
        logging.getLogger("saml2").setLevel(logging.CRITICAL + 1)

    @property
    def is_here(self) -> bool:
        return bool(self.program) and find_spec("saml2") is not None

    def need(self) -> None:
        if not self.is_here:
            raise Unavailable(
                "saml_not_installed",
                "SAML needs the program xmlsec1 and the package sendigopro[saml] on this installation. Ask whoever "
                "runs it, or use OIDC.",
            )

    def read_metadata(self, text: str, place: Place) -> SamlSettings:
        """What an identity provider says of itself; `Invalid` names what is missing."""
        self.need()
        text = text.strip()
        if not text or len(text) > METADATA_MAX:
            raise bad_metadata("Paste the metadata document of your provider: XML, at most 256 kB.")
        root = parse(text.encode())
        if root is None or root.tag != f"{METADATA}EntityDescriptor":
            raise bad_metadata(
                "This is no metadata of one provider: it must begin with EntityDescriptor, and name no document type."
            )
        issuer = root.get("entityID") or ""
        settings = SamlSettings(issuer, text)
        if not issuer or root.find(f"{METADATA}IDPSSODescriptor") is None:
            raise bad_metadata("The metadata has no IDPSSODescriptor: it is not of an identity provider.")
        try:
            client = self._client(settings, place, is_unasked=False)
            where = self._sign_in_address(client, settings)
            certificates = client.metadata.certs(issuer, "idpsso", "signing")
        except Exception as error:  # the library raises what it likes for what it cannot read
            raise bad_metadata("The metadata cannot be read.") from error
        if not where.startswith(("https://", "http://")):
            raise bad_metadata("The metadata has no SingleSignOnService with the binding HTTP-Redirect.")
        if not certificates:
            raise bad_metadata("The metadata has no certificate for signatures.")
        return settings

    def begin(self, settings: SamlSettings, place: Place, *, request_id: str, is_fresh: bool) -> str:
        """Where the browser is sent."""
        from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT  # noqa: PLC0415  # an extra, and 60 MB

        self.need()
        client = self._client(settings, place, is_unasked=False)
        more = {"force_authn": "true"} if is_fresh else {}
        _, info = client.prepare_for_authenticate(
            settings.issuer, binding=BINDING_HTTP_REDIRECT, response_binding=BINDING_HTTP_POST, sign=False,
            message_id=request_id, **more,
        )  # fmt: skip
        return str(dict(info["headers"])["Location"])

    def finish(self, settings: SamlSettings, place: Place, answer: str, *, is_unasked: bool) -> Arrived:
        """Verify a response. That it answers what this browser asked is left to who knows the browser."""
        self.need()
        document = decoded(answer)
        root = parse(document)
        if root is None or root.tag != f"{PROTOCOL}Response":
            raise refused("sso_unreadable")
        asked = root.get("InResponseTo")
        if asked is None and not is_unasked:
            raise refused("sso_unasked")
        response = self._verified(settings, place, answer, asked)
        check_whole(response, settings, place)
        return arrived(response, asked)

    def metadata(self, place: Place) -> bytes:
        """Ours, for the provider."""
        from saml2.config import SPConfig  # noqa: PLC0415  # as above
        from saml2.metadata import entity_descriptor  # noqa: PLC0415  # as above

        self.need()
        return str(entity_descriptor(SPConfig().load(self._config(place, is_unasked=False)))).encode()

    def _verified(self, settings: SamlSettings, place: Place, answer: str, asked: str | None) -> "AuthnResponse":
        from saml2 import BINDING_HTTP_POST  # noqa: PLC0415  # as above
        from saml2.response import StatusError, UnsolicitedResponse  # noqa: PLC0415  # as above
        from saml2.sigver import SignatureError  # noqa: PLC0415  # as above
        from saml2.validate import ResponseLifetimeExceed, ToEarly  # noqa: PLC0415  # as above

        outstanding = {} if asked is None else {asked: "/"}
        client = self._client(settings, place, is_unasked=asked is None)
        try:
            response = client.parse_authn_request_response(answer, BINDING_HTTP_POST, outstanding)
        except SignatureError as error:
            raise refused("sso_wrong_signature") from error
        except UnsolicitedResponse as error:
            raise refused("sso_unasked") from error
        except (ResponseLifetimeExceed, ToEarly) as error:
            raise refused("sso_wrong_time") from error
        except StatusError as error:
            raise refused("sso_canceled") from error
        except Exception as error:  # the library raises plain exceptions for much that can be wrong
            is_audience = str(error).startswith(("AudienceRestriction", "No valid recipient"))
            raise refused("sso_wrong_audience" if is_audience else "sso_unreadable") from error
        if response is None:
            raise refused("sso_wrong_audience")
        return response

    def _sign_in_address(self, client: "Saml2Client", settings: SamlSettings) -> str:
        from saml2 import BINDING_HTTP_REDIRECT  # noqa: PLC0415  # as above

        services = client.metadata.single_sign_on_service(settings.issuer, BINDING_HTTP_REDIRECT)
        return str(services[0]["location"]) if services else ""

    def _client(self, settings: SamlSettings, place: Place, *, is_unasked: bool) -> "Saml2Client":
        from saml2.client import Saml2Client  # noqa: PLC0415  # as above
        from saml2.config import SPConfig  # noqa: PLC0415  # as above

        config = self._config(place, is_unasked=is_unasked) | {"metadata": {"inline": [settings.metadata]}}
        return Saml2Client(config=SPConfig().load(config))

    def _config(self, place: Place, *, is_unasked: bool) -> dict[str, Any]:
        from saml2 import BINDING_HTTP_POST  # noqa: PLC0415  # as above

        return {
            "entityid": place.entity_id,
            "xmlsec_binary": self.program,
            "allow_unknown_attributes": True,
            "accepted_time_diff": LEEWAY_SECONDS,
            "service": {
                "sp": {
                    "endpoints": {"assertion_consumer_service": [(place.answers_at, BINDING_HTTP_POST)]},
                    "allow_unsolicited": is_unasked,
                    "authn_requests_signed": False,
                    "want_assertions_signed": True,
                    "want_response_signed": False,
                    "only_use_keys_in_metadata": True,
                }
            },
        }


def decoded(answer: str) -> bytes:
    if not answer or len(answer) > ANSWER_MAX:
        raise refused("sso_unreadable")
    try:
        return base64.b64decode("".join(answer.split()), validate=True)
    except (ValueError, binascii.Error) as error:
        raise refused("sso_unreadable") from error


def parse(document: bytes) -> Any:  # noqa: ANN401  # the standard library's Element, untyped here
    """The root element; None for what is no XML, and for all that declares a document type or an entity."""
    from defusedxml import DefusedXmlException  # noqa: PLC0415  # comes with pysaml2
    from defusedxml.ElementTree import ParseError, fromstring  # noqa: PLC0415  # as above

    try:
        return fromstring(document, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        return None


def check_whole(response: "AuthnResponse", settings: SamlSettings, place: Place) -> None:
    """What the profile demands (SAML Profiles §4.1.4.2) and the library lets pass when it is missing."""
    told = response.response
    if len(told.assertion) != 1 or told.encrypted_assertion or len(response.assertions) != 1:
        raise refused("sso_unreadable")
    (assertion,) = response.assertions
    if assertion.id != told.assertion[0].id or assertion.advice is not None:
        raise refused("sso_wrong_signature")
    if assertion.issuer is None or (assertion.issuer.text or "").strip() != settings.issuer:
        raise refused("sso_wrong_issuer")
    if told.issuer is not None and (told.issuer.text or "").strip() != settings.issuer:
        raise refused("sso_wrong_issuer")
    check_signed_well(assertion)
    conditions = assertion.conditions
    if conditions is None or not conditions.not_on_or_after:
        raise refused("sso_wrong_time")
    audiences = [
        {(one.text or "").strip() for one in restriction.audience} for restriction in conditions.audience_restriction
    ]
    if not audiences or not all(place.entity_id in named for named in audiences):
        raise refused("sso_wrong_audience")
    if told.destination and told.destination != place.answers_at:
        raise refused("sso_wrong_audience")
    for confirmation in assertion.subject.subject_confirmation:
        data = confirmation.subject_confirmation_data
        if data is None or data.recipient != place.answers_at or not data.not_on_or_after:
            raise refused("sso_wrong_audience")


def check_signed_well(assertion: Any) -> None:  # noqa: ANN401  # the library's classes have no types
    """One reference, to this assertion, and no SHA-1."""
    signature = assertion.signature
    if signature is None:
        raise refused("sso_wrong_signature")
    references = signature.signed_info.reference
    methods = [signature.signed_info.signature_method.algorithm, *(one.digest_method.algorithm for one in references)]
    if [one.uri for one in references] != [f"#{assertion.id}"]:
        raise refused("sso_wrong_signature")
    if any(
        method.rpartition("#")[2] in ("rsa-sha1", "dsa-sha1", "sha1", "ecdsa-sha1", "rsa-md5", "md5")
        for method in methods
    ):
        raise refused("sso_wrong_signature")


def arrived(response: "AuthnResponse", asked: str | None) -> Arrived:
    assertion = response.assertion
    statement = assertion.authn_statement[0]
    name_id = response.name_id
    text = "" if name_id is None else (name_id.text or "").strip()
    kind = "" if name_id is None else name_id.format or ""
    attributes = {name.lower(): values for name, values in (response.ava or {}).items()}
    mail = first(attributes, MAIL_NAMES) or (text if kind == f"{FORMAT}emailAddress" or "@" in text else "")
    if not mail:
        raise refused("sso_no_mail")
    # A number that is another one each time stands for nobody: then it is the address.
    subject = f"mail|{mail}" if kind == TRANSIENT or not text else f"{kind}|{text}"
    full = first(attributes, NAME_NAMES) or " ".join(
        part for part in (first(attributes, GIVEN_NAMES), first(attributes, FAMILY_NAMES)) if part
    )
    context = statement.authn_context
    shown = (
        "" if context is None or context.authn_context_class_ref is None else context.authn_context_class_ref.text or ""
    )
    factors = 2 if shown.rstrip("/").replace(":", "/").rpartition("/")[2] in MANY_FACTORS else 1
    identity = Identity(subject, mail, full, factors, moment(statement.authn_instant))
    ends = max(
        moment(one) or clock.now()
        for one in (
            assertion.conditions.not_on_or_after,
            *(one.subject_confirmation_data.not_on_or_after for one in assertion.subject.subject_confirmation),
        )
    )
    return Arrived(identity, asked, assertion.id, ends + timedelta(seconds=LEEWAY_SECONDS))


def check_fresh(identity: Identity) -> None:
    if identity.proved_at is None or identity.proved_at < clock.now() - FRESH:
        raise refused("sso_not_fresh")


def first(attributes: dict[str, Any], names: tuple[str, ...]) -> str:
    for name in names:
        values = attributes.get(name)
        if isinstance(values, list) and values and isinstance(values[0], str) and values[0].strip():
            return str(values[0]).strip()
    return ""


def moment(text: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def bad_metadata(detail: str) -> Invalid:
    return Invalid("invalid_metadata", detail, param="metadata")


__all__ = ["Arrived", "Place", "Refused", "Saml", "check_fresh"]
