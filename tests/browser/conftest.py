"""What all tests in a browser share."""

from tests.browser.look import page as page  # noqa: PLC0414  # the fixture, by its own name
from tests.web.conftest import site as site  # noqa: PLC0414  # the same
