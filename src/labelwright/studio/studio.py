"""A studio: an audited data set, the database of its project, and what people do with them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from labelwright.audit.run import AuditResult
from labelwright.data.dataset import Dataset
from labelwright.errors import BadInput, quoted
from labelwright.facade import Audit
from labelwright.progress import SILENT, Progress
from labelwright.studio import part_rows
from labelwright.studio import tables as t
from labelwright.studio.backup import back_up
from labelwright.studio.database import Database, insert_row
from labelwright.studio.items import Content
from labelwright.studio.jobs import end_stale_jobs
from labelwright.studio.kept_audit import kept_or_run
from labelwright.studio.lock import ProjectLock
from labelwright.studio.login_limits import make_key
from labelwright.studio.pictures import Pictures
from labelwright.studio.project import add_void, facts, fill, fingerprint, is_filled
from labelwright.studio.upgrade import needs_upgrade, stored_version, upgrade

LOCAL_USER = "me"
DATABASE = "studio.sqlite"


class Studio:
    """An open project.

    Parameters
    ----------
    audit : AuditResult
        Of the data as they are now.
    database : Database
        With the tables of the newest version.
    folder : Path
        The project's own folder: database, backups, exports.

    Raises
    ------
    BadInput
        The project was made of other data.
    """

    def __init__(self, audit: AuditResult, database: Database, folder: Path) -> None:
        self.audit, self.database, self.folder = audit, database, folder
        self.pictures = Pictures(audit)
        self.content = Content.of(audit, self.pictures.head)
        with database.write() as connection:
            if not is_filled(connection):
                fill(connection, audit, seed=audit.options.seed)
            else:
                _refuse_other_data(connection, audit.dataset)
                add_void(connection, audit.dataset)
            make_key(connection)
            told = facts(connection)
        self.key = f"{told['fingerprint']}-{told['created_at']:.0f}"  # what browsers file unsent decisions under
        self.local_user = _ensure_local_user(database)
        self.lock: ProjectLock | None = None
        self.audited_at: float | None = None  # seconds since 1970, where the audit is one that the project kept

    def let_data_go(self) -> None:
        """Keep the project and its database alone: other processes hold the data and show them."""
        self.pictures.close()
        del self.audit, self.content

    def close(self) -> None:
        """Close the database and end the process that draws images."""
        self.pictures.close()
        if self.lock is not None:
            self.lock.release()
        self.database.close()


def open_studio(
    data: str | Path,
    *,
    project: str | Path | None = None,
    database_url: str | None = None,
    progress: Progress = SILENT,
    **options: Any,
) -> Studio:
    """Audit data and open the project of their labels, making it when there is none.

    Parameters
    ----------
    data : path
        A data file or folder, or the folder of an audit whose data lie beside or within it.
    project : path, optional
        The folder of the project; ``NAME-studio`` beside the data by default.
    database_url : str, optional
        A PostgreSQL database; by default an SQLite file in the project's folder.
    **options
        As `labelwright.Audit` takes them.

    Raises
    ------
    BadInput
        The data cannot be read, have changed since the project was made, the project is newer than this program, or
        another studio works on it.
    """
    path, known = data_and_options(Path(data))
    audit = Audit(path, progress=progress, **(known | {k: v for k, v in options.items() if v not in (None, ())}))
    return studio_of(audit, Path(project) if project is not None else project_folder(path), database_url)


def studio_of(audit: Audit, folder: Path, database_url: str | None = None) -> Studio:
    """Open the project of an audit in a folder, making it when there is none; see `open_studio`.

    An audit that has not run runs now, unless the project keeps its result.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = ProjectLock(folder)
    try:
        database = open_database(folder, database_url)
        lock.lock_database(database)
        result, at = kept_or_run(audit, folder, lambda: _refuse_before_audit(database, audit.dataset))
        studio = Studio(result, database, folder)
        with database.write() as connection:
            end_stale_jobs(connection)
    except BaseException:
        lock.release()
        raise
    studio.lock, studio.audited_at = lock, at
    return studio


def _refuse_before_audit(database: Database, dataset: Dataset) -> None:
    """Refuse data that are not the project's before the long work starts."""
    with database.read() as connection:
        if is_filled(connection):
            _refuse_other_data(connection, dataset)


def _refuse_other_data(connection: Connection, dataset: Dataset) -> None:
    if facts(connection)["fingerprint"] != fingerprint(dataset):
        raise BadInput(
            f"the data {quoted(dataset.source.path.name)} have changed since the project was made",
            fix="carry the decisions over with: labelwright studio sync PROJECT NEW_DATA",
        )


def project_folder(data: Path) -> Path:
    """Return where the project of a data file lies when nothing else is said: ``NAME-studio`` beside it."""
    return data.parent / f"{data.name.split('.')[0] or 'data'}-studio"


def existing_database(folder: Path, url: str | None = None) -> Database:
    """Return the database of a project that was made before; BadInput when there is none."""
    if url is None and not (folder / DATABASE).is_file():
        raise BadInput(
            f"there is no project in {quoted(folder)}", fix="make one: labelwright studio DATA --project DIR"
        )
    return open_database(folder, url)


def open_database(folder: Path, url: str | None = None) -> Database:
    """Return the project's database with tables of the newest version; an older one is backed up before it changes."""
    database = Database(url or f"sqlite:///{folder / DATABASE}")
    with database.read() as connection:
        older, version = needs_upgrade(connection), stored_version(connection)
    if older:
        back_up(database, folder / "backups", f"before-upgrade-from-{version}")
    if older or version is None:
        with database.write() as connection:
            upgrade(connection)
    if database.path is not None and database.path.exists():
        database.path.chmod(0o600)
    return database


def data_and_options(path: Path) -> tuple[Path, dict[str, Any]]:
    """Return the data file and what is known of its columns: for the folder of an audit, what that audit used."""
    from labelwright.audit.compare import is_audit_folder, read_audit

    if not is_audit_folder(path):
        return path, {}
    state = read_audit(path)
    beside, within = (folder / state.source.path.name for folder in (path.resolve().parent, path))
    data = within if within.exists() and not beside.exists() else beside
    if not data.exists():
        raise BadInput(
            f"the data {quoted(data.name)} of the audit do not lie beside it",
            where=path.name,
            fix="give the data themselves: labelwright studio DATA --label COL",
        )
    if state.plan.task in part_rows.TASKS:
        return data, {"task": state.plan.task}
    plan: Mapping[str, Any] = {"label": state.plan.label, "task": state.plan.task, "id": state.plan.id,
                               "group": state.plan.group, "split": state.plan.split}  # fmt: skip
    return data, {name: value for name, value in plan.items() if value is not None}


def _ensure_local_user(database: Database) -> int:
    """Return the account that decisions are filed under while nobody has a login of their own."""
    with database.write() as connection:
        number = connection.scalar(select(t.user.c.id).where(t.user.c.name == LOCAL_USER))
        if number is None:
            number = insert_row(connection, t.user, name=LOCAL_USER, role="owner", active=True, created_at=time.time())
    return int(number)
