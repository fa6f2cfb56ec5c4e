"""`labelwright studio user ...`: accounts of a project. Passwords are asked for, never given on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option, Typer

app = Typer(help="Accounts: add, disable, enable, reset, role, list.", no_args_is_help=True)

Name = Annotated[str, Argument(metavar="NAME", help="The name to log in with.")]
Project = Annotated[Path, Option("--project", metavar="DIR", help="The folder of the project, NAME-studio.")]
Role = Annotated[str, Option("--role", metavar="ROLE", help="owner, reviewer, annotator or viewer.")]
Database = Annotated[
    Path | None, Option("--database-file", metavar="FILE", help="A file with the URL of a PostgreSQL database.")
]


@app.command()
def add(name: Name, project: Project, role: Role = "annotator", database: Database = None) -> None:
    """Make an account; the password is asked for twice."""
    from labelwright.cli.console import say
    from labelwright.studio.accounts import with_database
    from labelwright.studio.logins import add_user

    password = _password()
    with with_database(project, database) as connection:
        add_user(connection, name, role, password)
    say(f"{name} may log in as {role}.")


@app.command()
def disable(name: Name, project: Project, database: Database = None) -> None:
    """Switch an account off and end its sessions."""
    _change(name, project, database, active=False)


@app.command()
def enable(name: Name, project: Project, database: Database = None) -> None:
    """Switch an account on again."""
    _change(name, project, database, active=True)


@app.command()
def reset(name: Name, project: Project, database: Database = None) -> None:
    """Give an account a new password and end its sessions."""
    _change(name, project, database, password=_password())


@app.command()
def role(
    name: Name, role: Annotated[str, Argument(metavar="ROLE")], project: Project, database: Database = None
) -> None:
    """Give an account another role."""
    _change(name, project, database, role=role)


@app.command("list")
def list_(project: Project, database: Database = None) -> None:
    """Show the accounts."""
    from labelwright.cli.console import say, table_lines
    from labelwright.studio.accounts import with_database
    from labelwright.studio.logins import users

    with with_database(project, database) as connection:
        found = users(connection)
    rows = [[str(u["name"]), str(u["role"]), "active" if u["active"] else "off"] for u in found]
    for line in table_lines(["name", "role", "state"], rows):
        say(line)


def _change(name: str, project: Path, database: Path | None, **what: object) -> None:
    from labelwright.cli.console import say
    from labelwright.studio.accounts import with_database
    from labelwright.studio.logins import change_user

    with with_database(project, database) as connection:
        change_user(connection, name, **what)  # type: ignore[arg-type]
    say(f"{name}: changed; open sessions of this account have ended.")


def _password() -> str:
    import typer

    password: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return password
