"""From files to arrays: readers, features, neighbours, splits and out-of-fold predictions."""

from __future__ import annotations

from importlib import import_module
from typing import Any

# Public names and where they live. They load on first use.
_FACE: dict[str, str] = {
    "Cache": "labelwright.data.cache",
    "ChatEndpoint": "labelwright.data.endpoint",
    "Cover": "labelwright.data.covering",
    "Dataset": "labelwright.data.dataset",
    "Features": "labelwright.data.features.build",
    "ImageRows": "labelwright.data.images",
    "LanguageModel": "labelwright.data.language_model",
    "LinearProbe": "labelwright.data.probes",
    "Neighbors": "labelwright.data.neighbors",
    "Plan": "labelwright.data.dataset",
    "Prompt": "labelwright.data.language_model",
    "PredProbs": "labelwright.data.pred_probs",
    "Remembered": "labelwright.data.language_model",
    "RidgeProbe": "labelwright.data.probes",
    "SimilarityScorer": "labelwright.data.local_scorers",
    "Source": "labelwright.data.dataset",
    "TransformersScorer": "labelwright.data.local_scorers",
    "TagProbe": "labelwright.data.probes",
    "Scenes": "labelwright.data.synthetic",
    "WritingModel": "labelwright.data.language_model",
    "BlobVolumes": "labelwright.data.synthetic",
    "ShapeScenes": "labelwright.data.synthetic",
    "blob_volumes": "labelwright.data.synthetic",
    "build_features": "labelwright.data.features.build",
    "check_pred_probs": "labelwright.data.pred_probs",
    "column_matrix": "labelwright.data.matrices",
    "content_hash": "labelwright.data.cache",
    "d2_sampling": "labelwright.data.covering",
    "encode_labels": "labelwright.data.labels",
    "exact_duplicate_groups": "labelwright.data.duplicates",
    "from_frame": "labelwright.data.readers.frames",
    "grouped_folds": "labelwright.data.splits",
    "in_class_order": "labelwright.data.adapters",
    "infer_plan": "labelwright.data.infer",
    "k_center_greedy": "labelwright.data.covering",
    "kmeans_plus_plus": "labelwright.data.covering",
    "load_dataset": "labelwright.data.load",
    "load_pred_probs": "labelwright.data.pred_probs",
    "near_duplicate_groups": "labelwright.data.duplicates",
    "nearest_neighbors": "labelwright.data.neighbors",
    "neighbor_graph": "labelwright.data.neighbors",
    "out_of_fold_probs": "labelwright.data.crossval",
    "out_of_fold_tags": "labelwright.data.crossval",
    "out_of_fold_values": "labelwright.data.crossval",
    "pasted_scenes": "labelwright.data.synthetic",
    "probs_from_huggingface": "labelwright.data.adapters",
    "probs_from_scored_labels": "labelwright.data.adapters",
    "probs_from_sklearn": "labelwright.data.adapters",
    "probs_from_torch": "labelwright.data.adapters",
    "read_source": "labelwright.data.readers.dispatch",
    "row_ids": "labelwright.data.identity",
    "shape_scenes": "labelwright.data.synthetic",
    "stratified_folds": "labelwright.data.splits",
}


def __getattr__(name: str) -> Any:
    if name in _FACE:
        return getattr(import_module(_FACE[name]), name)
    raise AttributeError(f"module 'labelwright.data' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_FACE])
