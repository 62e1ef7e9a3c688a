"""What people and an account write to each other in tests of packages."""

from sendigopro.channels.contract import Inbound
from sendigopro.events.bus import Bus
from sendigopro.foundation import ids
from sendigopro.foundation.personal import Body, Phone
from sendigopro.messages.model import Mode
from sendigopro.messages.receive import Receiver as InboxOf
from sendigopro.messages.view import MessageObject
from tests.messages.house import House

ANNA, BERT, CLEO = "+4915112345678", "+4915187654321", "+447400123456"
LONG = "A sentence that is longer than a single segment may be. " * 5


async def correspond(house: House, number: str, *, times: int, callback: str | None = None) -> list[MessageObject]:
    """Send to a person, short and long, and have them answer."""
    sent = [
        await house.send(
            to=number,
            body=f"{time} for {number} {LONG if time % 2 else ''}",
            metadata={"order": f"{number[-4:]}-{time}"},
            tags=[f"tag {number[-4:]}"],
            callback_url=callback,
        )
        for time in range(times)
    ]
    sender = house.directory.sender(house.account_id, 1, None)
    assert sender is not None
    runtime = house.runtime
    inbox = InboxOf(pool=runtime.main, vault=house.vault, directory=house.directory, bus=Bus(), owner="web-1")
    inbound = Inbound(Phone(number), sender.value, Body(f"=answer of {number}"))
    message_id = await inbox.receive(sender, mode=Mode.TEST, inbound=inbound)
    return [*sent, await house.see(ids.typed("msg", message_id))]
