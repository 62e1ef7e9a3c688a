"""Where packages for people stand on disk until they are fetched: `exports/<account>/<request>.…`, plain ids."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from sendigopro.privacy.package.sealed_file import remove_of_subject


def delete_exports(
    exports: Path, account_id: UUID, *, subject_ids: Sequence[UUID], request_ids: Sequence[UUID]
) -> None:
    """Every package of these subjects, by what its head says, and whatever was built for these requests."""
    for subject_id in subject_ids:
        remove_of_subject(exports, account_id=account_id, subject_id=subject_id)
    folder = exports / str(account_id)
    for request_id in request_ids:
        for path in (*folder.glob(str(request_id)), *folder.glob(f"{request_id}.*")):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
