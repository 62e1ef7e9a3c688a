"""The console as a visitor meets it: pages found by their links, and the forms that stand on them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from tests.console.test_sign_in_pages import Browser
from tests.web.serving import Reply

PAGES_MAX = 150
FILES = (".css", ".js", ".svg")


@dataclass(slots=True)
class Form:
    """A form as it stands on a page: where it goes, and what it would send untouched."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Page:
    """What one address answered."""

    path: str
    answered: Reply
    forms: list[Form]
    links: list[str]
    files: list[str]


class Reader(HTMLParser):
    """Takes links, files and forms out of a page."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.files: list[str] = []
        self.form: Form | None = None
        self.select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in given:
            self.links.append(urljoin(self.path, given["href"]))
        elif tag in ("link", "script") and (given.get("href") or given.get("src")):
            self.files.append(given.get("href") or given["src"])
        elif tag == "form":
            self.form = Form(urljoin(self.path, given.get("action", "")), given.get("method", "get").lower())
            self.forms.append(self.form)
        elif self.form is not None:
            self.read_field(tag, given)

    def read_field(self, tag: str, given: dict[str, str]) -> None:
        assert self.form is not None
        name = given.get("name", "")
        if tag == "select":
            self.select = name
        elif tag == "option" and self.select:
            if "selected" in given or self.select not in self.form.fields:
                self.form.fields[self.select] = given.get("value", "")
        elif name and tag in ("input", "textarea", "button"):
            if given.get("type") in ("checkbox", "radio") and "checked" not in given:
                self.form.fields.setdefault(name, given.get("value", "on"))
            else:
                self.form.fields[name] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.form = None
        elif tag == "select":
            self.select = ""


def read_page(path: str, answered: Reply) -> Page:
    reader = Reader(path)
    reader.feed(answered.body.decode("utf-8", "replace"))
    return Page(path, answered, reader.forms, reader.links, reader.files)


async def crawl(browser: Browser, start: str = "/console") -> list[Page]:
    """Every page of the console that can be reached by links, each once."""
    waiting, seen, found = [start], {start}, list[Page]()
    while waiting and len(found) < PAGES_MAX:
        path = waiting.pop(0)
        answered = await browser.get(path)
        if not answered.headers.get("content-type", "").startswith("text/html"):
            continue
        page = read_page(path, answered)
        found.append(page)
        for link in ours(page.links):
            if link not in seen:
                seen.add(link)
                waiting.append(link)
    return found


def ours(links: list[str]) -> Iterator[str]:
    """Addresses of the console, without what only says where on the page."""
    for link in links:
        parts = urlsplit(link)
        if not parts.netloc and parts.path.startswith("/console") and not parts.path.endswith("/stream"):
            yield parts.path + (f"?{parts.query}" if parts.query else "")
