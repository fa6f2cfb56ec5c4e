"""S2M sampling: draw items that have some labels and lack others, from a generator and singly labelled data.

Every training item carries one label, drawn evenly from its label set Y(x), so P(label = k | x) = 1/|Y(x)| on Y(x), and

    ρ(x) = max(0, min_{i∈I} g_i c_i(x) − max_{j∈D} g_j c_j(x)),         c = softmax of the label logits / T

is positive exactly where all of I and none of D hold (g = 1). With v the chance that x is real rather than generated,
the target over the generator's density is r(x) = ρ(x) v/(1 − v). Independence Metropolis-Hastings: propose x' ~ G,
accept with min(1, r(x') / (r(x) + 1e-5)), many chains side by side.

A generator that draws under a fixed label l samples G(x | l): r is divided by the chance of l for a generated x.

Source: Cho et al., Mining Multi-Label Samples from Single Positive Labels, NeurIPS 2022 [P043].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torch.nn.functional import softplus

from labelwright.errors import BadInput
from labelwright.evidence import Hard
from labelwright.metrics.calibration import fit_temperature
from labelwright.nn import Loop, Losses, Objective, Task, Training
from labelwright.nn.batch import Batches
from labelwright.nn.losses import cross_entropy
from labelwright.nn.task import NetSpec

STEEPEST = 10.0  # bound of the real/fake logit: v/(1 − v) explodes where the generator never goes
EPS = 1e-5  # lets a chain leave a start where r is 0


class Generator(Protocol):
    """Draws items with torch's own random state, so that the seed of a loop or a sampler decides them.

    One that draws under labels has ``sample_labelled(n) -> (items, labels int64 (n,))`` beside, all labels alike.
    """

    def sample(self, n: int, /) -> Tensor:
        """Return n items (n, ...)."""
        ...


class Judge(Protocol):
    """What the sampler asks of an item; `LabelRatioClassifier` is one, exact densities are another."""

    n_classes: int

    def class_probs(self, x: Tensor, temperature: float = 1.0) -> Tensor:
        """Return the chance of each label as the one given, (n, K)."""
        ...

    def log_ratio(self, x: Tensor) -> Tensor:
        """Return log v/(1 − v): how much likelier x is real than generated, (n,)."""
        ...

    def drawn_probs(self, x: Tensor) -> Tensor:
        """Return the chance of each label as the one a generated x was drawn under, (n, K)."""
        ...


class LabelRatio(Objective):
    """Three questions to one network: the label of a real item, real or generated, the label of a generated one. [P043]

    Parameters
    ----------
    generator : Generator
        Frozen.
    """

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self._draw = generator.sample
        self._draw_labelled = getattr(generator, "sample_labelled", None)

    def setup(self, task: Task) -> None:
        """Make the network: K labels, one real/fake logit, and K labels of generated items where there are such."""
        self.n_classes = task.n_classes
        self.net = task.new_net((1 if self._draw_labelled is None else 2) * task.n_classes + 1)

    def losses(self, batch: Batches) -> Losses:
        """Return cross-entropy of the labels and the logistic loss of real against generated."""
        rows, k = batch["train"], self.n_classes
        labels: Tensor | None = None
        with torch.no_grad():
            if self._draw_labelled is None:
                x = self._draw(len(rows))
            else:
                x, labels = self._draw_labelled(len(rows))
        real, fake = self.net(rows.x), self.net(x)
        return Losses(
            label=cross_entropy(real[:, :k], rows.labels),
            ratio=softplus(-real[:, k]).mean() + softplus(fake[:, k]).mean(),
            drawn=0.0 if labels is None else cross_entropy(fake[:, k + 1 :], labels),
            logits=real[:, :k],
        )

    def predict(self, x: Any) -> Tensor:
        """Return the chance of each label as the one given, (b, K)."""
        logits: Tensor = self.net(x)
        return logits[:, : self.n_classes].softmax(dim=1)


@dataclass(frozen=True, eq=False)
class LabelRatioClassifier:
    """A trained `LabelRatio` network with the temperature that calibrates its labels on held-out rows."""

    net: Any
    n_classes: int
    calibration: float

    def class_probs(self, x: Tensor, temperature: float = 1.0) -> Tensor:
        """Return the calibrated chance of each label as the one given, sharper for temperatures below 1, (n, K)."""
        return (self._logits(x)[:, : self.n_classes] / (self.calibration * temperature)).softmax(dim=1)

    def log_ratio(self, x: Tensor) -> Tensor:
        """Return the real/fake logit, held in ±10, (n,)."""
        return self._logits(x)[:, self.n_classes].clamp(-STEEPEST, STEEPEST)

    def drawn_probs(self, x: Tensor) -> Tensor:
        """Return the chance of each label as the one a generated x was drawn under, (n, K)."""
        logits = self._logits(x)[:, self.n_classes + 1 :]
        if logits.shape[1] == 0:
            raise BadInput("this generator draws under no labels", fix="leave `under` out")
        return logits.softmax(dim=1)

    @torch.no_grad()
    def _logits(self, x: Tensor) -> Tensor:
        logits: Tensor = self.net(x)
        return logits


def train_label_ratio_classifier(
    generator: Generator,
    x: ArrayLike | Tensor,
    labels: ArrayLike,
    n_classes: int,
    *,
    net: NetSpec,
    training: Training | None = None,
    held_out: float = 0.2,
) -> LabelRatioClassifier:
    """Train what `S2MSampler` asks, on items with one label each and on what a frozen generator draws. [P043]

    Parameters
    ----------
    generator : Generator
        A labelled one (`sample_labelled`) gets the third head.
    x : array or tensor (n, ...)
    labels : int array (n,)
        One of each item's labels, drawn evenly.
    n_classes : int
    net : callable (input shape, outputs) → network
    training : Training, optional
    held_out : float, default 0.2
        Share of the rows kept for the calibration temperature, in (0, 1).
    """
    if not 0 < held_out < 1:
        raise BadInput(f"held_out is {held_out}", fix="choose a share in (0, 1)")
    training = training or Training()
    task = Task(x, Hard(labels, n_classes), net=net)
    order = np.random.default_rng(training.seed).permutation(task.n_rows)
    cut = max(1, round(held_out * task.n_rows))
    task.rows = np.sort(order[cut:])
    loop = Loop(LabelRatio(generator), task, training)
    loop.fit()
    logits = loop.predict(order[:cut]).logits[:, :n_classes].cpu().numpy()
    temperature = fit_temperature(logits, task.labels.cpu().numpy()[order[:cut]])
    return LabelRatioClassifier(loop.objective.net.eval(), n_classes, temperature)


def acceptance(new: Tensor, old: Tensor, eps: float = EPS) -> Tensor:
    """Return min(1, r(x') / (r(x) + eps)), same shape."""
    return (
        (new / (old + eps)).clamp(max=1) if eps else torch.where(old > 0, new / old, torch.ones_like(old)).clamp(max=1)
    )


@dataclass(frozen=True, eq=False)
class S2MSamples:
    """What was drawn.

    Parameters
    ----------
    x : Tensor (n, ...)
    acceptance_rate : float
        Share of proposals that were accepted.
    effective_share : float
        (Σ r)² / (N Σ r²) over all N proposals: what share of them independent draws would be worth.
    """

    x: Tensor
    acceptance_rate: float
    effective_share: float


class S2MSampler:
    """Draw items that have all wanted labels and none of the forbidden ones. [P043]

    Parameters
    ----------
    generator : Generator
        Draws under the label `under` when that is given.
    judge : Judge
    wanted : sequence of int
        I, at least one label.
    forbidden : sequence of int, default ()
        D; labels in neither list are free.
    gains : float array (K,), optional
        g: corrects class frequency; 0.1 to 0.5 for wanted labels that overlap helps against forbidden ones. Default 1.
    temperature : float, default 1.0
        Of the labels; about 0.2 when all are wanted.
    steps : int, default 200
    under : int, optional
        The label under which the generator draws.
    """

    def __init__(
        self,
        generator: Generator,
        judge: Judge,
        wanted: Sequence[int],
        forbidden: Sequence[int] = (),
        *,
        gains: ArrayLike | None = None,
        temperature: float = 1.0,
        steps: int = 200,
        under: int | None = None,
    ) -> None:
        k = judge.n_classes
        asked = [*wanted, *forbidden]
        if not wanted or len(set(asked)) < len(asked) or not all(0 <= label < k for label in asked):
            raise BadInput(
                f"wanted {list(wanted)}, forbidden {list(forbidden)}", fix=f"name labels below {k}, each once"
            )
        if steps < 1 or not temperature > 0:
            raise BadInput(f"steps={steps}, temperature={temperature}", fix="choose both above 0")
        self.generator, self.judge = generator, judge
        self.wanted, self.forbidden = list(wanted), list(forbidden)
        self.gains = torch.ones(k) if gains is None else torch.as_tensor(gains, dtype=torch.float32)
        self.temperature, self.steps, self.under = temperature, steps, under

    def rho(self, x: Tensor) -> Tensor:
        """Return max(0, min over wanted g c − max over forbidden g c), (n,)."""
        c = self.gains * self.judge.class_probs(x, self.temperature)
        lowest = c[:, self.wanted].amin(dim=1)
        if not self.forbidden:
            return lowest
        return (lowest - c[:, self.forbidden].amax(dim=1)).clamp_min(0)

    def ratio(self, x: Tensor) -> Tensor:
        """Return r(x), the target over the generator's density up to a constant, (n,)."""
        r = self.rho(x) * self.judge.log_ratio(x).exp()
        return r if self.under is None else r / self.judge.drawn_probs(x)[:, self.under].clamp_min(EPS)

    @torch.no_grad()
    def sample(self, n: int, seed: int) -> S2MSamples:
        """Return the last state of n chains run side by side; the same seed gives the same draws."""
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            x = self.generator.sample(n)
            r = self.ratio(x)
            accepted, total, squares = 0, float(r.sum()), float((r**2).sum())
            for _ in range(self.steps):
                proposed = self.generator.sample(n)
                new = self.ratio(proposed)
                take = torch.rand(n, device=r.device) < acceptance(new, r)
                x[take], r[take] = proposed[take], new[take]
                accepted += int(take.sum())
                total, squares = total + float(new.sum()), squares + float((new**2).sum())
        share = total**2 / (squares * n * (self.steps + 1)) if squares else 0.0
        return S2MSamples(x, accepted / (n * self.steps), share)
