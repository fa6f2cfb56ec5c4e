"""CrossSplit: two networks on two halves of the data, each softening the labels that the other learns from.

The rows are cut once into halves D_1 and D_2. Network 1 sees the labels of D_1 alone and D_2 without labels, network 2
the reverse, so that a network's opinion of its peer's labels cannot be memory. With p_peer(x_i) the peer's prediction:

    d_i = JSD(onehot(y_i), p_peer(x_i)),   β_i = (d_i − min_c d) / (max_c d − min_c d)  within the given class c
    β_i ← (β_i − 1/2) γ + 1/2,             γ = 0.6, later 0.8, at last 1
    labelled    t_i = sharpen(β_i p_peer + (1 − β_i) onehot(y_i), T)
    unlabelled  t_i = sharpen(own mean prediction over two weak views, T)

Both are learned on strong views by MixMatch, with a contrastive term on the unlabelled rows:

    L = CE(labelled) + λ_u · ramp · mean (p − t)²(unlabelled) + λ_c SimCLR + Σ_k (1/K) log((1/K) / mean p_k)

On digits with 60 % symmetric noise it ends at 0.920 to cross-entropy's 0.456 and memorises a hundredth of what that
does, but DivideMix, which learns every label twice, ends at 0.947: the paper's lead over it did not come back.

Source: Kim et al., CrossSplit: Mitigating Label Noise Memorization through Data Splitting, ICML
2023 [P094]. The published loader shows every label to both networks; here no label of one half reaches the other one's
network, not even at the start.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from labelwright.errors import BadInput
from labelwright.learn.noisy.dividemix import PAIR, confidence_penalty, prefer_longest
from labelwright.learn.noisy.two_networks import TwoNetworks, looking
from labelwright.nn import Loop, Losses, RowMemory, Stream, Task, linear_rampup
from labelwright.nn.batch import Batches
from labelwright.nn.contrastive import nt_xent
from labelwright.nn.losses import balance, cross_entropy, jensen_shannon, soft_cross_entropy, squared_difference
from labelwright.nn.mix import mix_match
from labelwright.nn.targets import guess, one_hot, sharpen

CONTRAST_TEMPERATURE = 0.05
PROJECTED = 128
SOFTNESS = ((20.0, 0.6), (30.0, 0.8), (float("inf"), 1.0))  # γ until so many epochs after the start


def label_divergence(labels: Tensor, probs: Tensor) -> Tensor:
    """Return JSD(onehot(y), p) of each row, (b,), in [0, log 2]: 0 if p is sure of y, log 2 if p excludes it. [P094]

    Examples
    --------
    >>> label_divergence(torch.tensor([0]), torch.tensor([[1.0, 0.0]])).tolist()
    [0.0]
    """
    return jensen_shannon(one_hot(labels, probs.shape[1]).to(probs.dtype), probs)


def relative_divergence(divergence: Tensor, labels: Tensor, quantile: float = 0.0) -> Tensor:
    """Return β of each row, (n,), in [0, 1]: where its divergence stands in the range of its given class. [P094]

    Parameters
    ----------
    divergence : Tensor (n,)
    labels : int64 tensor (n,)
        Rows of label −1 get 1: nothing of a label is left to keep.
    quantile : float, default 0.0
        Ends of the range: 0 takes the smallest and largest of a class, 0.01 its 1 % and 99 % quantiles, which one odd
        row does not move. A class whose ends are equal gets 1/2.
    """
    beta = torch.ones_like(divergence)
    for c in torch.unique(labels[labels >= 0]):
        own = labels == c
        ends = torch.quantile(divergence[own], torch.tensor([quantile, 1 - quantile], dtype=divergence.dtype))
        span = ends[1] - ends[0]
        placed = (divergence[own] - ends[0]) / span if span > 0 else torch.full_like(divergence[own], 0.5)
        beta[own] = placed.clamp(0, 1)
    return beta


def softness(epochs: float) -> float:
    """Return γ after so many epochs of splitting: 0.6 before 20, 0.8 before 30, then 1."""
    return next(gamma for end, gamma in SOFTNESS if epochs < end)


def cross_split_targets(labels: Tensor, peer: Tensor, beta: Tensor, temperature: float = 0.5) -> Tensor:
    """Return sharpen(β p_peer + (1 − β) onehot(y), T), (b, K), detached. [P094]

    Parameters
    ----------
    labels : int64 tensor (b,)
    peer : Tensor (b, K)
        Probabilities of the network that did not see these labels.
    beta : Tensor (b,)
        In [0, 1]: how far the label gives way.
    temperature : float, default 0.5

    Examples
    --------
    >>> p = torch.tensor([[0.1, 0.9]])
    >>> cross_split_targets(torch.tensor([0]), p, torch.zeros(1)).round().tolist()
    [[1.0, 0.0]]
    """
    given = one_hot(labels, peer.shape[1]).to(peer.dtype)
    return sharpen(beta[:, None] * peer + (1 - beta[:, None]) * given, temperature)


class CrossSplit(TwoNetworks):
    """Two networks on the two halves of the data that soften each other's labels. [P094]

    Parameters
    ----------
    warmup : float, default 10.0
        Epochs of cross-entropy, each network on its own half; 30 for a hundred classes.
    lambda_u : float, default 30.0
        Weight of the unlabelled half, reached 16 epochs after the start.
    contrast : float, default 0.025
        Weight of the contrastive term, which needs a network with features; 0 leaves it out.
    balance : float, default 1.0
        Weight of the term that keeps classes equally frequent.
    temperature : float, default 0.5
        Of sharpening.
    alpha : float, default 4.0
        Of the Beta that shares are drawn from; 0 mixes nothing.
    penalty : float, default 0.0
        Weight of the penalty on sureness in the start; 0.1 for asymmetric noise.
    quantile : float, default 0.0
        As in `relative_divergence`.
    """

    side: Tensor  # whose labels a row gives: 0 or 1

    def __init__(
        self,
        warmup: float = 10.0,
        lambda_u: float = 30.0,
        contrast: float = 0.025,
        balance: float = 1.0,
        temperature: float = 0.5,
        alpha: float = 4.0,
        penalty: float = 0.0,
        quantile: float = 0.0,
    ) -> None:
        super().__init__()
        if min(warmup, lambda_u, contrast, balance, alpha, penalty) < 0 or not 0 < temperature <= 1:
            raise BadInput("a setting of CrossSplit is negative, or its temperature is not in (0, 1]")
        if not 0 <= quantile < 0.5:
            raise BadInput(f"quantile is {quantile}", fix="choose it in [0, 0.5)")
        self.warmup, self.lambda_u, self.contrast, self.balance = warmup, lambda_u, contrast, balance
        self.temperature, self.alpha, self.penalty, self.quantile = temperature, alpha, penalty, quantile

    def setup(self, task: Task) -> None:
        """Make both networks, cut the rows into halves, and remember β of every row."""
        super().setup(task)
        order = torch.randperm(len(task.rows)).numpy()
        half = np.zeros(task.n_rows, dtype=np.int64)
        half[task.rows[order[len(order) // 2 :]]] = 1
        self.register_buffer("side", torch.from_numpy(half))
        self.beta = RowMemory(task.n_rows, fill=0.5)
        if self.contrast > 0:
            self.projectors = nn.ModuleList(_projector(net) for net in self.nets)

    def rows_of(self, i: int, task: Task) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Return the rows whose labels network i learns from."""
        mine: np.ndarray[tuple[int], np.dtype[np.int64]] = task.rows[self.side.cpu().numpy()[task.rows] == i]
        return mine

    def before_epoch(self, loop: Loop) -> None:
        """Let each network judge the labels of the other one's half."""
        if loop.clock.epoch < self.warmup:
            return
        gamma = softness(loop.clock.epoch - self.warmup)
        for i in PAIR:
            rows = self.rows_of(i, loop.task)
            index = torch.from_numpy(rows).to(self.side.device)
            labels = loop.task.labels[index]
            divergence = label_divergence(labels, loop.predict(rows, net=self.nets[1 - i]).probs)
            beta = relative_divergence(divergence, labels, self.quantile)
            self.beta.write(index, torch.where(labels >= 0, (beta - 0.5) * gamma + 0.5, beta))

    def streams(self, task: Task, epoch: int) -> Mapping[str, Stream]:
        """Return each network's own half, and after the start the other half without its labels."""
        if len(task.rows) < 2:
            raise BadInput("one row cannot be cut into halves", fix="pass more rows")
        halves = [self.rows_of(i, task) for i in PAIR]
        if epoch < self.warmup:
            return prefer_longest({f"labelled{i}": task.stream(halves[i]) for i in PAIR})
        views = {"weak": task.views.weak, "again": task.views.weak}
        views |= {"strong": task.views.strong, "strong_again": task.views.strong}
        own = {f"labelled{i}": task.stream(halves[i], views=views) for i in PAIR}
        other = {f"unlabelled{i}": task.stream(halves[1 - i], views=views) for i in PAIR}
        return prefer_longest(own | other)

    def losses(self, batch: Batches) -> Losses:
        """Return each network's cross-entropy on its half at the start, then both networks' MixMatch."""
        parts = [self._start(i, batch) if "unlabelled0" not in batch else self._split(i, batch) for i in PAIR]
        names = [name for name in parts[0] if name != "logits"]
        return Losses(logits=parts[0]["logits"], **{name: parts[0][name] + parts[1][name] for name in names})

    def _start(self, i: int, batch: Batches) -> dict[str, Tensor]:
        rows = batch[f"labelled{i}"]
        logits = self.nets[i](rows.x)
        terms = {"cross_entropy": cross_entropy(logits, rows.labels), "logits": logits}
        return terms | ({"sureness": self.penalty * confidence_penalty(logits)} if self.penalty else {})

    def _split(self, i: int, batch: Batches) -> dict[str, Tensor]:
        net, peer = self.nets[i], self.nets[1 - i]
        rows, rest = batch[f"labelled{i}"], batch[f"unlabelled{i}"]
        with looking(net, peer):
            other = torch.stack([peer(rows.views[v]).softmax(dim=1) for v in ("weak", "again")]).mean(dim=0)
            labelled = cross_split_targets(rows.labels, other, self.beta.read(rows.index), self.temperature)
            guessed = guess([net(rest.views[v]) for v in ("weak", "again")], self.temperature)
        strong = [part.views[v] for part in (rows, rest) for v in ("strong", "strong_again")]
        x, targets = mix_match(strong, [labelled, labelled, guessed, guessed], self.alpha)
        logits, cut = net(x), 2 * len(rows)
        ramp = linear_rampup(batch.clock.time, 16, start=self.warmup)
        terms = {
            "labelled": soft_cross_entropy(logits[:cut], targets[:cut]),
            "unlabelled": self.lambda_u * ramp * squared_difference(logits[cut:], targets[cut:]),
            "balance": self.balance * balance(logits.softmax(dim=1)),
            "logits": logits[: len(rows)],
        }
        if self.contrast > 0:
            ends = [self.projectors[i](net.features(v)) for v in strong[2:]]  # type: ignore[operator]
            terms["contrast"] = self.contrast * nt_xent(ends[0], ends[1], CONTRAST_TEMPERATURE)
        return terms


def _projector(net: nn.Module) -> nn.Module:
    head = getattr(net, "head", None)
    if not isinstance(head, nn.Linear) or not hasattr(net, "features"):
        raise BadInput(f"{type(net).__name__} has no features to contrast", fix="use a backbone, or contrast=0")
    return nn.Sequential(nn.Linear(head.in_features, PROJECTED), nn.ReLU(), nn.Linear(PROJECTED, PROJECTED))
