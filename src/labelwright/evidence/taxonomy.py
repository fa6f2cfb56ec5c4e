"""A tree over classes: coarse labels, common ancestors, distances."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput, did_you_mean, listed, quoted
from labelwright.evidence.space import LabelSpace

MOST_NODES_DENSE = 20_000


@dataclass(frozen=True)
class Taxonomy:
    """A forest of named nodes; its leaves are the classes, in the order in which they appear.

    Parameters
    ----------
    names : tuple of str
        Names of all nodes, unique.
    parents : tuple of int
        Number of each node's parent, -1 for a root.

    Examples
    --------
    >>> tree = Taxonomy.from_paths(["animal.cat", "animal.dog", "plant.rose"])
    >>> tree.leaf_names, tree.lca("animal.cat", "animal.dog")
    (('animal.cat', 'animal.dog', 'plant.rose'), 'animal')
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
        object.__setattr__(self, "parents", tuple(int(p) for p in self.parents))
        if len(self.names) != len(self.parents):
            raise BadInput(f"the taxonomy has {len(self.names)} names and {len(self.parents)} parents")
        _ = self._space
        wrong = [p for p in self.parents if not -1 <= p < len(self.names)]
        if wrong:
            raise BadInput(f"parent {wrong[0]} is no node", fix=f"pass -1..{len(self.names) - 1}")
        if len(self) and self.depths.min() < 0:
            loop = [self.names[i] for i in np.flatnonzero(self.depths < 0)[:5]]
            raise BadInput(
                f"the taxonomy runs in a circle through {listed(loop)}", fix="give every node a root above it"
            )

    @classmethod
    def from_edges(cls, edges: Iterable[tuple[str, str]]) -> Taxonomy:
        """Return the tree of (child, parent) names; BadInput when a node has two parents."""
        above: dict[str, str] = {}
        names: dict[str, None] = {}
        for child, parent in edges:
            if above.setdefault(child, parent) != parent:
                raise BadInput(f"{quoted(child)} has two parents: {listed([above[child], parent])}", fix="keep one")
            names |= {parent: None, child: None}
        number = {name: i for i, name in enumerate(names)}
        return cls(tuple(names), tuple(number[above[name]] if name in above else -1 for name in names))

    @classmethod
    def from_mapping(cls, coarse_of: Mapping[str, str]) -> Taxonomy:
        """Return the two-level tree of a mapping class -> coarse class."""
        return cls.from_edges(coarse_of.items())

    @classmethod
    def from_paths(cls, paths: Iterable[str], separator: str = ".") -> Taxonomy:
        """Return the tree of dotted labels; each label is a node, and so is every prefix that ends at a separator."""
        parents: dict[str, str | None] = {}
        for path in paths:
            parts = path.split(separator)
            for depth in range(len(parts)):
                name = separator.join(parts[: depth + 1])
                parents.setdefault(name, separator.join(parts[:depth]) if depth else None)
        number = {name: i for i, name in enumerate(parents)}
        return cls(tuple(parents), tuple(-1 if above is None else number[above] for above in parents.values()))

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def _space(self) -> LabelSpace:
        return LabelSpace(self.names)

    @cached_property
    def depths(self) -> NDArray[np.int64]:
        """Depth of each node, int64 (n_nodes,), 0 for a root; -1 on or below a circle."""
        parents = np.asarray(self.parents, dtype=np.int64)
        depths = np.where(parents < 0, 0, -1)
        for depth in range(1, len(parents) + 1):
            below = (depths < 0) & (parents >= 0)
            below[below] = depths[parents[below]] == depth - 1
            if not below.any():
                break
            depths[below] = depth
        return depths

    @cached_property
    def leaves(self) -> NDArray[np.int64]:
        """Node number of each class, int64 (K,)."""
        return np.setdiff1d(np.arange(len(self)), np.asarray(self.parents, dtype=np.int64))

    @property
    def leaf_names(self) -> tuple[str, ...]:
        """Names of the classes, in order."""
        return tuple(self.names[i] for i in self.leaves)

    @cached_property
    def leaf_space(self) -> LabelSpace:
        """The label space of the leaves."""
        return LabelSpace(self.leaf_names)

    def node(self, name: str) -> int:
        """Return the number of a node; BadInput with the nearest names when there is none."""
        if name not in self._space.index:
            raise BadInput(f"{quoted(name)} is not in the taxonomy", fix=did_you_mean(name, self.names))
        return self._space.index[name]

    def encode(self, names: Sequence[str | None]) -> NDArray[np.int32]:
        """Return node numbers int32 (n,), -1 for None: what `Candidates.coarse` takes."""
        return self._space.encode(names)

    @cached_property
    def _ancestors(self) -> NDArray[np.bool_]:
        """Bool (n_nodes, n_nodes): entry [i, a] is True when a is i or stands above i."""
        if len(self) > MOST_NODES_DENSE:
            raise BadInput(f"the taxonomy has {len(self)} nodes, at most {MOST_NODES_DENSE} are tabled", fix="prune it")
        above = np.eye(len(self), dtype=bool)
        for i in np.argsort(self.depths, kind="stable"):
            if self.parents[i] >= 0:
                above[i] |= above[self.parents[i]]
        return above

    @cached_property
    def leaf_masks(self) -> NDArray[np.bool_]:
        """Bool (n_nodes, K): which classes stand below each node (a leaf stands below itself)."""
        masks = np.ascontiguousarray(self._ancestors[self.leaves].T)
        masks.setflags(write=False)
        return masks

    def candidates(self, name: str) -> tuple[str, ...]:
        """Return the classes that a coarse label leaves possible."""
        return tuple(np.asarray(self.leaf_names, dtype=object)[self.leaf_masks[self.node(name)]])

    def ancestors(self, name: str) -> tuple[str, ...]:
        """Return the path from a node up to its root, the node first."""
        path, i = [], self.node(name)
        while i >= 0:
            path.append(self.names[i])
            i = self.parents[i]
        return tuple(path)

    def lca(self, a: str, b: str) -> str | None:
        """Return the lowest common ancestor of two nodes, None when they share no root."""
        above = set(self.ancestors(b))
        return next((name for name in self.ancestors(a) if name in above), None)

    def distance(self, a: str, b: str) -> float:
        """Return depth(a) + depth(b) − 2 depth(LCA): edges between two nodes; roots hang on one virtual node."""
        return float(self.node_distances[self.node(a), self.node(b)])

    @cached_property
    def node_distances(self) -> NDArray[np.float64]:
        """Edges between each two nodes, float64 (n_nodes, n_nodes)."""
        shared = self._ancestors.astype(np.float32)
        common = (shared @ shared.T).astype(np.float64)  # nodes on both paths to the root = depth(LCA) + 1
        own = np.diag(common)
        return own[:, None] + own[None, :] - 2 * common

    @cached_property
    def leaf_distances(self) -> NDArray[np.float64]:
        """Edges between each two classes, float64 (K, K)."""
        return self.node_distances[np.ix_(self.leaves, self.leaves)]

    def at_level(self, level: int) -> NDArray[np.int64]:
        """Return the nodes that cut the tree at a depth: those of that depth, and leaves above it."""
        is_leaf = np.isin(np.arange(len(self)), self.leaves)
        return np.flatnonzero((self.depths == level) | (is_leaf & (self.depths < level)))

    def transition(self, nodes: ArrayLike, confusion: ArrayLike | None = None) -> NDArray[np.float64]:
        """Return P(coarse label g | class k), float64 (K, G), for `Hard` labels over the G `nodes`.

        `nodes` must cover each class exactly once (see `at_level`); `confusion` (G, G), rows = true node, says how
        the coarse label goes wrong.
        """
        masks = self.leaf_masks[np.asarray(nodes, dtype=np.int64)]
        if (masks.sum(axis=0) != 1).any():
            odd = self.leaf_names[int(np.flatnonzero(masks.sum(axis=0) != 1)[0])]
            raise BadInput(f"the nodes do not cover class {quoted(odd)} exactly once", fix="use at_level()")
        clean = masks.T.astype(np.float64)
        return clean if confusion is None else clean @ np.asarray(confusion, dtype=np.float64)
