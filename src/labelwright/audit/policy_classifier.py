"""What a privacy policy says: its sentences, what each states or denies, and the evidence that they add up to.

A cell c is a data type with a handling. Every sentence s gets a probability for each type and each handling; one that
negates ("we do not collect ...") is a denial, one with an exception is neither. Over the sentences that speak clearly,
with p_s(c) = p_s(type) · p_s(handling) of at least a quarter,

    says_c   = (1 − Π over assertions (1 − p_s(c))) · (1 − denies_c)
    denies_c = 1 − Π over denials (1 − p_s(c))

so that many sentences that say nothing add up to nothing.

Source: Rodriguez et al., The Overview of Privacy Labels and their Compatibility with Privacy Policies, 2023 [P060].
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.audit.disclosure_sentences import NAMES, WAYS, training_sentences
from labelwright.errors import BadInput, did_you_mean, quoted

CLEAR = 0.25
_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"'(])|\n\s*\n|;\s+|\n[-*•]\s*")
_NEGATION = re.compile(
    r"\b(?:not|never|no longer|neither|nor|cannot|without)\b|n[’']t\b|\bno (?:data|information)\b|\brefrain", re.I
)
_EXCEPTION = re.compile(r"\b(?:except|unless|other than|apart from|only (?:if|with|when)|without your)\b", re.I)
Floats = NDArray[np.float64]
Encoder = Callable[[Sequence[str]], Any]


@dataclass(frozen=True)
class PracticeTaxonomy:
    """What a privacy label can say: every data type with every handling.

    Parameters
    ----------
    data_types, handlings : tuple of str

    Examples
    --------
    >>> PracticeTaxonomy(("location",), ("collected", "shared")).cells
    (('location', 'collected'), ('location', 'shared'))
    """

    data_types: tuple[str, ...] = tuple(NAMES)
    handlings: tuple[str, ...] = tuple(WAYS)

    def __len__(self) -> int:
        return len(self.data_types) * len(self.handlings)

    @property
    def cells(self) -> tuple[tuple[str, str], ...]:
        """All (data type, handling), the handling changing fastest."""
        return tuple((kind, handling) for kind in self.data_types for handling in self.handlings)

    def cell(self, data_type: str, handling: str) -> int:
        """Return the number of a cell; BadInput names near words."""
        if data_type not in self.data_types:
            raise BadInput(f"{quoted(data_type)} is no data type here", fix=did_you_mean(data_type, self.data_types))
        if handling not in self.handlings:
            raise BadInput(f"{quoted(handling)} is no handling here", fix=did_you_mean(handling, self.handlings))
        return self.data_types.index(data_type) * len(self.handlings) + self.handlings.index(handling)

    def declared(self, practices: Sequence[tuple[str, str]]) -> NDArray[np.bool_]:
        """Return a declared label, bool (q,), from its (data type, handling) pairs."""
        label = np.zeros(len(self), bool)
        label[[self.cell(*pair) for pair in practices]] = True
        return label


def sentences_of(policy: str) -> list[str]:
    """Split a policy into sentences and list items, blanks collapsed.

    Examples
    --------
    >>> sentences_of("We collect data. We never sell it.")
    ['We collect data.', 'We never sell it.']
    """
    parts = (" ".join(part.split()) for part in _END.split(policy))
    return [part for part in parts if part]


def denies(sentence: str) -> bool | None:
    """Tell whether a sentence negates; None where an exception leaves it open.

    Examples
    --------
    >>> denies("We do not sell data."), denies("We sell data."), denies("We do not sell data unless you agree.")
    (True, False, None)
    """
    if not _NEGATION.search(sentence):
        return False
    return None if _EXCEPTION.search(sentence) else True


@dataclass(frozen=True)
class PolicyEvidence:
    """What a policy says of each cell.

    Parameters
    ----------
    says, denied : float64 (q,), in [0, 1]
    quotes : tuple of str, length q
        The sentence that speaks most clearly for or against each cell; empty where none does.
    """

    says: Floats
    denied: Floats
    quotes: tuple[str, ...]


class PolicyClassifier:
    """Says which data types and handlings a sentence states: one logistic model for each, over word n-grams or vectors.

    Parameters
    ----------
    taxonomy : PracticeTaxonomy, optional
    encode : callable, optional
        Sentences to vectors (n, d), such as MiniLM's. TF-IDF of word n-grams by default.

    Examples
    --------
    >>> found = PolicyClassifier().fit().evidence("We share your location with advertisers. We never record messages.")
    >>> cells = PracticeTaxonomy()
    >>> float(found.says[cells.cell("location", "shared")].round())
    1.0
    >>> float(found.denied[cells.cell("messages", "collected")].round())
    1.0
    """

    def __init__(self, taxonomy: PracticeTaxonomy | None = None, encode: Encoder | None = None) -> None:
        self.taxonomy, self.encode = taxonomy or PracticeTaxonomy(), encode

    def fit(
        self,
        sentences: Sequence[str] = (),
        data_types: Sequence[str | None] = (),
        handlings: Sequence[str | None] = (),
    ) -> PolicyClassifier:
        """Learn from built-in sentences and further ones; None = states no practice. Sentences must not negate."""
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.multiclass import OneVsRestClassifier

        if not len(sentences) == len(data_types) == len(handlings):
            raise BadInput("sentences, data types and handlings differ in length")
        texts, kinds, ways = training_sentences()
        texts, kinds, ways = [*texts, *sentences], [*kinds, *data_types], [*ways, *handlings]
        if self.encode is None:
            self._vectors: Any = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True).fit(texts)
        self._models = []
        for names, said in ((self.taxonomy.data_types, kinds), (self.taxonomy.handlings, ways)):
            strange = next((one for one in said if one is not None and one not in names), None)
            rows = [i for i, one in enumerate(said) if one is None or one in names]
            if strange is not None and strange not in (*NAMES, *WAYS):
                raise BadInput(f"{quoted(strange)} is not in the taxonomy", fix=did_you_mean(strange, names))
            table = np.array([[said[i] == name for name in names] for i in rows])
            if not table.any(axis=0).all():
                absent = names[int(np.argmin(table.any(axis=0)))]
                raise BadInput(f"no sentence states {quoted(absent)}", fix="add sentences that do")
            model = OneVsRestClassifier(LogisticRegression(C=10.0, class_weight="balanced", max_iter=500))
            self._models.append(model.fit(self._encoded([texts[i] for i in rows]), table.astype(int)))
        return self

    def sentence_probs(self, sentences: Sequence[str]) -> Floats:
        """Return P(cell | sentence) = P(type) · P(handling), float64 (n, q); negation is not looked at here."""
        if not hasattr(self, "_models"):
            raise BadInput("the classifier has not learned yet", fix="call fit first")
        if not len(sentences):
            return np.empty((0, len(self.taxonomy)))
        rows = self._encoded(sentences)
        kind, way = (np.asarray(model.predict_proba(rows)) for model in self._models)
        return (kind[:, :, None] * way[:, None, :]).reshape(len(sentences), -1)

    def evidence(self, policy: str) -> PolicyEvidence:
        """Return what a policy says and denies."""
        lines = sentences_of(policy)
        probs = self.sentence_probs(lines)
        negated = [denies(line) for line in lines]
        yes, no = (probs[[one is wanted for one in negated]] for wanted in (False, True))
        yes, no = (np.where(part >= CLEAR, part, 0.0) for part in (yes, no))
        denied = 1 - np.prod(1 - no, axis=0)
        says = (1 - np.prod(1 - yes, axis=0)) * (1 - denied)
        clear = np.where([[one is not None] for one in negated], probs, 0.0) if lines else probs
        best = clear.argmax(axis=0) if lines else np.zeros(0, int)
        quotes = tuple(lines[i] if clear[i, c] >= CLEAR else "" for c, i in enumerate(best.tolist()))
        return PolicyEvidence(says, denied, quotes or ("",) * len(self.taxonomy))

    def _encoded(self, sentences: Sequence[str]) -> Any:
        return self._vectors.transform(sentences) if self.encode is None else self.encode(list(sentences))


def keyword_evidence(policy: str, taxonomy: PracticeTaxonomy | None = None) -> Floats:
    """Return 1.0 for cells whose words stand in one sentence that does not negate, (q,): the baseline of [P060].

    The words are the content words of the built-in names and ways of speaking.
    """
    cells = taxonomy or PracticeTaxonomy()
    kinds = [_words(NAMES.get(kind, (kind,))) for kind in cells.data_types]
    ways = [_words(WAYS.get(way, (way,))) for way in cells.handlings]
    found = np.zeros((len(kinds), len(ways)))
    for line in sentences_of(policy):
        if denies(line) is False:
            words = set(re.findall(r"[a-z]+", line.lower()))
            found += np.outer([bool(one & words) for one in kinds], [bool(one & words) for one in ways])
    return np.minimum(found, 1.0).ravel()


def _words(phrases: Sequence[str]) -> set[str]:
    common = {
        "your",
        "you",
        "the",
        "and",
        "of",
        "to",
        "a",
        "with",
        "for",
        "in",
        "on",
        "our",
        "us",
        "that",
        "how",
        "where",
    }
    return {word for phrase in phrases for word in re.findall(r"[a-z]+", phrase.lower())} - common
