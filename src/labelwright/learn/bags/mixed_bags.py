"""How two bags are mixed, and what is known of the mixture's count [P112]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from labelwright.errors import BadInput
from labelwright.learn.bags.members import Members


class OwnRows(Protocol):
    """How many of its own rows a mixed bag keeps."""

    def __call__(self, sizes: Tensor, /) -> Tensor:
        """Return a whole number in 1 .. m − 1 for each bag of m >= 2 rows, int64 (g,)."""
        ...


@dataclass(frozen=True)
class UniformOwn:
    """Any number of rows from 1 to m − 1 is equally likely."""

    def __call__(self, sizes: Tensor, /) -> Tensor:
        """Return draws."""
        return 1 + (torch.rand(len(sizes), device=sizes.device) * (sizes - 1)).long()


@dataclass(frozen=True)
class HalfOwn:
    """Half of the rows, rounded down."""

    def __call__(self, sizes: Tensor, /) -> Tensor:
        """Return m // 2, at least 1."""
        return (sizes // 2).clamp_min(1)


@dataclass(frozen=True)
class GaussOwn:
    """A share drawn from a normal distribution, cut to 1 .. m − 1 rows."""

    mean: float = 0.5
    std: float = 0.1

    def __call__(self, sizes: Tensor, /) -> Tensor:
        """Return draws."""
        share = self.mean + self.std * torch.randn(len(sizes), device=sizes.device)
        return torch.minimum((share * sizes).round().long().clamp_min(1), (sizes - 1).clamp_min(1))


@dataclass(frozen=True, eq=False)
class MixedBags:
    """Bags of which some are mixtures of two.

    Parameters
    ----------
    members : Members
        The rows of each bag.
    first, second : Tensor (g, K)
        Proportions of the bags mixed.
    first_size, second_size : int64 tensor (g,)
        Rows of the bags mixed.
    own, other : int64 tensor (g,)
        Rows taken of each; other = 0 for a bag that was not mixed.
    """

    members: Members
    first: Tensor
    second: Tensor
    first_size: Tensor
    second_size: Tensor
    own: Tensor
    other: Tensor

    @property
    def expected(self) -> Tensor:
        """e, the expected proportions (g, K)."""
        share = (self.own / (self.own + self.other))[:, None].to(self.first.dtype)
        return share * self.first + (1 - share) * self.second

    def interval(self, quantile: float) -> tuple[Tensor, Tensor]:
        """Return [e − h, e + h], (g, K) each; [−1, −1] for bags that were not mixed."""
        rows = (self.own + self.other)[:, None]
        half = torch.zeros_like(self.first)
        for share, taken in ((self.first, self.own[:, None]), (self.second, self.other[:, None])):
            half += taken / rows * quantile * (share * (1 - share) / taken.clamp_min(1)).sqrt()
        mixed = (self.other > 0)[:, None]
        none = torch.full_like(half, -1.0)
        return torch.where(mixed, self.expected - half, none), torch.where(mixed, self.expected + half, none)

    def count_law(self) -> Tensor:
        """Return φ_c(k) = P(k rows are of class c), (g, K, longest + 1): two hypergeometric counts, added.

        Proportions times bag sizes are rounded to counts.
        """
        longest = int((self.own + self.other).max())
        first = hypergeometric(self.first_size, (self.first * self.first_size[:, None]).round(), self.own, longest)
        second = hypergeometric(
            self.second_size, (self.second * self.second_size[:, None]).round(), self.other, longest
        )
        law = torch.zeros_like(first)
        for k in range(longest + 1):
            law[..., k:] += first[..., k, None] * second[..., : longest + 1 - k]
        return law


def hypergeometric(size: Tensor, marked: Tensor, drawn: Tensor, longest: int) -> Tensor:
    """Return P(h of the drawn rows are marked), h = 0..longest, for draws without replacement.

    Parameters
    ----------
    size, drawn : int64 tensor (g,)
    marked : Tensor (g, K)
        Whole numbers, 0 .. size.
    longest : int

    Returns
    -------
    Tensor (g, K, longest + 1), float64

    Examples
    --------
    >>> law = hypergeometric(torch.tensor([4]), torch.tensor([[2]]), torch.tensor([2]), 2)
    >>> [round(p, 4) for p in law[0, 0].tolist()]
    [0.1667, 0.6667, 0.1667]
    """
    h = torch.arange(longest + 1, device=size.device, dtype=torch.float64)
    n, d, c = (v.to(torch.float64)[..., None] for v in (size[:, None], drawn[:, None], marked))

    def log_choose(a: Tensor, b: Tensor) -> Tensor:
        fits = (b >= 0) & (b <= a)
        b = torch.where(fits, b, torch.zeros_like(b))
        a = a.expand_as(b)
        value = torch.lgamma(a + 1) - torch.lgamma(b + 1) - torch.lgamma((a - b).clamp_min(0) + 1)
        return torch.where(fits, value, -torch.inf)

    hits, misses = h.expand(*c.shape[:2], -1), (d - h).expand(*c.shape[:2], -1)
    return (log_choose(c, hits) + log_choose(n - c, misses) - log_choose(n, d)).exp()


def mix_bags(members: Members, proportions: Tensor, probability: float, own: OwnRows) -> MixedBags:
    """Replace each bag with some probability by a mixture of it and another bag.

    Parameters
    ----------
    members : Members
    proportions : Tensor (g, K)
    probability : float in [0, 1]
    own : OwnRows

    Returns
    -------
    MixedBags
        As many bags as before. A bag of one row, or one without another beside it, stays as it is; where the other
        bag has too few rows all of them are taken. Drawn from torch's global generator.
    """
    n_bags, sizes = members.n_bags, members.sizes
    device = sizes.device
    mixed = (torch.rand(n_bags, device=device) < probability) & (sizes >= 2) & (n_bags >= 2)
    partner = (torch.arange(n_bags, device=device) + 1 + _below(n_bags - 1, n_bags, device)) % n_bags
    kept = own(sizes)
    if bool(((kept < 1) | (kept >= sizes) & (sizes >= 2)).any()):
        raise BadInput("own() leaves 1 .. m − 1 rows of a bag")
    kept = torch.where(mixed, kept, sizes)
    taken = torch.where(mixed, torch.minimum(sizes - kept, sizes[partner]), torch.zeros_like(sizes))
    each = torch.arange(n_bags, device=device)
    own_entries, own_bag = _drawn(members, each, kept)
    other_entries, other_bag = _drawn(members, partner, taken)
    bag = torch.cat([own_bag, other_bag])
    order = bag.argsort(stable=True)
    rows = members.rows[torch.cat([own_entries, other_entries])][order]
    return MixedBags(
        Members(rows, bag[order], kept + taken),
        proportions,
        proportions[partner],
        sizes,
        sizes[partner],
        kept,
        taken,
    )


def _below(high: int, n: int, device: torch.device) -> Tensor:
    return torch.randint(max(high, 1), (n,), device=device)


def _drawn(members: Members, source: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
    """Return `count[g]` random entries of bag `source[g]` for each g, and g of each: drawn without replacement."""
    lengths = members.sizes[source]
    group = torch.repeat_interleave(torch.arange(len(source), device=source.device), lengths)
    first = lengths.cumsum(0) - lengths
    start = members.sizes.cumsum(0) - members.sizes
    entry = torch.arange(len(group), device=source.device) - first[group] + start[source][group]
    order = (group + torch.rand(len(group), dtype=torch.float64, device=source.device)).argsort()
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(group), device=source.device) - first[group]
    chosen = rank < count[group]
    return entry[chosen], group[chosen]
