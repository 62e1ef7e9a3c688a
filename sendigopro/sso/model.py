"""The nouns of single sign-on: connections of accounts, what a provider says of somebody, what can go wrong. No I/O."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

import msgspec

from sendigopro.accounts.people import ROLES
from sendigopro.foundation.problems import Invalid, NotAllowed

PREFIX: Final = "sso"
DEFAULT_ROLES: Final = tuple(role for role in ROLES if role != "owner")
"""Nobody becomes an owner because a provider says so."""


class Kind(StrEnum):
    """The protocol a provider speaks."""

    OIDC = "oidc"
    SAML = "saml"


class OidcSettings(msgspec.Struct, frozen=True, tag="oidc"):
    """What an OpenID provider knows us by; sealed."""

    issuer: str
    client_id: str
    client_secret: str

    def __repr__(self) -> str:
        return "<OidcSettings>"


class SamlSettings(msgspec.Struct, frozen=True, tag="saml"):
    """What a SAML identity provider says of itself; sealed."""

    issuer: str
    """Its entity id."""
    metadata: str

    def __repr__(self) -> str:
        return "<SamlSettings>"


Settings = OidcSettings | SamlSettings


@dataclass(frozen=True, slots=True)
class Choices:
    """What an account decides about a connection."""

    default_role: str
    joins: bool
    """Whether who is no member yet becomes one."""
    is_required: bool
    """Whether members of its domains come in no other way; an owner's password opens all the same."""
    is_unasked: bool
    """Whether a SAML sign-in may begin at the provider."""


@dataclass(frozen=True, slots=True)
class Connection:
    """A provider that an account trusts with who its people are."""

    account_id: UUID
    id: UUID
    kind: Kind
    settings: Settings = field(repr=False)
    choices: Choices
    created_at: datetime
    refused: str | None
    refused_at: datetime | None
    scim_made_at: datetime | None


@dataclass(frozen=True, slots=True)
class Domain:
    """A mail domain an account says is its own."""

    connection_id: UUID
    mac: bytes = field(repr=False)
    name: str = field(repr=False)
    verified_at: datetime | None


@dataclass(frozen=True, slots=True)
class Identity:
    """What a provider said of who signs in, after all of it was verified."""

    subject: str = field(repr=False)
    mail: str = field(repr=False)
    name: str = field(repr=False)
    factors: int
    proved_at: datetime | None
    """When they showed the provider a credential, if it says so."""


class Refused(NotAllowed):
    """A sign-in by a provider that goes no further: `code` is what an admin looks up, `detail` what to do."""


REASONS: Final = {
    "sso_not_begun": "This sign-in was not begun in this browser, took longer than ten minutes, or was used already. "
    "Begin again.",
    "sso_canceled": "The sign-in was cancelled at your company's provider, or it refused it. Begin again, or ask the "
    "people who look after it.",
    "sso_unreachable": "Your company's provider does not answer as it should. Try again in a few minutes; if it stays "
    "so, an admin can press Test on the page Single sign-on.",
    "sso_wrong_client": "Your company's provider does not accept how we name ourselves. An admin should check client "
    "id and secret on the page Single sign-on.",
    "sso_wrong_signature": "What came back is not signed with a key of your company's provider.",
    "sso_wrong_issuer": "What came back is from another provider than the one that is set up.",
    "sso_wrong_audience": "What came back is meant for another application than this one. An admin should check the "
    "client id, or the audience, at the provider.",
    "sso_wrong_time": "What came back is not valid now: the clock of the provider may be wrong, or it took too long.",
    "sso_wrong_nonce": "What came back belongs to another sign-in. Begin again.",
    "sso_replayed": "What came back was used before. Begin again.",
    "sso_unasked": "This sign-in began at the provider, and the connection does not allow that. Begin at our page.",
    "sso_unreadable": "What came back cannot be read.",
    "sso_no_mail": "Your company's provider does not say your mail address, or not that it is verified. An admin "
    "should let it send the address and that it is verified.",
    "sso_foreign_domain": "Your mail address is of a domain that this connection does not speak for. An admin should "
    "add and verify the domain.",
    "sso_not_a_member": "You are no member of the account yet. Ask one of its admins to invite you.",
    "sso_let_go": "Your company has ended your access here. Ask the people who look after it.",
    "sso_other_subject": "Somebody else has signed in with this address before. An admin should remove the old member "
    "from the team first.",
    "sso_not_fresh": "Your company's provider did not ask for your credential again. Sign out there, then begin again.",
}  # fmt: skip
"""Code → what failed and what to do: the words of the page, and what an admin looks up."""


def refused(code: str) -> Refused:
    return Refused(code, REASONS[code])


def check_role(role: str) -> str:
    if role not in DEFAULT_ROLES:
        raise Invalid("invalid_role", f"The roles are: {', '.join(DEFAULT_ROLES)}.", param="default_role")
    return role
