"""A SCIM user as it is told, kept and shown (RFC 7643), and how a PATCH changes one (RFC 7644 §3.5.2). No I/O.

Kept is what signing in needs: who it is, what they are called, and whether they may come in. All else that the core
schema knows is passed over in silence, as a provider sends what it is set up to send.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from sendigopro.accounts.people import read_mail
from sendigopro.foundation.problems import Invalid

USER: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
PATCH: Final = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
TEXT_MAX: Final = 200
OPERATIONS_MAX: Final = 100
TEXTS: Final = {"username": "userName", "externalid": "externalId", "displayname": "displayName"}
NAME_PARTS: Final = {"givenname": "givenName", "familyname": "familyName"}
PASSED_OVER: Final = frozenset(
    {
        "schemas", "id", "meta", "emails", "name.formatted", "name.middlename", "name.honorificprefix",
        "name.honorificsuffix", "nickname", "profileurl", "title", "usertype", "preferredlanguage", "locale",
        "timezone", "password", "phonenumbers", "ims", "photos", "addresses", "groups", "entitlements", "roles",
        "x509certificates",
    }
)  # fmt: skip
TRUTHS: Final = {"true": True, "false": False}
PATH: Final = re.compile(r"[A-Za-z][\w-]*(\.[A-Za-z][\w-]*)?")

User = dict[str, Any]
"""`userName`, and what else was told of `externalId`, `displayName`, `name` and `active`."""


def read_user(body: Mapping[str, Any], *, before: User | None = None) -> User:
    """Whole, as POST and PUT bring it: what is missing is unassigned, but whoever is new may come in."""
    user: User = {} if before is None else {"userName": before["userName"]}
    for name, value in body.items():
        if value is not None:
            put(user, name, value)
    if "userName" not in user:
        raise wrong("invalid_value", "userName is missing: the mail address that somebody signs in with.")
    user.setdefault("active", True)
    return user


def patch_user(before: User, body: Mapping[str, Any]) -> User:
    """All operations, or none: the first that cannot be done is told."""
    operations = next((value for name, value in body.items() if name.lower() == "operations"), None)
    if not isinstance(operations, list) or not operations or len(operations) > OPERATIONS_MAX:
        raise wrong("invalid_syntax", f"A PatchOp has 1 to {OPERATIONS_MAX} Operations.")
    user: User = {**before, **({"name": dict(before["name"])} if "name" in before else {})}
    for operation in operations:
        if not isinstance(operation, dict) or not isinstance(operation.get("op"), str):
            raise wrong("invalid_syntax", "Each operation has an op: add, replace or remove.")
        apply(user, operation["op"].lower(), operation.get("path"), operation.get("value"))
    return user


def apply(user: User, op: str, path: object, value: object) -> None:
    if op not in ("add", "replace", "remove"):
        raise wrong("invalid_syntax", "An op is add, replace or remove.")
    if path is not None and not isinstance(path, str):
        raise wrong("invalid_path", "A path is a text.")
    if op == "remove":
        if not path:
            raise wrong("no_target", "To remove something, say what: give a path.")
        take(user, path)
    elif path:
        put(user, path, value)
    elif isinstance(value, dict):
        for name, one in value.items():
            put(user, name, one)
    else:
        raise wrong("invalid_value", "Without a path, the value is an object of attributes.")


def put(user: User, path: str, value: object) -> None:
    """Set one attribute; those that are not kept are passed over."""
    name = place_of(path)
    if name in TEXTS:
        put_text(user, TEXTS[name], value)
    elif name == "active":
        user["active"] = truth(value)
    elif name == "name":
        if not isinstance(value, dict):
            raise wrong("invalid_value", "name is an object with givenName and familyName.")
        for part, one in value.items():
            put(user, f"name.{part}", one)
    elif name.startswith("name.") and name[5:] in NAME_PARTS:
        user.setdefault("name", {})[NAME_PARTS[name[5:]]] = text(value, path)


def put_text(user: User, name: str, value: object) -> None:
    told = text(value, name)
    if name == "userName":
        told = mail_of(told)
        known = user.get("userName")
        if known is not None and known.casefold() != told.casefold():
            raise wrong(
                "immutable",
                "userName stays as it is: an address is who somebody is here. Delete this user, create the new one.",
            )
        told = known or told
    user[name] = told


def take(user: User, path: str) -> None:
    """Unassign one attribute."""
    name = place_of(path)
    if name == "username":
        raise wrong("immutable", "userName cannot be removed.")
    if name in TEXTS:
        user.pop(TEXTS[name], None)
    elif name.startswith("name.") and name[5:] in NAME_PARTS:
        user.get("name", {}).pop(NAME_PARTS[name[5:]], None)
    else:
        user.pop(name, None)
    if not user.get("name", True):
        del user["name"]


def place_of(path: str) -> str:
    """An attribute by its name in small letters, one we know or pass over; `Invalid` for what is no such path."""
    urn, _, rest = path.strip().rpartition(":")
    plain = re.sub(r"\[[^\]]*\]", "", rest).strip()
    if urn and urn.lower() != USER.lower():
        return "id" if urn.lower().startswith("urn:") else unknown(path)  # an extension's: passed over
    if PATH.fullmatch(plain) is None:
        return unknown(path)
    name = plain.lower()
    head = name.partition(".")[0]
    if name in TEXTS or name in ("active", "name") or (head == "name" and name[5:] in NAME_PARTS):
        return name
    return name if name in PASSED_OVER or head in PASSED_OVER else unknown(path)


def unknown(path: str) -> str:
    if path.lower().startswith("urn:"):
        return "id"
    raise wrong("invalid_path", "There is no such attribute in the core schema of users.")


def is_active(user: User) -> bool:
    """Whether they may come in: only who is said to be."""
    return user.get("active") is True


def full_name(user: User) -> str:
    parts = user.get("name", {})
    joined = " ".join(parts[part] for part in ("givenName", "familyName") if parts.get(part))
    return user.get("displayName") or joined


def text(value: object, path: str) -> str:
    if not isinstance(value, str) or not 0 < len(value.strip()) <= TEXT_MAX or not value.isprintable():
        raise wrong("invalid_value", f"{path[:60]} is a text of 1 to {TEXT_MAX} printable characters.")
    return value.strip()


def truth(value: object) -> bool:
    """Entra ID writes truths as words."""
    if isinstance(value, str) and value.lower() in TRUTHS:
        return TRUTHS[value.lower()]
    if not isinstance(value, bool):
        raise wrong("invalid_value", "active is true or false.")
    return value


def mail_of(user_name: str) -> str:
    try:
        return read_mail(user_name)
    except Invalid as error:
        raise wrong("invalid_value", "userName must be the mail address that somebody signs in with.") from error


def wrong(code: str, detail: str) -> Invalid:
    return Invalid(code, detail)
