"""The interface for annotating: under ``/api/annotation``. What could sway an annotator never leaves the server."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from labelwright.errors import BadInput
from labelwright.studio.access import Adjudicates, Annotates, Manages, StudioIs, in_a_thread
from labelwright.studio.agreement import agreed_rows, disagreements, live_agreement
from labelwright.studio.annotation import (
    Plan,
    add_gold,
    add_rows,
    guidelines,
    next_row,
    plan,
    progress,
    set_guidelines,
    set_plan,
    skip,
    submit,
)
from labelwright.studio.group_decisions import decide_each
from labelwright.studio.inputs import LARGEST, InPath, Label, Row, Text
from labelwright.studio.next_rows import known_answers, rows_to_label
from labelwright.studio.studio import Studio

router = APIRouter(prefix="/api/annotation", tags=["annotation"])


class PlanIn(BaseModel):
    """How rows are handed out."""

    overlap: int = Field(3, ge=1, le=100)
    quota: int | None = Field(None, ge=1, le=LARGEST)
    gold_every: int = Field(10, ge=0, le=LARGEST)
    lease_seconds: float = Field(1800.0, ge=10, le=86_400)


class RowsIn(BaseModel):
    """Rows to hand out: named, or so many that tell a model most."""

    rows: list[Row] | None = Field(None, max_length=10_000)
    most_useful: int | None = Field(None, ge=1, le=100_000)


class GoldIn(BaseModel):
    """Known answers: named, or the labels of so many rows that people decided."""

    answers: dict[Row, Label] | None = Field(None, max_length=10_000)
    decided: int | None = Field(None, ge=1, le=10_000)


class AnswerIn(BaseModel):
    """What an annotator says of the row in hand."""

    label: Label
    seconds: float | None = Field(None, ge=0, le=86_400)


class GuidelinesIn(BaseModel):
    """A new version of the guidelines."""

    text: Text = Field(max_length=100_000)


def check_whole(studio: Studio) -> None:
    """Raise BadInput where labels belong to parts of rows, which are not handed out."""
    if studio.content.parts is not None:
        raise BadInput("annotators label whole rows, and these labels belong to parts", fix="review them")


@router.post("/next")
@in_a_thread
def post_next(studio: StudioIs, who: Annotates) -> dict[str, Any]:
    """Hand the next row to whoever asks: its content, the classes' guidelines, and nothing that tells a label."""
    handed = next_row(studio.database, who.user_id)
    if handed is None:
        return {"assignment": None, "row": None}
    return {**handed, "content": studio.content.shown(handed["row"])}


@router.post("/{assignment}/answer", status_code=201)
@in_a_thread
def post_answer(studio: StudioIs, who: Annotates, assignment: InPath, given: AnswerIn) -> dict[str, Any]:
    """Store an answer."""
    with studio.database.steps() as connection:
        return submit(connection, assignment, who.user_id, given.label, seconds=given.seconds)


@router.post("/{assignment}/skip", status_code=204)
def post_skip(studio: StudioIs, who: Annotates, assignment: InPath) -> None:
    """Give a row back."""
    with studio.database.write() as connection:
        skip(connection, assignment, who.user_id)


@router.get("/guidelines")
def get_guidelines(studio: StudioIs, _: Annotates) -> dict[str, Any]:
    """Return the newest guidelines."""
    with studio.database.read() as connection:
        return guidelines(connection)


@router.post("/guidelines", status_code=201)
def post_guidelines(studio: StudioIs, who: Manages, given: GuidelinesIn) -> dict[str, int]:
    """Store a new version of the guidelines."""
    with studio.database.write() as connection:
        return {"version": set_guidelines(connection, given.text, who.user_id)}


@router.get("/plan")
def get_plan(studio: StudioIs, _: Manages) -> dict[str, Any]:
    """Return how rows are handed out, and how far it is."""
    with studio.database.read() as connection:
        return {**vars(plan(connection)), "progress": progress(connection)}


@router.put("/plan")
def put_plan(studio: StudioIs, _: Manages, given: PlanIn) -> dict[str, Any]:
    """Change how rows are handed out."""
    with studio.database.write() as connection:
        set_plan(connection, Plan(**given.model_dump()))
        return vars(plan(connection))


@router.post("/rows", status_code=201)
def post_rows(studio: StudioIs, _: Manages, given: RowsIn) -> dict[str, int]:
    """Put rows into the pool."""
    with studio.database.write() as connection:
        check_whole(studio)
        rows = given.rows or []
        if given.most_useful is not None:
            rows = rows + rows_to_label(connection, studio.audit, given.most_useful)
        return {"added": add_rows(connection, rows)}


@router.post("/gold", status_code=201)
def post_gold(studio: StudioIs, _: Manages, given: GoldIn) -> dict[str, int]:
    """Make rows gold questions."""
    with studio.database.write() as connection:
        check_whole(studio)
        answers: dict[int, Any] = dict(given.answers or {})
        if given.decided is not None:
            answers = known_answers(connection, given.decided) | answers
        return {"gold": add_gold(connection, answers)}


@router.get("/agreement")
def get_agreement(studio: StudioIs, _: Manages) -> dict[str, Any]:
    """Return the agreement so far, and each person's answers to gold questions."""
    with studio.database.read() as connection:
        return live_agreement(connection)


@router.get("/disagreements")
def get_disagreements(studio: StudioIs, _: Adjudicates) -> list[dict[str, Any]]:
    """Return rows to settle, voters unnamed, those that gain most first."""
    with studio.database.read() as connection:
        return disagreements(connection)


@router.post("/accept-agreed", status_code=201)
def post_agreed(studio: StudioIs, who: Adjudicates) -> dict[str, Any]:
    """Make the label of every row on which all votes agree its label; one undo takes all of it back."""
    with studio.database.write() as connection:
        labels = agreed_rows(connection)
        return {"batch": decide_each(connection, labels, who.user_id, queue="adjudicate"), "rows": len(labels)}
