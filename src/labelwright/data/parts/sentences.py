"""Sentences of tagged tokens: read from a CoNLL file as a data set whose rows are sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from labelwright.data.dataset import Dataset, Plan, Source
from labelwright.data.labels import read_classes
from labelwright.data.readers.conll import read_sentences, sentence_names, tag_column
from labelwright.data.readers.encoded_text import read_text
from labelwright.data.readers.places import counted, place
from labelwright.errors import BadInput, did_you_mean, quoted
from labelwright.evidence.segments import offsets_of, segment_ids
from labelwright.evidence.space import LabelSpace


@dataclass(frozen=True)
class Sentences:
    """The tokens of sentences, one after the other.

    Parameters
    ----------
    tokens : tuple of str, length m
    offsets : array of int64, shape (n + 1,)
        Sentence i has the tokens ``offsets[i]:offsets[i + 1]``.
    names : tuple of str, length n
    """

    tokens: tuple[str, ...]
    offsets: NDArray[np.int64]
    names: tuple[str, ...]

    def words(self, row: int) -> tuple[str, ...]:
        """Return the tokens of one sentence."""
        return self.tokens[self.offsets[row] : self.offsets[row + 1]]

    @property
    def rows(self) -> NDArray[np.int64]:
        """The sentence of each token, int64 (m,)."""
        return segment_ids(self.offsets)

    def token_names(self) -> list[str]:
        """Return the durable name of each token, ``<sentence>#<number>``."""
        counts = np.diff(self.offsets).tolist()
        return [f"{name}#{t}" for name, count in zip(self.names, counts, strict=True) for t in range(count)]


def load_conll(path: Path, *, label: str | None = None, classes: str | Path | Sequence[str] | None = None) -> Dataset:
    """Read a CoNLL file as a data set of sentences.

    Parameters
    ----------
    path : Path
    label : str, optional
        Number of the column of the tag, from 1; by default the last.
    classes : optional
        All tags in order; by default those that occur, sorted.

    Returns
    -------
    Dataset
        Task ``"token"``; `labels` holds the tag of each token, int32 (m,); `parts` the `Sentences`.

    Raises
    ------
    BadInput
        The file is no text, holds no token, or a line has too few columns.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "names.conll"
    >>> _ = file.write_text("Ann B-PER\\nsings O\\n")
    >>> data = load_conll(file)
    >>> data.parts.tokens, data.labels, data.space.names
    (('Ann', 'sings'), array([0, 1], dtype=int32), ('B-PER', 'O'))
    """
    text = read_text(path)
    found = list(read_sentences(text.data, path, tag_column(label)))
    if not found:
        raise BadInput("holds no token", where=place(path), fix="give one token a line with its tag")
    tokens = tuple(text.data[a:b].decode() for sentence in found for a, b in sentence.words)
    tags = [text.data[a:b].decode() for sentence in found for a, b in sentence.tags]
    sentences = Sentences(tokens, offsets_of([len(one.tags) for one in found]), tuple(sentence_names(found)))
    named = read_classes(classes)
    space = LabelSpace(tuple(named)) if named else LabelSpace.of(tags)
    labels = _encoded(tags, space, sentences, path)
    notes = (f"{counted(len(found), 'sentence')} of {counted(len(tags), 'token')} with {len(space)} tags",)
    plan = Plan("token", "text", "tags", text=("text",), id="sentence", notes=notes)
    source = Source(_table(sentences, tags), path, "conll", path.parent, details=_details(text.encoding, label))
    names = np.array(sentences.names, dtype=np.str_)
    return Dataset(source, plan, labels, (None,) * len(found), space, names, parts=sentences)


def _details(encoding: str, label: str | None) -> dict[str, str]:
    return {"encoding": encoding} | ({} if label is None else {"tag column": label})


def _encoded(tags: list[str], space: LabelSpace, sentences: Sentences, path: Path) -> NDArray[np.int32]:
    known, codes = np.unique(np.array(tags, dtype=np.str_), return_inverse=True)
    for at, tag in enumerate(known.tolist()):
        if tag not in space.index:
            token = int(np.argmax(codes == at))
            raise BadInput(
                f"the tag {quoted(tag)} is not one of the {len(space)} classes",
                where=f"{place(path)}, token {quoted(sentences.token_names()[token])}",
                fix=did_you_mean(tag, space.names),
            )
    return space.encode(known.tolist())[codes]


def _table(sentences: Sentences, tags: list[str]) -> pa.Table:
    bounds = [slice(a, b) for a, b in zip(sentences.offsets[:-1].tolist(), sentences.offsets[1:].tolist(), strict=True)]
    return pa.table(
        {
            "sentence": pa.array(sentences.names, pa.string()),
            "text": pa.array([" ".join(sentences.tokens[part]) for part in bounds], pa.string()),
            "tags": pa.array([" ".join(tags[part]) for part in bounds], pa.string()),
        }
    )


def token_dataset(dataset: Dataset) -> Dataset:
    """Return the tokens of a data set of sentences as rows of their own, named ``<sentence>#<number>``."""
    sentences = dataset.parts
    assert isinstance(sentences, Sentences) and dataset.space is not None
    given = tuple(dataset.space.decode(dataset.labels))
    table = pa.table({"token": pa.array(sentences.tokens, pa.string()), "tag": pa.array(given, pa.string())})
    plan = Plan("classification", "none", "tag", id="id")
    ids = np.array(sentences.token_names(), dtype=np.str_)
    return Dataset(replace(dataset.source, table=table), plan, dataset.labels, given, dataset.space, ids)
