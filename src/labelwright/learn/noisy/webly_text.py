"""Which images of a web search mean the class: captions, mended by what looks alike, ranked within each class.

Captions are noisy or missing, but images that look alike often have better ones. With A the graph of the k nearest
images, weighted by the Jaccard similarity of their sets of mutual neighbours, symmetric by the larger weight and with
rows that sum to 1,

    t~ = A t / |A t|,      anchors of class c: the images with web label c of largest ⟨t~_i, τ_c⟩

Source: Qin et al., CAPro: Webly Supervised Learning with Cross-Modality Aligned Prototypes, NeurIPS 2023 [P036].
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_matrix, diags, eye

from labelwright.data.neighbors import nearest_neighbors
from labelwright.errors import BadInput
from labelwright.metrics.checks import as_array

Floats = NDArray[np.float64]


def mutual_neighbor_graph(features: ArrayLike, k: int = 20) -> csr_matrix:
    """Return the row-normalised graph A of images, sparse (n, n), without self weights. [P036]

    Parameters
    ----------
    features : float array (n, d)
        Of the images; neighbours are by cosine.
    k : int, default 20
        Neighbours of an image, at least 1.

    Examples
    --------
    >>> mutual_neighbor_graph([[1, 0], [1, 0.1], [0, 1], [0.1, 1]], 1).toarray().argmax(axis=1).tolist()
    [1, 0, 3, 2]
    """
    near = nearest_neighbors(features, k).indices
    n, k = near.shape
    links = csr_matrix((np.ones(n * k), (np.repeat(np.arange(n), k), near.ravel())), shape=(n, n))
    mutual = links.multiply(links.T).tocsr() + eye(n, format="csr")  # a row belongs to its own set
    size = np.diff(mutual.indptr)
    shared = links.multiply(mutual @ mutual.T).tocoo()
    jaccard = shared.data / (size[shared.row] + size[shared.col] - shared.data)
    weight = csr_matrix((jaccard, (shared.row, shared.col)), shape=(n, n))
    weight = weight.maximum(weight.T).tocsr()
    total = np.asarray(weight.sum(axis=1)).ravel()
    return csr_matrix(diags(np.where(total > 0, 1 / np.where(total > 0, total, 1), 0)) @ weight)


def enhanced_texts(texts: ArrayLike, features: ArrayLike, k: int = 20) -> Floats:
    """Return captions' vectors as their image's neighbours have them, unit length, (n, d). [P036]

    Parameters
    ----------
    texts : float array (n, d)
        Vectors of captions; a row of zeros where there is none.
    features : float array (n, f)
        Of the images.
    k : int, default 20
        Neighbours of an image.
    """
    own = _unit(as_array("texts", texts, 2))
    mixed = _unit(np.asarray(mutual_neighbor_graph(features, k) @ own))
    alone = ~mixed.any(axis=1)
    mixed[alone] = own[alone]
    return mixed


def text_prototype_match(texts: ArrayLike, prototypes: ArrayLike, web: ArrayLike, count: int = 50) -> NDArray[np.bool_]:
    """Return which images are anchors of which class, bool (n, K): the best matches within each class. [P036]

    Parameters
    ----------
    texts : float array (n, d)
        From `enhanced_texts`.
    prototypes : float array (K, d)
        Vectors of the classes' definitions.
    web : int array (n,) or bool array (n, K)
        Web labels, −1 = none; several of an image as a row.
    count : int, default 50
        Anchors of a class; fewer where fewer images have its label and a text at all.

    Examples
    --------
    >>> text_prototype_match([[1, 0], [0, 1], [1, 1]], [[1, 0]], [0, 0, 0], 1).ravel().tolist()
    [True, False, False]
    """
    rows, wanted = _unit(as_array("texts", texts, 2)), _unit(as_array("prototypes", prototypes, 2))
    labelled = _labelled(web, len(rows), len(wanted))
    if rows.shape[1] != wanted.shape[1] or count < 1:
        raise BadInput(
            f"texts have {rows.shape[1]} numbers, prototypes {wanted.shape[1]}, count is {count}",
            fix="encode both with the same encoder, and choose a count of at least 1",
        )
    there: NDArray[np.bool_] = np.any(rows != 0, axis=1, keepdims=True)
    match = np.where(labelled & there, rows @ wanted.T, -np.inf)
    best = np.argsort(-match, axis=0, kind="stable")[:count]
    anchors = np.zeros(match.shape, dtype=bool)
    np.put_along_axis(anchors, best, True, axis=0)
    return anchors & np.isfinite(match)


def _labelled(web: ArrayLike, n: int, n_classes: int) -> NDArray[np.bool_]:
    given = np.asarray(web)
    if given.ndim == 1 and given.dtype.kind in "iu" and len(given) == n and given.max(initial=-1) < n_classes:
        table: NDArray[np.bool_] = given[:, None] == np.arange(n_classes)
        return table
    if given.shape == (n, n_classes):
        return given.astype(bool)
    raise BadInput(f"web labels do not fit {n} texts and {n_classes} classes", fix="pass one class a row, or a table")


def _unit(rows: Floats) -> Floats:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(length > 0, length, 1)
