"""Auditors of tagged tokens: what they find, how they name it, and that decisions understand the name."""

import numpy as np
import pytest

from labelwright import Audit
from labelwright.audit import InconsistentSpans, TokenErrors
from labelwright.data.parts.sentences import Sentences, load_conll
from labelwright.errors import BadInput
from labelwright.evidence import LabelSpace, Spans
from parts_world import WRONG, write_sentences

SPACE = LabelSpace(("B-LOC", "B-PER", "I-PER", "O"))


def sentences(*rows):
    tokens = tuple(word for row in rows for word in row.split())
    offsets = np.cumsum([0, *(len(row.split()) for row in rows)])
    return Sentences(tokens, offsets, tuple(str(i) for i in range(len(rows))))


def sure(tags, certainty=0.97):
    probs = np.full((len(tags), len(SPACE)), (1 - certainty) / (len(SPACE) - 1))
    probs[np.arange(len(tags)), SPACE.encode(tags)] = certainty
    return probs


def judged(rows, given, said, **options):
    data = sentences(*rows)
    return TokenErrors(**options).score(data, SPACE.encode(given), sure(said), SPACE)


ROWS = ("Ann Lee sings", "Oslo sings") * 12
TRUE = (["B-PER", "I-PER", "O"], ["B-LOC", "O"])
TAGS = [tag for row in range(24) for tag in TRUE[row % 2]]


def test_neighbours_that_make_one_entity_become_one_part_with_its_class():
    given = list(TAGS)
    given[0:2] = ["O", "O"]
    rows, parts = judged(ROWS, given, TAGS)
    assert (parts.rows.tolist(), parts.part, parts.suggested) == ([0], ["0-1"], ["PER"])
    assert parts.given == ["O O"]
    assert rows.is_issue.nonzero()[0].tolist() == [0]


def test_a_single_token_gets_a_whole_tag():
    given = list(TAGS)
    given[6] = "B-LOC"
    parts = judged(ROWS, given, [*TAGS[:5], "B-PER", "I-PER", "O", *TAGS[8:]])[1]
    assert (parts.part, parts.suggested) == (["1"], ["I-PER"])


def test_neighbours_to_be_cleared_become_one_part():
    given = list(TAGS)
    given[3:5] = ["B-PER", "I-PER"]
    parts = judged(ROWS, given, [*TAGS[:3], "O", "O", *TAGS[5:]])[1]
    assert (parts.rows.tolist(), parts.part, parts.suggested) == ([1], ["0-1"], ["O"])


def test_a_part_never_crosses_the_end_of_a_sentence():
    given = list(TAGS)
    given[2], given[3] = "B-LOC", "B-PER"
    parts = judged(ROWS, given, [*TAGS[:2], "O", "O", *TAGS[4:]])[1]
    assert (parts.rows.tolist(), parts.part) == ([0, 1], ["2", "0"])


def test_confident_learning_flags_when_asked():
    given = list(TAGS)
    given[0] = "O"
    parts = judged(ROWS, given, TAGS, filter_by="prune_by_noise_rate")[1]
    assert parts.part == ["0"]


def test_one_tag_alone_is_never_wrong():
    rows, parts = TokenErrors().score(sentences("a b"), np.zeros(2, int), np.ones((2, 1)), LabelSpace(("O",)))
    assert not rows.is_issue.any() and len(parts) == 0


def test_probabilities_of_another_width_are_refused():
    with pytest.raises(BadInput, match="2 tokens and 3 tags"):
        TokenErrors().score(sentences("a b"), np.zeros(2, int), np.ones((2, 2)) / 2, LabelSpace(("A", "B", "O")))


def test_planted_errors_are_found_without_any_model_from_outside(tmp_path):
    path = tmp_path / "names.conll"
    write_sentences(path)
    issues = Audit(path, jobs=1).run().issues.to_pylist()
    parts = {(row["row"], row["part"]) for row in issues if row["kind"] == "label" and row["level"] == "part"}
    assert parts == {(row, token) for row, token in WRONG.items()}


def spans_of(data, tags):
    space = LabelSpace(("LOC", "PER"))
    return Spans.from_tags(tags, data.offsets, space), space


def test_a_name_that_is_marked_elsewhere_is_missed_here():
    data = sentences(*["New York wakes"] * 5, "I love New York")
    tags = ["B-LOC", "I-LOC", "O"] * 5 + ["O"] * 4
    found = InconsistentSpans().score(data, *spans_of(data, tags))
    assert (found.rows.tolist(), found.part, found.given, found.suggested) == ([5], ["2-3"], ["O"], ["LOC"])
    assert found.reason == ["'New York' is not marked here; in 5 of its 6 places it is marked 'LOC'"]


def test_words_within_a_longer_span_are_no_place_of_their_own():
    data = sentences(*["York wakes"] * 5, "New York wakes")
    tags = ["B-LOC", "O"] * 5 + ["B-LOC", "I-LOC", "O"]
    assert len(InconsistentSpans().score(data, *spans_of(data, tags))) == 0


def test_a_mark_that_most_places_lack_is_suspect():
    data = sentences(*["May comes"] * 6)
    tags = ["B-PER", "O"] + ["O", "O"] * 5
    found = InconsistentSpans().score(data, *spans_of(data, tags))
    assert (found.rows.tolist(), found.suggested) == ([0], ["O"])


def test_places_that_disagree_evenly_say_nothing():
    data = sentences(*["May comes"] * 6)
    tags = ["B-PER", "O"] * 3 + ["O", "O"] * 3
    assert len(InconsistentSpans().score(data, *spans_of(data, tags))) == 0


def test_a_file_of_plain_tags_is_judged_without_spans(tmp_path):
    path = tmp_path / "pos.conll"
    path.write_text("\n\n".join(["the DET\ncat NOUN\nsleeps VERB", "a DET\ndog NOUN\nruns VERB"] * 20) + "\n")
    audit = Audit(path, jobs=1).run()
    assert "label" in audit.summary["counts"]
    assert any("the tags are no spans" in note for note in audit.result.notes)


def test_sentences_of_one_name_fall_back_to_numbers(tmp_path):
    path = tmp_path / "twice.conllu"
    path.write_text("# sent_id = a\n1\tAnn\tX\n\n# sent_id = a\n1\tBob\tX\n")
    assert load_conll(path).ids.tolist() == ["0", "1"]
