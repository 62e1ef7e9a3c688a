"""The door of the purse: what an account has, and what is spoken for."""

from typing import Literal

import msgspec
from litestar import get
from litestar.di import NamedDependency as Given

from sendigopro.accounts.model import Caller
from sendigopro.accounts.scopes import need
from sendigopro.foundation.operations import Operation
from sendigopro.foundation.postgres import as_account
from sendigopro.foundation.problems import NotFound
from sendigopro.ledger import store
from sendigopro.runtime import Runtime


class BalanceObject(msgspec.Struct, kw_only=True):
    """Money in millionths of the currency's unit. `held_micros` is spoken for by messages on their way."""

    object: Literal["balance"] = "balance"
    currency: str
    balance_micros: int
    held_micros: int
    limit_micros: int | None
    """How far below zero the balance may go; null: there is no limit, and nothing is held."""


@get("/v1/balance")
async def get_balance(caller: Given[Caller], runtime: Given[Runtime]) -> BalanceObject:
    """What the account has now."""
    need(caller, "balance.read")
    async with as_account(runtime.door, caller.account_id) as conn:
        credit = await store.read_credit(conn, account_id=caller.account_id)
    if credit is None:
        raise NotFound("not_found", "This account has no balance.")
    return BalanceObject(
        currency=credit.currency,
        balance_micros=credit.balance_micros,
        held_micros=credit.held_micros,
        limit_micros=credit.limit_micros,
    )


routes = [get_balance]
operations = (
    Operation(
        method="GET",
        path="/v1/balance",
        name="get_balance",
        summary="What the account has, and what is held",
        tag="Balance",
        answers={200: BalanceObject},
        answer_example={
            "object": "balance",
            "currency": "EUR",
            "balance_micros": 25_000_000,
            "held_micros": 140_000,
            "limit_micros": 0,
        },
        problems=(403, 404),
    ),
)
