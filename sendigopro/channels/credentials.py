"""A carrier's credentials: read from what was typed, sealed for the database, opened for the link."""

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from typing import Any, get_type_hints
from uuid import UUID

import msgspec

from sendigopro.channels.model import PLATFORM
from sendigopro.channels.registry import providers
from sendigopro.foundation.problems import Invalid
from sendigopro.vault.vault import Vault

TRUE_WORDS = {"1", "true", "yes", "on"}


def read(provider: str, typed: Mapping[str, str]) -> Any:
    """Make a provider's credentials of texts; says which field is missing, unknown or of the wrong kind."""
    found = providers().get(provider)
    if found is None:
        raise Invalid(
            "unknown_provider", f"There is no provider '{provider}'. Known: {', '.join(sorted(providers()))}."
        )
    kinds = get_type_hints(found.credentials)
    known = {known.name: known for known in fields(found.credentials)}
    for name in typed:
        if name not in known:
            raise Invalid("unknown_field", f"{provider} knows no '{name}'. It knows: {', '.join(known)}.", param=name)
    values = {name: _value(name, text, kinds[name]) for name, text in typed.items()}
    missing = [name for name, its in known.items() if name not in values and not _has_default(its)]
    if missing:
        raise Invalid("missing_field", f"{provider} needs {', '.join(missing)}.", param=missing[0])
    return found.credentials(**values)


def _has_default(known: Field[Any]) -> bool:
    return known.default is not MISSING or known.default_factory is not MISSING


def _value(name: str, text: str, kind: Any) -> Any:
    if kind is bool:
        return text.lower() in TRUE_WORDS
    try:
        return msgspec.convert(text, kind, strict=False)
    except msgspec.ValidationError as error:
        raise Invalid("invalid_value", f"'{name}': {error}", param=name) from None


async def seal(vault: Vault, carrier_id: UUID, credentials: Any) -> bytes:
    """The form in which the database holds them."""
    packed = msgspec.msgpack.encode({f.name: getattr(credentials, f.name) for f in fields(credentials)})
    return await vault.seal_account(PLATFORM, "carriers", "credentials", carrier_id, packed)


async def open_(vault: Vault, carrier_id: UUID, provider: str, sealed: bytes) -> Any:
    """Read them back; a field that came with a later version has its default."""
    kind = providers()[provider].credentials
    values = msgspec.msgpack.decode(await vault.open_account(PLATFORM, "carriers", "credentials", carrier_id, sealed))
    names = {f.name for f in fields(kind)}
    return kind(**{name: value for name, value in values.items() if name in names})
