"""DivideMix: split rows into probably clean and probably wrong, then learn as from labelled and unlabelled rows.

After a start with plain cross-entropy, every epoch network A's losses are split by a mixture of two Gaussians, and the
split serves network B, and the reverse. With w_i = P(clean), and p̄ the mean prediction over two views:

    labelled     (w_i > 0.5)   t_i = sharpen(w_i y_i + (1 − w_i) p̄_own, T)
    unlabelled   (the rest)    t_i = sharpen(p̄ of both networks, T)

and MixMatch on both: inputs and targets mixed with shares max(ℓ, 1 − ℓ), ℓ ~ Beta(α, α);

    L = CE(labelled) + λ_u · ramp · mean (p − t)²(unlabelled) + Σ_k (1/K) log((1/K) / mean p_k)

Source: Li, Socher, Hoi, DivideMix: Learning with Noisy Labels as Semi-supervised Learning, ICLR 2020 [B013].
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from labelwright.errors import BadInput
from labelwright.learn.noisy.clean_split import gmm_split
from labelwright.learn.noisy.two_networks import TwoNetworks, looking
from labelwright.nn import Loop, Losses, LossHistory, RowMemory, Stream, Task, linear_rampup
from labelwright.nn.batch import Batch, Batches
from labelwright.nn.losses import balance, cross_entropy, row_cross_entropy, soft_cross_entropy, squared_difference
from labelwright.nn.mix import mix_match
from labelwright.nn.targets import guess, one_hot, sharpen

PAIR = (0, 1)


def refined_targets(labels: Tensor, clean: Tensor, probs: Tensor, temperature: float = 0.5) -> Tensor:
    """Return sharpen(w onehot(y) + (1 − w) p, T), (b, K): a label as far as it is believed. [B013]

    Parameters
    ----------
    labels : int64 tensor (b,)
    clean : Tensor (b,)
        w in [0, 1].
    probs : Tensor (b, K)
        Mean prediction over views.
    temperature : float, default 0.5

    Examples
    --------
    >>> refined_targets(torch.tensor([0]), torch.ones(1), torch.tensor([[0.2, 0.8]])).round().tolist()
    [[1.0, 0.0]]
    """
    w = clean[:, None].to(probs.dtype)
    return sharpen(w * one_hot(labels, probs.shape[1]) + (1 - w) * probs, temperature)


def confidence_penalty(logits: Tensor) -> Tensor:
    """Return the mean of Σ_k p_k log p_k: keeps a start on asymmetric noise from being too sure."""
    log_p = logits.log_softmax(dim=1)
    return (log_p.exp() * log_p).sum(dim=1).mean()


def prefer_longest(streams: Mapping[str, Stream]) -> dict[str, Stream]:
    """Return streams with the one of most rows first among the labelled ones: it sets the epoch's length."""
    names = sorted(streams, key=lambda name: (not name.startswith("labelled"), -len(streams[name].rows)))
    return {name: streams[name] for name in names}


class DivideMix(TwoNetworks):
    """Two networks that split the rows for each other and learn by MixMatch. [B013]

    Parameters
    ----------
    warmup : float, default 10.0
        Epochs of cross-entropy before the first split; 30 for a hundred classes.
    lambda_u : float, default 25.0
        Weight of the unlabelled rows, reached 16 epochs after the start: 0 to 150, more for more noise.
    temperature : float, default 0.5
        Of sharpening.
    alpha : float, default 4.0
        Of the Beta that shares are drawn from; 0 mixes nothing.
    threshold : float, default 0.5
        Rows with P(clean) above it are labelled.
    penalty : float, default 0.0
        Weight of `confidence_penalty` in the start; 1 for asymmetric noise.
    window : int, default 1
        Epochs whose losses are averaged before the split; 5 at 90 % noise.
    """

    def __init__(
        self,
        warmup: float = 10.0,
        lambda_u: float = 25.0,
        temperature: float = 0.5,
        alpha: float = 4.0,
        threshold: float = 0.5,
        penalty: float = 0.0,
        window: int = 1,
    ) -> None:
        super().__init__()
        if warmup < 1 or lambda_u < 0 or alpha < 0 or not 0 < temperature <= 1 or not 0 < threshold < 1 or window < 1:
            raise BadInput(
                "a setting of DivideMix is outside its range",
                fix="warmup and window at least 1, lambda_u and alpha at least 0, temperature and threshold in (0, 1)",
            )
        self.warmup, self.lambda_u, self.temperature, self.alpha = warmup, lambda_u, temperature, alpha
        self.threshold, self.penalty, self.window = threshold, penalty, window

    def setup(self, task: Task) -> None:
        """Make both networks, their loss histories and what each is told of the rows."""
        super().setup(task)
        self.histories = nn.ModuleList(LossHistory(task.n_rows, self.window) for _ in PAIR)
        self.clean = RowMemory(task.n_rows, 2, fill=1.0)  # P(clean) as told to each network by the other

    def warming(self, epoch: float) -> bool:
        """Whether the start still lasts."""
        return epoch < self.warmup

    def before_epoch(self, loop: Loop) -> None:
        """Split the rows anew, each network for the other."""
        if not self.warming(loop.clock.epoch) or loop.clock.epoch >= self.warmup - self.window:
            rows = torch.from_numpy(loop.task.rows)
            for i in PAIR:
                self._record(i, loop, rows)
            if not self.warming(loop.clock.epoch):
                chances = self.chances(loop, rows)
                told = torch.stack([chances[1], chances[0]], dim=1)  # swapped: none labels its own rows
                self.clean.write(rows, told.to(self.clean.values))

    def _record(self, i: int, loop: Loop, rows: Tensor) -> None:
        history = self.histories[i]
        assert isinstance(history, LossHistory)
        logits = loop.predict(loop.task.rows, net=self.nets[i]).logits
        history.write(rows, row_cross_entropy(logits, loop.task.labels[rows]))

    def loss_chances(self, i: int, labels: Tensor, rows: Tensor) -> Tensor:
        """Return P(clean) of rows by network i's losses, (n,); 0 for label −1."""
        history = self.histories[i]
        assert isinstance(history, LossHistory)
        known = (labels >= 0).cpu().numpy()
        chances = np.zeros(len(known))
        chances[known] = gmm_split(history.mean()[rows].cpu().numpy()[known])
        return torch.from_numpy(chances).float()

    def chances(self, loop: Loop, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return what each network thinks of the rows: P(clean) (n,) twice."""
        labels = loop.task.labels[rows]
        return self.loss_chances(0, labels, rows), self.loss_chances(1, labels, rows)

    def streams(self, task: Task, epoch: int) -> Mapping[str, Stream]:
        """Return all rows at the start, then labelled and unlabelled rows for each network, in two weak views."""
        if self.warming(epoch):
            return {"train": task.stream()}
        views = {"one": task.views.weak, "two": task.views.weak}
        streams = {}
        for i in PAIR:
            clean, rest = self.divided(task.rows, self.clean.values[task.rows, i].cpu().numpy())
            streams[f"labelled{i}"] = task.stream(clean, views=views)
            if len(rest):
                streams[f"unlabelled{i}"] = task.stream(rest, views=views)
        return prefer_longest(streams)

    def divided(self, rows: NDArray[Any], clean: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return clean and other rows; the cleaner half where no row passes the threshold."""
        passed = clean > self.threshold
        if not passed.any():
            passed[np.argsort(-clean, kind="stable")[: max(1, len(clean) // 2)]] = True
        return rows[passed], rows[~passed]

    def losses(self, batch: Batches) -> Losses:
        """Return cross-entropy at the start, then both networks' MixMatch."""
        if "train" in batch:
            return self.start(batch["train"])
        ramp = linear_rampup(batch.clock.time, 16, start=self.warmup)
        parts = [self.mix_match(i, batch) for i in PAIR]
        return Losses(
            labelled=parts[0][0] + parts[1][0],
            unlabelled=self.lambda_u * ramp * (parts[0][1] + parts[1][1]),
            balance=parts[0][2] + parts[1][2],
            logits=parts[0][3],
        )

    def start(self, rows: Batch) -> Losses:
        """Return both networks' cross-entropy, and the penalty on sureness."""
        logits = [net(rows.x) for net in self.nets]
        return Losses(
            cross_entropy=sum((cross_entropy(z, rows.labels) for z in logits), start=torch.zeros(())),
            sureness=self.penalty * sum((confidence_penalty(z) for z in logits), start=torch.zeros(())),
            logits=logits[0],
        )

    def mix_match(self, i: int, batch: Batches) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return network i's loss on labelled rows, on unlabelled ones, its balance, and its logits."""
        own, peer = self.nets[i], self.nets[1 - i]
        rows, rest = batch[f"labelled{i}"], batch.get(f"unlabelled{i}")
        seen = [*rows.views.values()]
        unseen = [] if rest is None else [*rest.views.values()]
        with looking(own, peer):
            mean = torch.stack([own(x).softmax(dim=1) for x in seen]).mean(dim=0)
            labelled = refined_targets(rows.labels, self.clean.read(rows.index)[:, i], mean, self.temperature)
            guessed = [guess([net(x) for x in unseen for net in (own, peer)], self.temperature)] if unseen else []
        x, targets = mix_match([*seen, *unseen], [labelled, labelled, *(2 * guessed)], self.alpha)
        logits, cut = own(x), 2 * len(rows)
        fit = soft_cross_entropy(logits[:cut], targets[:cut])
        apart = squared_difference(logits[cut:], targets[cut:]) if unseen else torch.zeros_like(fit)
        return fit, apart, balance(logits.softmax(dim=1)), logits[: len(rows)]
