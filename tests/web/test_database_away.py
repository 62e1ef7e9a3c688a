"""A database that goes away in the middle of a request is nobody's mistake: 503, and try again."""

import json
from uuid import uuid4

from sendigopro.foundation.asgi import Receive, Scope, Send, answer
from sendigopro.foundation.phones import parse_phone
from sendigopro.foundation.postgres import Pool
from sendigopro.vault.vault import Vault
from sendigopro.web.measures import Measures
from sendigopro.web.root import Doors, Root, nothing_here
from tests.web.serving import reply, say, serving

REQUEST = b"GET /who HTTP/1.1\r\nHost: test\r\n\r\n"


async def test_a_vault_that_goes_away_is_a_503_with_a_time_to_come_back(vault: Vault, vault_pool: Pool) -> None:
    account = uuid4()
    await vault.load_account(account)
    strangers = iter(parse_phone(f"+49151{n}") for n in (11111111, 22222222))

    async def who(_scope: Scope, _receive: Receive, send: Send) -> None:
        await vault.subjects_of(account, 1, [next(strangers)])
        await answer(send, 200, b"{}")

    doors = Doors(exact={"/who": {"GET": who}}, prefixes={}, rest=nothing_here)
    async with serving(Root(doors, measures=Measures())) as port:
        before = reply(await say(port, REQUEST))
        vault_pool.terminate()
        after = reply(await say(port, REQUEST))

    assert before.status == 200
    assert after.status == 503
    assert after.headers["retry-after"] == "2"
    assert json.loads(after.body)["code"] == "storage_unavailable"
