"""Where the peers are that `install.py` brought: programs nobody here wrote, for the tests to talk to."""

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[2]
PEERS = ROOT / ".peers"
DEBIAN = PEERS / "debian"
NODE_MODULES = PEERS / "node_modules"
# Debian puts daemons where a normal user's PATH does not look.
SYSTEM_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])


def debian_program(name: str, inside: str) -> Path | None:
    """Give the system's own program, else the one unpacked into `.peers`."""
    if found := shutil.which(name, path=SYSTEM_PATH):
        return Path(found)
    unpacked = DEBIAN / inside
    return unpacked if unpacked.exists() else None


def bearerbox() -> Path | None:
    return debian_program("bearerbox", "usr/sbin/bearerbox")


def softhsm() -> Path | None:
    """The library of a security module in software; its program for tokens stands in bin/ of the same tree."""
    for root in (Path("/"), DEBIAN):
        if (root / "usr/bin/softhsm2-util").exists():
            return next(root.glob("usr/lib/**/softhsm/libsofthsm2.so"), None)
    return None


def chromium() -> Path | None:
    return debian_program("chromium", "usr/lib/chromium/chromium")


def xmlsec1() -> Path | None:
    """What checks signatures of XML; where it is unpacked, a script that lets it find its libraries."""
    return debian_program("xmlsec1", "usr/bin/xmlsec1.sh")


def node() -> Path | None:
    found = shutil.which("node")
    return Path(found) if found else None


def node_package(name: str) -> Path | None:
    folder = NODE_MODULES / name
    return folder if (folder / "package.json").exists() else None


def has_python_package(name: str) -> bool:
    return find_spec(name) is not None


def library_folders() -> list[Path]:
    """Where the unpacked programs' libraries are, those inside folders of their own included."""
    files = [path for pattern in ("lib/**/*.so*", "usr/lib/**/*.so*") for path in DEBIAN.glob(pattern)]
    return sorted({path.parent for path in files})


def environment() -> dict[str, str]:
    """The variables that an unpacked program needs to find its libraries; this process's own otherwise."""
    paths = [str(folder) for folder in library_folders()]
    if inherited := os.environ.get("LD_LIBRARY_PATH"):
        paths.append(inherited)
    return {**os.environ, **({"LD_LIBRARY_PATH": os.pathsep.join(paths)} if paths else {})}
