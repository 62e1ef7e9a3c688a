"""The three database roles, and the databases they meet in."""

import asyncpg

from sendigopro.foundation.operator_errors import OperatorError
from sendigopro.foundation.postgres import Conn

# Who may do what is granted by the migrations, table by table. `pipeline` carries messages of every account and uses
# COPY, which PostgreSQL refuses under row level security, so it stands outside it; `door` never does.
ROLES = {
    "owner": "LOGIN",
    "pipeline": "LOGIN BYPASSRLS",
    "door": "LOGIN",
}
DATABASES = ("main", "vault")


class RolesMissingError(OperatorError):
    """The roles are not there and we may not make them."""


async def ensure_roles(conn: Conn) -> None:
    """Make the roles that are missing and let the connected user act as each of them."""
    present = {
        row["rolname"] for row in await conn.fetch("SELECT rolname FROM pg_roles WHERE rolname = ANY($1)", [*ROLES])
    }
    try:
        for role in ROLES.keys() - present:
            await create_role(conn, role)
        for role in ROLES:
            if not await conn.fetchval("SELECT pg_has_role(current_user, $1, 'SET')", role):
                await conn.execute(f"GRANT {role} TO CURRENT_USER WITH INHERIT FALSE, SET TRUE")
    except asyncpg.InsufficientPrivilegeError as error:
        commands = " ".join(f"CREATE ROLE {role} {rights};" for role, rights in ROLES.items())
        user = await conn.fetchval("SELECT current_user")
        raise RolesMissingError(
            f'Ask the database administrator to run: {commands} GRANT {", ".join(ROLES)} TO "{user}";'
        ) from error


async def create_role(conn: Conn, role: str) -> None:
    try:
        await conn.execute(f"CREATE ROLE {role} {ROLES[role]}")
    except (asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
        return  # another node was quicker


async def ensure_databases(conn: Conn) -> None:
    """On our own server: both databases, which belong to `owner` and to nobody else."""
    present = {row["datname"] for row in await conn.fetch("SELECT datname FROM pg_database")}
    for name in DATABASES:
        if name not in present:
            await conn.execute(f"CREATE DATABASE {name} OWNER owner")
        await conn.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
        await conn.execute(f"GRANT CONNECT ON DATABASE {name} TO pipeline, door")
