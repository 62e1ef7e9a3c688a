"""Where packages for people stand on disk until they are fetched: `exports/<account>/<request>.…`."""

import shutil
from pathlib import Path
from uuid import UUID

from sendigopro.foundation import ids


def folder_of(exports: Path, account_id: UUID) -> Path:
    return exports / ids.typed("acc", account_id)


def delete_export(exports: Path, account_id: UUID, request_id: UUID) -> None:
    """Whatever was built for a request: `<request>`, `<request>.zip` and so on."""
    folder, name = folder_of(exports, account_id), ids.typed("prq", request_id)
    for path in (*folder.glob(name), *folder.glob(f"{name}.*")):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
