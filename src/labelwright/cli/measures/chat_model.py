"""The language model that some measures ask: their options, and the model behind them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

from typer import Option

if TYPE_CHECKING:
    from labelwright.data.language_model import LanguageModel

judge_option = partial(Option, rich_help_panel="Who judges")

Llm = Annotated[str | None, judge_option(metavar="MODEL", help="A model behind a chat endpoint.")]
Url = Annotated[str, judge_option(metavar="URL", help="The endpoint of --llm.")]
SendTo = Annotated[str | None, judge_option("--send-to", metavar="HOST", help="Allow sending the rows to this host.")]
LOCAL = "http://localhost:11434/v1"


def chat_model(model: str | None, url: str, send_to: str | None) -> LanguageModel | None:
    """Return a chat endpoint that is never asked the same thing twice; None without a model."""
    if model is None:
        return None
    from labelwright.data.endpoint import ChatEndpoint
    from labelwright.data.language_model import Remembered

    return Remembered(ChatEndpoint(model, base_url=url, send_to=send_to))
