"""What the SCIM door says of itself: its configuration, its one resource type, its schema (RFC 7643 §§5-7)."""

from typing import Any, Final

from sendigopro.sso.scim import PAGE_MAX
from sendigopro.sso.scim_user import USER

LIST: Final = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
ERROR: Final = "urn:ietf:params:scim:api:messages:2.0:Error"
CONFIG: Final = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
TYPE: Final = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
SCHEMA: Final = "urn:ietf:params:scim:schemas:core:2.0:Schema"


def attribute(name: str, about: str, kind: str = "string", **more: Any) -> dict[str, Any]:  # noqa: ANN401  # JSON
    found = {
        "name": name, "type": kind, "multiValued": False, "description": about, "required": False,
        "mutability": "readWrite", "returned": "default", "uniqueness": "none",
    }  # fmt: skip
    if kind == "string":
        found["caseExact"] = False
    return found | more


ATTRIBUTES: Final = [
    attribute(
        "userName", "The mail address that somebody signs in with, of a verified domain. It stays as it is.",
        required=True, mutability="immutable", uniqueness="server",
    ),
    attribute("displayName", "What they are called."),
    attribute(
        "name", "Their name in parts, for where there is no displayName.", "complex",
        subAttributes=[attribute("givenName", "First name."), attribute("familyName", "Last name.")],
    ),
    attribute("active", "Whether they may come in; who may not is signed out at once.", "boolean"),
    attribute(
        "emails", "The mail address once more, to be read.", "complex", multiValued=True, mutability="readOnly",
        subAttributes=[
            attribute("value", "The address.", mutability="readOnly"),
            attribute("primary", "It is the only one.", "boolean", mutability="readOnly"),
        ],
    ),
]  # fmt: skip


def service_provider_config(base: str) -> dict[str, Any]:
    return {
        "schemas": [CONFIG],
        "patch": {"supported": True},
        "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": True, "maxResults": PAGE_MAX},
        "changePassword": {"supported": False},
        "sort": {"supported": False},
        "etag": {"supported": False},
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken",
                "name": "Bearer token",
                "description": "The token of the connection, from the page Single sign-on.",
                "specUri": "https://www.rfc-editor.org/info/rfc6750",
                "primary": True,
            }
        ],
        "meta": {"resourceType": "ServiceProviderConfig", "location": f"{base}/ServiceProviderConfig"},
    }


def resource_types(base: str) -> list[dict[str, Any]]:
    return [
        {
            "schemas": [TYPE],
            "id": "User",
            "name": "User",
            "endpoint": "/Users",
            "description": "Who may sign in by this connection.",
            "schema": USER,
            "meta": {"resourceType": "ResourceType", "location": f"{base}/ResourceTypes/User"},
        }
    ]


def schemas(base: str) -> list[dict[str, Any]]:
    return [
        {
            "schemas": [SCHEMA],
            "id": USER,
            "name": "User",
            "description": "Who may sign in by this connection.",
            "attributes": ATTRIBUTES,
            "meta": {"resourceType": "Schema", "location": f"{base}/Schemas/{USER}"},
        }
    ]
