"""A site that sends mail to a postbox on loopback, for tests of who comes in by a link."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sendigopro import worker
from sendigopro.mail.send import Outgoing
from tests.console.test_sign_in_pages import Browser
from tests.databases import Databases
from tests.mail.postbox import Postbox, postbox
from tests.messages.house import house_of
from tests.web.conftest import Site, site_of
from tests.web.serving import Reply

URL = "http://localhost:8080"


@dataclass(slots=True)
class Town:
    """The site, and the mailbox that everybody in these tests reads."""

    site: Site
    box: Postbox
    outgoing: Outgoing
    url: str

    def browser(self) -> Browser:
        return Browser(self.site)

    async def link(self, *, to: str) -> str:
        """The link in the next mail, without our address: what a browser opens here."""
        await self.outgoing.step()
        link = await self.box.next_link(to=to)
        assert link.startswith(f"{self.url}/console/")
        return link.removeprefix(self.url)

    async def is_quiet(self) -> bool:
        """Whether no mail is under way to anybody."""
        await self.outgoing.step()
        return self.box.mails.empty()


def token_in(link: str) -> str:
    (token,) = parse_qs(urlsplit(link).query)["token"]
    return token


async def follow(browser: Browser, answered: Reply) -> Reply:
    assert answered.status == 303, answered.body.decode()
    return await browser.get(answered.headers["location"])


@asynccontextmanager
async def town_of(
    databases: Databases, folder: Path, *, sign_up: str = "open", url: str = URL, port: int = 0, **settings: Any
) -> AsyncIterator[Town]:
    """Serve it."""
    async with (
        postbox() as box,
        house_of(databases, folder, smtp_url=box.url, sign_up=sign_up, base_url=url, **settings) as house,
        site_of(house, databases, port=port) as site,
    ):
        owner = await databases.main("owner")
        for left in ("sign_in_failures", "mails", "sign_ups", "password_resets", "invitations"):
            await owner.execute(f"DELETE FROM main.{left}")  # noqa: S608  # named here
        outgoing = worker.outgoing_of(house.runtime, house.vault)
        assert outgoing is not None
        yield Town(site, box, outgoing, url)
