"""A message goes out, comes back receipted, and its status says so."""

from sendigopro.messages.model import Status
from tests.messages.house import House


async def test_a_message_with_a_test_key_is_delivered_by_the_sandbox(house: House) -> None:
    accepted = await house.send(body="hello", metadata={"order": "7"}, tags=["welcome"])
    await house.start_worker()

    delivered = await house.until(accepted.id, Status.DELIVERED)

    assert accepted.status is Status.QUEUED
    assert delivered.body == "hello"
    assert delivered.metadata == {"order": "7"}
    assert await house.fetch("SELECT 1 FROM main.chunks") == []
