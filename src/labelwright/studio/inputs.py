"""What the interface takes: numbers that fit the tables, and text that every database can store."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import AfterValidator, BaseModel, Field

LARGEST = 2**31 - 1  # what both databases hold in an integer
LONGEST_LABEL = 500


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("a null character is no text")
    return text


Text = Annotated[str, AfterValidator(_storable)]
Row = Annotated[int, Field(ge=0, le=LARGEST)]
InPath = Annotated[int, Path(ge=0, le=LARGEST)]
After = Annotated[int, Query(ge=0, le=LARGEST)]
OrNone = Annotated[int | None, Query(ge=0, le=LARGEST)]
Stored = Annotated[Text | None, Query(max_length=20_000)]
ClassName = Annotated[Text, Field(min_length=1, max_length=LONGEST_LABEL)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Label = ClassName | Annotated[list[ClassName], Field(max_length=10_000)] | Number


class Problem(BaseModel):
    """Why a request was not done."""

    problem: str = Field(description="One line for people")
    now: dict[str, object] | None = Field(None, description="With 409: how the row stands")


PROBLEMS: dict[int | str, dict[str, Any]] = {
    code: {"model": Problem, "description": what}
    for code, what in {
        400: "The body is no JSON",
        401: "Nobody is logged in",
        403: "The role, the host, the origin or the token does not fit",
        404: "There is no such thing",
        409: "Somebody else was faster",
        422: "What was sent cannot be used",
        503: "It is not ready yet, or the database is busy",
        507: "The database cannot store it now",
    }.items()
}
