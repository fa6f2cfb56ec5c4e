"""P043: what the chain's law is, and what ρ says."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from labelwright.errors import BadInput  # noqa: E402
from labelwright.learn.partial import S2MSampler, train_label_ratio_classifier  # noqa: E402
from labelwright.learn.partial.s2m import acceptance  # noqa: E402
from labelwright.nn import MLP, Training  # noqa: E402

SETS = torch.tensor([s for s in itertools.product([0, 1], repeat=3) if any(s)], dtype=torch.float64)  # 7 label sets


class Grid:
    """Seven points, one a label set, drawn by a fixed law."""

    law = torch.tensor([0.3, 0.1, 0.1, 0.2, 0.1, 0.1, 0.1], dtype=torch.float64)

    def sample(self, n: int) -> torch.Tensor:
        return torch.multinomial(self.law, n, replacement=True)


class ExactJudge:
    """Knows the label sets, and how much likelier each point is in the data than under the generator."""

    n_classes = 3
    real = torch.tensor([0.1, 0.2, 0.1, 0.1, 0.1, 0.2, 0.2], dtype=torch.float64)

    def class_probs(self, x, temperature=1.0):
        return (SETS / SETS.sum(1, keepdim=True))[x]

    def log_ratio(self, x):
        return (self.real / Grid.law).log()[x]

    def drawn_probs(self, x):
        return torch.full((len(x), 3), 1 / 3, dtype=torch.float64)


QUERIES = [
    (list(wanted), [k for k in range(3) if k not in wanted])
    for size in (1, 2, 3)
    for wanted in itertools.combinations(range(3), size)
]


@pytest.mark.parametrize(("wanted", "forbidden"), QUERIES)
def test_rho_is_positive_exactly_on_the_wanted_region(wanted, forbidden):
    """One positive drawn evenly: ρ > 0 if and only if all of I and none of D hold [P043]."""
    rho = S2MSampler(Grid(), ExactJudge(), wanted, forbidden).rho(torch.arange(7))
    inside = SETS[:, wanted].all(1) & ~SETS[:, forbidden].any(1) if forbidden else SETS[:, wanted].all(1)
    assert torch.equal(rho > 0, inside)


@pytest.mark.parametrize(("wanted", "forbidden"), [([0], []), ([0, 1], []), ([2], [0])])
def test_the_chains_law_is_the_target_by_its_transition_matrix(wanted, forbidden):
    """Its stationary law is r(x) G(x), normalised: the left eigenvector of the exact transition matrix [P043]."""
    sampler = S2MSampler(Grid(), ExactJudge(), wanted, forbidden)
    r = sampler.ratio(torch.arange(7))
    accept = acceptance(r[None, :].expand(7, 7), r[:, None].expand(7, 7), eps=1e-12)
    step = accept * Grid.law[None, :]
    step += torch.diag(1 - step.sum(1))
    law = torch.linalg.matrix_power(step, 2**20)[0]
    target = r * Grid.law / (r * Grid.law).sum()
    torch.testing.assert_close(law, target, atol=1e-6, rtol=1e-6)


def test_long_chains_draw_from_the_target():
    sampler = S2MSampler(Grid(), ExactJudge(), [0], steps=60)
    drawn = sampler.sample(20_000, seed=0)
    r = sampler.ratio(torch.arange(7))
    target = r * Grid.law / (r * Grid.law).sum()
    counted = torch.bincount(drawn.x, minlength=7) / 20_000
    assert float((counted - target).abs().max()) < 4 * np.sqrt(0.25 / 20_000)
    assert 0 < drawn.acceptance_rate < 1 and 0 < drawn.effective_share <= 1


def test_the_same_seed_draws_the_same_and_leaves_other_randomness_alone():
    sampler = S2MSampler(Grid(), ExactJudge(), [0], steps=5)
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    first, second = sampler.sample(50, seed=3).x, sampler.sample(50, seed=3).x
    assert torch.equal(first, second) and torch.equal(torch.random.get_rng_state(), before)


def test_a_generator_under_a_label_is_divided_by_its_chance():
    x = torch.arange(7)
    free, under = (S2MSampler(Grid(), ExactJudge(), [0], under=label).ratio(x) for label in (None, 1))
    torch.testing.assert_close(under, 3 * free)


class Cloud:
    def sample(self, n: int) -> torch.Tensor:
        return 2 * torch.randn(n, 2)


class LabelledCloud(Cloud):
    def sample_labelled(self, n: int) -> tuple[torch.Tensor, torch.Tensor]:
        labels = torch.randint(2, (n,))
        return torch.randn(n, 2) + 3 * labels[:, None], labels


def test_the_classifier_is_calibrated_and_bounded():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 2)).astype(np.float32)
    labels = (x[:, 0] > 0).astype(int)
    training = Training(epochs=15, device="cpu")
    judge = train_label_ratio_classifier(Cloud(), x, labels, 2, net=MLP((16,)), training=training)
    far = torch.tensor([[50.0, 0.0], [2.0, 0.0]])
    probs = judge.class_probs(far)
    torch.testing.assert_close(probs.sum(1), torch.ones(2))
    assert float(probs[1, 1]) > 0.7 and bool((judge.log_ratio(far).abs() <= 10).all())
    with pytest.raises(BadInput, match="no labels"):
        judge.drawn_probs(far)


def test_a_labelled_generator_gets_a_head_of_its_own():
    x = np.random.default_rng(0).normal(size=(300, 2)).astype(np.float32)
    labels = (x[:, 0] > 0).astype(int)
    training = Training(epochs=15, device="cpu")
    judge = train_label_ratio_classifier(LabelledCloud(), x, labels, 2, net=MLP((16,)), training=training)
    assert judge.drawn_probs(torch.tensor([[0.0, 0.0], [3.0, 3.0]])).argmax(1).tolist() == [0, 1]


@pytest.mark.parametrize(("wanted", "forbidden"), [([], []), ([0], [0]), ([3], [])])
def test_queries_that_make_no_sense_are_refused(wanted, forbidden):
    with pytest.raises(BadInput):
        S2MSampler(Grid(), ExactJudge(), wanted, forbidden)
