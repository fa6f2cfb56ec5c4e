"""The interface for what concerns the project as a whole: classes, exploring, training, accounts."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from labelwright.studio.access import Manages, Retrains, Sees, StudioIs, VisitorsAre
from labelwright.studio.class_changes import add, changes, merge, preview_merge, rename, take_back
from labelwright.studio.explore import FeatureMap, confusion, copies, slices
from labelwright.studio.inputs import After, ClassName, InPath, Text
from labelwright.studio.jobs import Jobs, jobs
from labelwright.studio.logins import add_user, change_user, users
from labelwright.studio.retrain import KIND, compare_models, prepare

router = APIRouter(prefix="/api", tags=["project"])
NameQuery = Annotated[Text, Query(min_length=1, max_length=500)]


class RenameIn(BaseModel):
    """A class and its new name."""

    old: ClassName
    new: ClassName


class MergeIn(BaseModel):
    """A class and the one that it goes into."""

    source: ClassName
    into: ClassName


class AddIn(BaseModel):
    """A new class."""

    name: ClassName


class UserIn(BaseModel):
    """A new account."""

    name: Text = Field(min_length=1, max_length=120)
    role: Text = Field(max_length=40)
    password: Text = Field(max_length=1000)


class UserChangeIn(BaseModel):
    """What is to change about an account."""

    role: Text | None = Field(None, max_length=40)
    password: Text | None = Field(None, max_length=1000)
    active: bool | None = None


@router.get("/class-changes")
def get_changes(studio: StudioIs, _: Sees) -> list[dict[str, Any]]:
    """Return every change of classes, the newest first."""
    with studio.database.read() as connection:
        return changes(connection)


@router.get("/classes/merge-preview")
def get_preview(studio: StudioIs, _: Manages, source: NameQuery, into: NameQuery) -> dict[str, Any]:
    """Return what a merge would touch."""
    with studio.database.read() as connection:
        return preview_merge(connection, source, into)


@router.post("/classes/rename", status_code=201)
def post_rename(studio: StudioIs, who: Manages, given: RenameIn) -> dict[str, int]:
    """Give a class another name."""
    with studio.database.write() as connection:
        return {"change": rename(connection, given.old, given.new, who.user_id)}


@router.post("/classes/merge", status_code=201)
def post_merge(studio: StudioIs, who: Manages, given: MergeIn) -> dict[str, int]:
    """Let a class go into another."""
    with studio.database.write() as connection:
        return {"change": merge(connection, given.source, given.into, who.user_id)}


@router.post("/classes", status_code=201)
def post_class(studio: StudioIs, who: Manages, given: AddIn) -> dict[str, int]:
    """Add a class."""
    with studio.database.write() as connection:
        return {"change": add(connection, given.name, who.user_id)}


@router.post("/class-changes/{change}/take-back", status_code=201)
def post_take_back(studio: StudioIs, who: Manages, change: InPath) -> dict[str, int]:
    """Reverse a change of classes."""
    with studio.database.write() as connection:
        return {"change": take_back(connection, change, who.user_id)}


@router.get("/explore/confusion")
def get_confusion(studio: StudioIs, _: Sees) -> dict[str, Any]:
    """Return which classes are suspected to be which."""
    with studio.database.read() as connection:
        return confusion(connection)


@router.get("/explore/map")
def get_map(request: Request, studio: StudioIs, _: Sees) -> dict[str, Any]:
    """Return the plane of the features: up to 100,000 points."""
    state = request.app.state
    if not hasattr(state, "feature_map"):
        state.feature_map = FeatureMap(studio.audit)
    with studio.database.read() as connection:
        found: dict[str, Any] = state.feature_map.points(connection)
    return found


@router.get("/explore/copies")
def get_copies(
    studio: StudioIs, _: Sees, limit: Annotated[int, Query(ge=1, le=200)] = 50, after: After = 0
) -> list[dict[str, Any]]:
    """Return pairs of copies, those with different labels first."""
    with studio.database.read() as connection:
        return copies(connection, limit=limit, after=after)


@router.get("/explore/slices")
def get_slices(studio: StudioIs, _: Sees) -> list[dict[str, Any]]:
    """Return classes with their rows, suspects and changes."""
    with studio.database.read() as connection:
        return slices(connection)


@router.get("/jobs")
def get_jobs(studio: StudioIs, _: Sees) -> list[dict[str, Any]]:
    """Return trainings and drawings of reports, the newest first."""
    with studio.database.read() as connection:
        return jobs(connection)


@router.post("/jobs", status_code=201)
def post_job(request: Request, studio: StudioIs, who: Retrains) -> dict[str, int]:
    """Train on the labels as they are, in a process of its own."""
    running: Jobs = request.app.state.jobs
    return {"job": running.start(KIND, partial(prepare, studio), compare_models, who.user_id)}


@router.post("/jobs/cancel", status_code=204)
def post_cancel(request: Request, _: Retrains) -> None:
    """End the running training, or the drawing of a report."""
    running: Jobs = request.app.state.jobs
    running.cancel()


@router.get("/users")
def get_users(studio: StudioIs, _: Manages) -> list[dict[str, Any]]:
    """Return the accounts."""
    with studio.database.read() as connection:
        return users(connection)


@router.post("/users", status_code=201)
def post_user(studio: StudioIs, _: Manages, given: UserIn) -> dict[str, int]:
    """Make an account."""
    with studio.database.write() as connection:
        return {"id": add_user(connection, given.name, given.role, given.password)}


@router.patch("/users/{name:path}")
def patch_user(studio: StudioIs, _: Manages, visitors: VisitorsAre, name: str, given: UserChangeIn) -> dict[str, str]:
    """Change an account and end its sessions."""
    with studio.database.write() as connection:
        change_user(connection, name, role=given.role, password=given.password, active=given.active)
    visitors.forget()
    return {"name": name}
