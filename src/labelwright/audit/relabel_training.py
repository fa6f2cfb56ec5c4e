"""Training on localised labels: each crop of an image is taught what that crop shows.

    loss = − Σ_k q_k log p_k          p = softmax(net(crop)),  q = softmax(region pooling of the label map)

Source: Yun et al., Re-labeling ImageNet: from Single to Multi-Labels, from Global to Localized Labels, CVPR 2021
[P019].
"""

from __future__ import annotations

import numpy as np

from labelwright.audit.relabel import LabelMapStore, axis_weights, random_crops
from labelwright.errors import BadInput, MissingExtra

try:
    import torch
    from torch import Tensor
    from torch.nn.functional import affine_grid, grid_sample
except ImportError:
    raise MissingExtra("training on localised labels", "torch") from None

from labelwright.nn import Losses, Objective, Task
from labelwright.nn.batch import Batches
from labelwright.nn.losses import soft_cross_entropy


def localized_targets(maps: Tensor, boxes: Tensor) -> Tensor:
    """Return softmax of the pooled logits, (b, K), of label maps (b, K, h, w) and boxes (b, 4) in fractions."""
    h, w = maps.shape[2:]
    across, down = axis_weights(boxes[:, 0], boxes[:, 2], w), axis_weights(boxes[:, 1], boxes[:, 3], h)
    return torch.einsum("bkhw,bh,bw->bk", maps, down, across).softmax(dim=1)


def cropped(images: Tensor, boxes: Tensor) -> Tensor:
    """Return crops of images (b, C, H, W), resized to H x W by bilinear sampling."""
    x1, y1, x2, y2 = boxes.unbind(dim=1)
    zero = torch.zeros_like(x1)
    across, down = torch.stack([x2 - x1, zero, x1 + x2 - 1], 1), torch.stack([zero, y2 - y1, y1 + y2 - 1], 1)
    grid = affine_grid(torch.stack([across, down], dim=1), list(images.shape), align_corners=False)
    return grid_sample(images, grid, padding_mode="border", align_corners=False)


class LocalizedLabelLoss(Objective):
    """Trains on random crops with the soft label of each crop from stored label maps.

    Parameters
    ----------
    store : LabelMapStore
        Maps of all rows of the task.
    area : (least, most), default (0.08, 1)
        Share of the image that a crop covers.
    flip : bool, default True
        Flip half of the images.
    fill : float, default 0.0
        The logit of classes that a place did not keep.
    """

    def __init__(
        self, store: LabelMapStore, area: tuple[float, float] = (0.08, 1.0), *, flip: bool = True, fill: float = 0.0
    ) -> None:
        super().__init__()
        self.store, self.area, self.flip, self.fill = store, area, flip, fill

    def setup(self, task: Task) -> None:
        """Make the network; BadInput when the maps are not those of the rows."""
        if len(self.store) != task.n_rows:
            raise BadInput(f"there are label maps of {len(self.store)} rows, the task has {task.n_rows}")
        self.net = task.new_net(self.store.n_classes)

    def losses(self, batch: Batches) -> Losses:
        """Draw a crop of each image, pool its label, and return the soft cross-entropy."""
        rows = batch["train"]
        seed = int(torch.randint(2**31 - 1, (1,)))  # torch's own generator is what the loop seeds and resumes
        drawn = random_crops(len(rows.x), np.random.default_rng(seed), self.area)
        boxes = torch.as_tensor(drawn, dtype=rows.x.dtype, device=rows.x.device)
        maps = torch.as_tensor(self.store.dense(rows.index.cpu().numpy(), self.fill), device=rows.x.device)
        x = cropped(rows.x, boxes)
        if self.flip:
            turned = torch.rand(len(x), device=x.device) < 0.5
            x = torch.where(turned[:, None, None, None], x.flip(-1), x)
        logits = self.net(x)
        targets = localized_targets(maps.to(boxes.dtype), boxes)
        return Losses(localized=soft_cross_entropy(logits, targets), logits=logits)
