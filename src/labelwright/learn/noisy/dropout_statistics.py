"""How a row's loss behaves under dropout: the features by which STORM's rescaler tells right labels from wrong ones.

For each row the mean and standard deviation of its loss and of its largest probability, whether the passes agree with
the label, and how its normal distribution of losses compares with that of its group, each beside its mean and
deviation over the rows of the same given class and agreement.

Source: Heck et al., Learning from Noisy Labels via Self-Taught On-the-Fly Meta Loss Rescaling, AAAI 2025 [P178].
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from labelwright.nn.losses import row_cross_entropy

N_FEATURES = 19
FLOOR = 1e-8  # of a standard deviation


class SampleStatistics(NamedTuple):
    """How rows behave under dropout, one entry a row (b,): what the rescaler's features are made of. [P178]"""

    loss_mean: Tensor
    loss_std: Tensor
    prob_mean: Tensor
    prob_std: Tensor
    agree: Tensor  # 1.0 where most passes predict the given label


def sample_statistics(logits: Tensor, labels: Tensor) -> SampleStatistics:
    """Return the statistics of rows over several passes. [P178]

    Parameters
    ----------
    logits : Tensor (passes, b, K)
        Of the same rows under different dropout; detached here.
    labels : int64 tensor (b,)
        Given classes, none of them −1.

    Examples
    --------
    >>> sample_statistics(torch.tensor([[[0.0, 9.0]], [[0.0, 9.0]]]), torch.tensor([1])).agree.tolist()
    [1.0]
    """
    logits = logits.detach()
    losses = torch.stack([row_cross_entropy(each, labels) for each in logits])
    largest = logits.softmax(dim=2).amax(dim=2)
    hits = (logits.argmax(dim=2) == labels).to(logits.dtype)
    votes = 2 * hits.mean(dim=0) - 1
    agree = torch.where(votes == 0, hits[0], (votes > 0).to(logits.dtype))
    return SampleStatistics(
        losses.mean(dim=0), losses.std(dim=0, unbiased=False), largest.mean(dim=0), largest.std(dim=0, unbiased=False),
        agree,
    )  # fmt: skip


def normal_kl(mean: Tensor, std: Tensor, other_mean: Tensor, other_std: Tensor) -> Tensor:
    """Return KL(N(mean, std²) ‖ N(other_mean, other_std²)) in nats; 0 where a deviation is 0. All (b,).

    Examples
    --------
    >>> one = torch.ones(1)
    >>> normal_kl(one, one, 2 * one, one).item()
    0.5
    """
    s, t = std.clamp_min(FLOOR), other_std.clamp_min(FLOOR)
    kl = (t / s).log() + (s**2 + (mean - other_mean) ** 2) / (2 * t**2) - 0.5
    return torch.where((std > FLOOR) & (other_std > FLOOR), kl, torch.zeros_like(kl))


def normal_overlap(mean: Tensor, std: Tensor, other_mean: Tensor, other_std: Tensor) -> Tensor:
    """Return the area under both densities, in [0, 1]: 1 for equal normal distributions. All (b,).

    The densities cross where a x² + b x + c = 0; with equal deviations only in the middle.

    Examples
    --------
    >>> one = torch.ones(1)
    >>> round(normal_overlap(0 * one, one, 2 * one, one).item(), 4)
    0.3173
    """
    kind = mean.dtype
    m, n = mean.double(), other_mean.double()
    s, t = std.double().clamp_min(FLOOR), other_std.double().clamp_min(FLOOR)
    gap, ratio = n - m, (t / s).log()
    alike = ratio.abs() < 1e-6
    difference = torch.where(alike, torch.ones_like(s), t**2 - s**2)
    root = s * t * (gap**2 + 2 * difference * ratio).clamp_min(0).sqrt()
    middle = m * t**2 - n * s**2
    low, high = (middle - root) / difference, (middle + root) / difference
    low, high = torch.minimum(low, high), torch.maximum(low, high)

    def between(centre: Tensor, deviation: Tensor) -> Tensor:
        return torch.special.ndtr((high - centre) / deviation) - torch.special.ndtr((low - centre) / deviation)

    crossing_twice = 1 - (between(m, s) - between(n, t)).abs()
    once = 2 * torch.special.ndtr(-gap.abs() / (2 * s))
    return torch.where(alike, once, crossing_twice).clamp(0, 1).to(kind)


def _spread_over(values: Tensor, groups: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return for each row (m,) the mean, deviation and size of its group, int64 (m,)."""
    size = int(groups.max()) + 1
    zero = torch.zeros(size, dtype=values.dtype, device=values.device)
    count = zero.index_add(0, groups, torch.ones_like(values))
    mean = zero.index_add(0, groups, values) / count.clamp_min(1)
    square = zero.index_add(0, groups, (values - mean[groups]) ** 2) / count.clamp_min(1)
    return mean[groups], square.sqrt()[groups], count[groups]


def beside_group(values: Tensor, labels: Tensor, agree: Tensor) -> Tensor:
    """Return value, mean and deviation of the row's group, (m, 3). [P178]

    The group is that of the row's given class and agreement; of its class alone where that has one row; all rows
    where the class has one.
    """
    mean, std, _ = _spread_over(values, torch.zeros_like(labels))
    for groups in (labels, 2 * labels + agree.long()):
        own_mean, own_std, count = _spread_over(values, groups)
        mean, std = torch.where(count > 1, own_mean, mean), torch.where(count > 1, own_std, std)
    return torch.stack([values, mean, std], dim=1)


def rescaler_features(statistics: SampleStatistics, labels: Tensor) -> Tensor:
    """Return what the rescaler reads of rows, (m, 19), detached. [P178]

    Parameters
    ----------
    statistics : SampleStatistics of (m,)
    labels : int64 tensor (m,)

    Examples
    --------
    >>> same = SampleStatistics(*(torch.ones(4) for _ in range(5)))
    >>> rescaler_features(same, torch.tensor([0, 0, 1, 1])).shape
    torch.Size([4, 19])
    """
    agree = statistics.agree
    columns = [beside_group(values, labels, agree) for values in statistics[:4]]
    loss, spread = statistics.loss_mean, statistics.loss_std
    group_mean, group_std = columns[0][:, 1], columns[0][:, 2]
    for compare in (normal_kl, normal_overlap):
        columns.append(beside_group(compare(loss, spread, group_mean, group_std), labels, agree))
    return torch.cat([*columns, agree[:, None]], dim=1).detach()
