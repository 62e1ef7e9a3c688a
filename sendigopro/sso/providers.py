"""How a process talks to providers: what the pages of single sign-on are given."""

from dataclasses import dataclass

from sendigopro.foundation import ids
from sendigopro.settings import Settings
from sendigopro.sso.domains import TextRecords, ask_text_records
from sendigopro.sso.fetch import Fetcher
from sendigopro.sso.model import PREFIX, Connection
from sendigopro.sso.oidc import Oidc
from sendigopro.sso.saml import Place, Saml

SIGN_IN = "/console/sign-in"
OIDC_PATH = f"{SIGN_IN}/oidc"


@dataclass(slots=True)
class Providers:
    """One per process; a test gives it another way to look up names."""

    url: str
    """Where customers reach us: providers know us by it."""
    fetcher: Fetcher
    oidc: Oidc
    saml: Saml
    text_records: TextRecords

    @property
    def redirect_uri(self) -> str:
        return self.url + OIDC_PATH

    def place_of(self, connection: Connection) -> Place:
        """Each SAML connection has addresses of its own, which say whose answer it is."""
        at = f"{self.url}{SIGN_IN}/saml/{ids.typed(PREFIX, connection.id)}"
        return Place(f"{at}/metadata", at)


def providers_of(settings: Settings) -> Providers:
    fetcher = Fetcher(allow_private=settings.allow_private_webhooks)
    return Providers(settings.url, fetcher, Oidc(fetcher), Saml(program=settings.xmlsec1), ask_text_records)
