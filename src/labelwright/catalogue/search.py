"""Search in plain words: BM25 over what the catalogue says of each component, with the field's synonyms.

Someone types "some of my annotators are lazy" and finds worker quality. Words are cut to their stems, expanded by a
small table of synonyms at a lower weight, and, where nothing knows a word, replaced by its nearest spelling.
"""

from __future__ import annotations

import difflib
import math
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from labelwright.catalogue.papers import Paper, load_papers

K1, B = 1.2, 0.6  # saturation of repeated words, and how far long rows are held back
SYNONYM_WEIGHT, SPELLING_WEIGHT, PAIR_WEIGHT = 0.5, 0.8, 0.5
FIELD_WEIGHTS = (("keywords", 3), ("names", 3), ("title", 2), ("summary", 2), ("home", 1))
MAX_QUERY_CHARACTERS, MAX_QUERY_WORDS = 2000, 40

_STOP_WORDS = """
a about all am an and any are as at be been but by can could did do does for from had has have how i if in into is it
its just like make me more most much my need no not of on one or our out over please should show so some than that the
their them there they thing this those to too use used using very want was we were what when where which who why
will with without would you your data dataset datasets set sets model models method paper
"""
_STOP = frozenset(_STOP_WORDS.split())

# Each line is a circle of words that users take for one another.
_CIRCLES = """
annotator worker rater crowd turker reviewer source
lazy careless sloppy spammer unreliable bad cheating untrustworthy random guess
wrong incorrect mislabeled mislabelled error mistake noisy corrupted dirty bad faulty erroneous
label annotation
tag keyword
find detect identify spot locate flag discover
disagree conflict inconsistent ambiguous disagreement differ
merge combine aggregate consensus vote resolve
cheap budget cost expensive money price affordable few
missing absent incomplete unknown forgotten omitted
row example sample record item instance
picture image photo photograph
text document sentence message email review
proportion percentage share ratio count aggregate
group bag collection
table spreadsheet csv tabular column
rare imbalanced minority tail skewed unbalanced
unlabelled unlabeled semi-supervised raw
llm gpt chatgpt language-model prompt
segment mask segmentation outline pixel
box bounding detection detector
fair fairness bias discrimination gender race
private privacy secret leak confidential
sure confident certain confidence calibration calibrated overconfident
unsure uncertain uncertainty doubt
abstain reject defer decline refuse
number numeric regression continuous value
duplicate copy repeated twin
hierarchy taxonomy tree coarse fine parent
shift drift changed
fast cheap efficient quick speed
small compress shrink compact
explain explanation interpret why heatmap
memorise memorize overfit memorization memorisation
teacher distillation distil student
relabel re-annotate correct fix clean repair mend
recommend recommender click
graph node edge
speech audio voice transcript
video frame
medical clinical scan patient hospital doctor
forget unlearn delete remove
attack adversarial robust robustness
test evaluation benchmark evaluate
next active choose select query
crowdsourcing crowd mturk
"""


@dataclass(frozen=True)
class Hit:
    """A row that a search found, with its score (higher is nearer, only to be compared within one search)."""

    paper: Paper
    score: float


def stem(word: str) -> str:
    """Cut the commonest English endings, so that ``labels``, ``labelling`` and ``labeled`` meet.

    Examples
    --------
    >>> {stem(word) for word in ("labels", "labelling", "labeling", "labelled")}
    {'label'}
    """
    for ending, replacement in (
        ("ies", "y"),
        ("sses", "ss"),
        ("ers", ""),
        ("ing", ""),
        ("ed", ""),
        ("er", ""),
        ("s", ""),
    ):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            word = word[: len(word) - len(ending)] + replacement
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "sey":
        word = word[:-1]
    return word.removesuffix("e") if len(word) > 3 else word


def words_of(text: str) -> list[str]:
    """Return the stems of the words of a text; ``CamelCase`` names and hyphens are taken apart."""
    plain = unicodedata.normalize("NFKD", text[:MAX_QUERY_CHARACTERS])
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", plain).lower()
    return [stem(word) for word in re.findall(r"[^\W_]{2,}", plain) if word not in _STOP]


@lru_cache
def _synonyms() -> dict[str, frozenset[str]]:
    table: dict[str, set[str]] = {}
    for line in _CIRCLES.strip().splitlines():
        circle = {stem(part) for word in line.split() for part in (word.split("-") if "-" in word else [word])}
        for word in circle:
            table.setdefault(word, set()).update(circle - {word})
    return {word: frozenset(others) for word, others in table.items()}


@dataclass(frozen=True)
class _Index:
    papers: tuple[Paper, ...]
    idf: dict[str, float]  # stem, or two neighbouring stems joined by a space
    postings: dict[str, list[tuple[int, float]]]  # the same -> (row, saturated weight times idf)


@lru_cache
def _index() -> _Index:
    papers = load_papers()
    counts = [_weighted_counts(paper) for paper in papers]
    lengths = [sum(count.values()) for count in counts]
    mean_length = sum(lengths) / len(lengths)
    documents = Counter(word for count in counts for word in count)
    idf = {word: math.log(1 + (len(papers) - n + 0.5) / (n + 0.5)) for word, n in documents.items()}
    postings: dict[str, list[tuple[int, float]]] = {}
    for row, (count, length) in enumerate(zip(counts, lengths, strict=True)):
        damping = K1 * (1 - B + B * length / mean_length)
        for word, frequency in count.items():
            postings.setdefault(word, []).append((row, idf[word] * frequency * (K1 + 1) / (frequency + damping)))
    return _Index(papers, idf, postings)


def _weighted_counts(paper: Paper) -> Counter[str]:
    count: Counter[str] = Counter()
    for field, weight in FIELD_WEIGHTS:
        value = getattr(paper, field)
        for phrase in (value,) if isinstance(value, str) else value:
            words = words_of(phrase)
            for word in (*words, *_pairs(words)):
                count[word] += weight
    return count


def _pairs(words: list[str]) -> list[str]:
    return [f"{first} {second}" for first, second in pairwise(words)]


def _query_weights(query: str, index: _Index) -> dict[str, float]:
    """Return what to look for with its weight: the words and pairs as typed 1, synonyms and near spellings less."""
    words = words_of(query)[:MAX_QUERY_WORDS]
    weights = {pair: PAIR_WEIGHT for pair in _pairs(words) if pair in index.idf}
    for typed in dict.fromkeys(words):
        word, trust = _known(typed, index)
        if word in index.idf:
            weights[word] = max(weights.get(word, 0.0), trust)
        for other in _synonyms().get(word, ()):
            if other in index.idf:
                # A rare synonym of a common word must not outweigh it.
                common = min(1.0, index.idf.get(word, math.inf) / index.idf[other])
                weights[other] = max(weights.get(other, 0.0), trust * SYNONYM_WEIGHT * common)
    return weights


def _known(word: str, index: _Index) -> tuple[str, float]:
    """Return the word itself, or its nearest spelling with less trust when nothing knows it."""
    if word in index.idf or word in _synonyms() or not 4 <= len(word) <= 40:
        return word, 1.0
    near = difflib.get_close_matches(word, [known for known in index.idf if " " not in known], n=1, cutoff=0.8)
    return (near[0], SPELLING_WEIGHT) if near else (word, 1.0)


def search_papers(query: str, *, limit: int = 10) -> tuple[Hit, ...]:
    """Return the rows that answer a question in plain words best, best first.

    Parameters
    ----------
    query : str
        Any text; an id such as ``P042`` is found as such.
    limit : int, default 10
        At most that many, >= 1.

    Examples
    --------
    >>> search_papers("some of my annotators are lazy", limit=1)[0].paper.home
    'consensus'
    """
    index = _index()
    exact = query.strip().upper()
    scores: dict[int, float] = {row: math.inf for row, paper in enumerate(index.papers) if paper.id == exact}
    for word, weight in _query_weights(query, index).items():
        for row, gain in index.postings[word]:
            scores[row] = scores.get(row, 0.0) + weight * gain
    ranked = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Hit(index.papers[row], score) for row, score in ranked[:limit])
