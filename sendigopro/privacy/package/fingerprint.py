"""What must be equal when a package has been imported elsewhere and is made there again: the person and what was said.

Not covered is what tells of the place that holds it: the account, its terms, when the package was made and for which
request, how data is handled there, and what that account's systems were told (webhooks.csv).
"""

from hashlib import sha256

import msgspec

from sendigopro.privacy.package.model import Data

_ENCODER = msgspec.json.Encoder(order="deterministic")


class Fingerprint:
    """Fed with the lines of messages in order of time, ended with the rest."""

    def __init__(self) -> None:
        self._hash = sha256()

    def feed(self, lines: bytes) -> None:
        self._hash.update(lines)

    def end(self, data: Data) -> str:
        rest = (data.person, data.standing, data.carriers, data.countries)
        self._hash.update(_ENCODER.encode(rest))
        return self._hash.hexdigest()
