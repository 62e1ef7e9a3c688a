"""How a message would go, by the very functions that would send it; nobody is met by the vault, nothing is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sendigopro.accounts import staff_store
from sendigopro.accounts.go_live import refuse_not_live
from sendigopro.accounts.keys import Caller
from sendigopro.accounts.model import LIVE
from sendigopro.channels.directory import Directory
from sendigopro.channels.senders import kind_of
from sendigopro.consent.store import standing_of
from sendigopro.foundation import segments
from sendigopro.foundation.alphabets import Encoding
from sendigopro.foundation.personal import Phone
from sendigopro.foundation.phones import parse_phone
from sendigopro.foundation.postgres import Reading
from sendigopro.foundation.problems import Problem
from sendigopro.ledger import store as ledger
from sendigopro.messages.accept import Acceptor, NewMessage, Sketch
from sendigopro.messages.model import Channel
from sendigopro.messages.route import Choice, order_of
from sendigopro.vault.vault import Vault

Tone = Literal["good", "warn", "bad", ""]
STANDING_TOLD = {
    "opted_out": "This person opted out.",
    "restricted": "This person asked that their data is not used.",
    "erased": "This person was forgotten and must not be written to.",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is looked at on the way."""

    what: str
    tone: Tone
    found: str
    why: str


@dataclass(frozen=True, slots=True)
class Simulation:
    """The way of a message that nobody sent."""

    verdict: str
    tone: Tone
    told: str
    steps: Sequence[Step]
    route: Sequence[Choice]


@dataclass(frozen=True, slots=True)
class Ways:
    """What a simulation looks at."""

    acceptor: Acceptor
    directory: Directory
    vault: Vault
    reading: Reading


async def simulate(ways: Ways, caller: Caller, asked: NewMessage, *, tells_standing: bool) -> Simulation:
    """`tells_standing`: whether who asks may know that somebody must not be written to."""
    phone, number = number_step(asked.to)
    sketch = sketched(ways, caller, asked)
    route = order_of(ways.directory.route(caller.account_id, caller.mode, Channel.SMS))
    money, affordable = await credit_step(ways, caller, sketch)
    going_live = await state_step(ways, caller)
    standing = await standing_step(ways, caller, phone if tells_standing else None)
    steps = [
        *([going_live] if going_live else []), number, sender_step(ways, caller, asked), text_step(asked.body),
        route_step(route), money, *([standing] if standing else []),
    ]  # fmt: skip
    if isinstance(sketch, Problem):
        return Simulation("It would be refused", "bad", f"{sketch.detail} ({sketch.code})", steps, route)
    if going_live is not None:
        return Simulation("It would be refused", "bad", f"{going_live.why} (not_live_yet)", steps, route)
    if not affordable:
        return Simulation("It would be refused", "bad", "The account's credit does not cover it.", steps, route)
    if standing is not None and standing.tone == "bad":
        return Simulation(
            "It would be accepted, then rejected", "bad", f"{standing.found} It never leaves, and is not billed.",
            steps, route,
        )  # fmt: skip
    first = route[0].carrier.name
    return Simulation("It would go", "good", f"By {first}, from {sketch.sender.value}.", steps, route)


def sketched(ways: Ways, caller: Caller, asked: NewMessage) -> Sketch | Problem:
    try:
        return ways.acceptor.sketch(caller, asked)
    except Problem as problem:
        return problem


def number_step(to: str) -> tuple[Phone | None, Step]:
    try:
        found = parse_phone(to)
    except Problem as problem:
        return None, Step("Number", "bad", "Not a number that exists", problem.detail)
    where = found.country if found.country.isalpha() else "of no country"
    return found.phone, Step("Number", "good", f"Valid, {where}", "By the numbering plan of its country.")


def sender_step(ways: Ways, caller: Caller, asked: NewMessage) -> Step:
    sender = ways.directory.sender(caller.account_id, Channel.SMS, asked.sender)
    if sender is None:
        why = "No sender was named and none is the default." if asked.sender is None else "It is not the account's."
        return Step("Sender", "bad", "None", why)
    why = "The account's default." if asked.sender is None else "As named."
    return Step("Sender", "good", f"{sender.value}, a {kind_of(sender.value).replace('_', ' ')}", why)


def text_step(body: str) -> Step:
    counted = segments.count(body)
    is_gsm = counted.encoding is Encoding.GSM7
    each = "160 characters fit one segment, 153 each of several." if is_gsm else "70 fit one, 67 each of several."
    why = f"{'Every character is' if is_gsm else 'Not every character is'} in the GSM 7-bit alphabet: {each}"
    many = "segment" if counted.parts == 1 else "segments"
    return Step("Text", "good", f"{counted.parts} {many}, {'GSM 7-bit' if is_gsm else 'UCS-2'}", why)


def route_step(route: Sequence[Choice]) -> Step:
    if not route:
        return Step("Route", "bad", "No carrier", "Whoever runs the installation sets one up.")
    names = ", then ".join(one.carrier.name for one in route)
    return Step("Route", "good", names, "The first that is switched on; the next after a failure.")


async def credit_step(ways: Ways, caller: Caller, sketch: Sketch | Problem) -> tuple[Step, bool]:
    if isinstance(sketch, Problem):
        return Step("Price", "", "not looked at", "Known once nothing refuses it."), True
    price = f"{sketch.price_micros / 1_000_000:.4f} {sketch.currency}"
    async with ways.reading(caller.account_id) as conn:
        credit = await ledger.read_credit(conn, account_id=caller.account_id)
    if caller.mode != LIVE:
        return Step("Price", "good", price, "Test messages cost nothing."), True
    if credit is None or credit.limit_micros is None:
        return Step("Price", "good", price, "The account has no limit."), True
    is_enough = credit.balance_micros + credit.limit_micros - credit.held_micros >= sketch.price_micros
    why = "Credit covers it." if is_enough else "Credit does not cover it."
    return Step("Price", "good" if is_enough else "bad", price, why), is_enough


async def state_step(ways: Ways, caller: Caller) -> Step | None:
    """Only where it stands in the way."""
    if caller.mode != LIVE:
        return None
    async with ways.reading(caller.account_id) as conn:
        state = await staff_store.read_state(conn, account_id=caller.account_id)
    try:
        refuse_not_live(state)
    except Problem as problem:
        return Step("Account", "bad", (state or "").replace("_", " "), problem.detail)
    return None


async def standing_step(ways: Ways, caller: Caller, phone: Phone | None) -> Step | None:
    if phone is None:
        return None
    await ways.vault.load_account(caller.account_id)
    mac = ways.vault.suppression_mac(caller.account_id, phone)
    async with ways.reading(caller.account_id) as conn:
        found = await standing_of(conn, account_id=caller.account_id, macs=[mac])
    if not found:
        return Step("Person", "good", "May be written to", "No opt-out, no restriction; asked again as it leaves.")
    return Step("Person", "bad", STANDING_TOLD[found[mac]], "Asked in the moment in which a message leaves.")
