"""Sentences of tagged tokens: read as they stand, joined with a model's probabilities, predicted out of fold."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from labelwright.data.load import load_dataset
from labelwright.data.parts.sentences import load_conll
from labelwright.data.parts.token_features import shape_of, token_features
from labelwright.data.parts.token_probs import load_token_probs, out_of_fold_token_probs
from labelwright.data.sparse_probe import SparseProbe
from labelwright.errors import BadInput

TEXT = "-DOCSTART- -X- O\n\nAnn NNP B-PER\nsings VBZ O\n\nÖl NN O\n"
PROBS = np.array([[0.1, 0.9], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8]])


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "names.conll"
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_words_tags_and_sentences_come_as_they_stand(corpus):
    data = load_dataset(corpus, parts=True)
    assert data.plan.task == "token"
    assert data.parts.tokens == ("-DOCSTART-", "Ann", "sings", "Öl")
    assert data.parts.offsets.tolist() == [0, 1, 3, 4]
    assert data.space.decode(data.labels) == ["O", "B-PER", "O", "O"]


def test_the_column_of_the_tag_can_be_named(corpus):
    assert load_dataset(corpus, label="2", parts=True).space.names == ("-X-", "NN", "NNP", "VBZ")


def test_conllu_takes_the_form_and_the_name_of_a_sentence(tmp_path):
    path = tmp_path / "tree.conllu"
    path.write_text("# sent_id = s-1\n# text = Hi\n1\tHi\thi\tINTJ\n", encoding="utf-8")
    data = load_conll(path, label="4")
    assert (data.parts.tokens, data.ids.tolist()) == (("Hi",), ["s-1"])


def test_a_text_file_is_read_when_the_task_says_so(tmp_path):
    path = tmp_path / "names.txt"
    path.write_text(TEXT, encoding="utf-8")
    assert len(load_dataset(path, task="token", parts=True)) == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "empty|no token"), ("Ann\n", "1 column"), ("\n\n", "empty"), ("Ann B-PER\nsings\n", "line 2")],
)
def test_a_file_without_tags_is_refused_in_one_line(tmp_path, text, words):
    path = tmp_path / "bad.conll"
    path.write_text(text)
    with pytest.raises(BadInput, match=words):
        load_dataset(path, parts=True)


def test_sentences_are_for_audits_and_have_no_columns(corpus):
    with pytest.raises(BadInput, match="no known format"):
        load_dataset(corpus)
    with pytest.raises(BadInput, match="is for audits"):
        load_dataset(corpus, task="token")
    with pytest.raises(BadInput, match="'id' are for tables"):
        load_dataset(corpus, id="sentence", parts=True)


def test_a_tag_that_is_no_class_is_named_with_its_place(corpus):
    with pytest.raises(BadInput, match="'B-PER' is not one of the 2 classes"):
        load_dataset(corpus, classes="O,B-LOC", parts=True)


def test_probabilities_are_joined_by_the_names_of_tokens_and_tags(corpus, tmp_path):
    data = load_dataset(corpus, parts=True)
    ids = ["1#1", "0#0", "2#0", "1#0"]
    order = [2, 0, 3, 1]
    table = {"id": ids, "O": PROBS[order, 1], "B-PER": PROBS[order, 0]}
    pq.write_table(pa.table(table), tmp_path / "probs.parquet")
    assert (load_token_probs(tmp_path / "probs.parquet", data).values == PROBS).all()


def test_an_archive_says_where_its_sentences_end(corpus, tmp_path):
    data = load_dataset(corpus, parts=True)
    np.savez(tmp_path / "good.npz", pred_probs=PROBS, offsets=[0, 1, 3, 4], class_names=["B-PER", "O"])
    assert (load_token_probs(tmp_path / "good.npz", data).values == PROBS).all()
    np.savez(tmp_path / "bad.npz", pred_probs=PROBS, offsets=[0, 2, 3, 4])
    with pytest.raises(BadInput, match="2 tokens in sentence '0', the data 1"):
        load_token_probs(tmp_path / "bad.npz", data)
    np.savez(tmp_path / "few.npz", pred_probs=PROBS, offsets=[0, 4])
    with pytest.raises(BadInput, match="1 sentences, the data 3"):
        load_token_probs(tmp_path / "few.npz", data)


def test_lists_of_arrays_are_laid_end_to_end(corpus):
    data = load_dataset(corpus, parts=True)
    assert (load_token_probs([PROBS[:1], PROBS[1:3], PROBS[3:]], data).values == PROBS).all()


def test_the_shape_of_a_word_keeps_each_run_once():
    assert [shape_of(word) for word in ("", "NATO", "B-52", "ÖlX")] == ["", "X", "X-d", "XxX"]


def test_neighbours_never_come_from_another_sentence():
    together = token_features(["a", "b", "a", "b"], np.array([0, 2, 4]))
    assert (together[0] != together[2]).nnz == 0
    assert (together[1] != together[3]).nnz == 0


def test_copies_of_a_sentence_get_one_prediction(tmp_path):
    path = tmp_path / "copies.conll"
    rows = [f"{name} B-PER\nsings O\n" for name in ("Ann", "Bob", "Cem", "Dea")]
    path.write_text("\n".join(rows * 5))
    data = load_dataset(path, parts=True)
    probs = out_of_fold_token_probs(data)
    for copy in range(4):
        mine = probs[2 * copy :: 8]
        assert (mine == mine[0]).all()


def test_a_sparse_probe_learns_what_can_be_seen():
    import scipy.sparse as sp

    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 300)
    rows = sp.csr_matrix((np.ones(300, np.float32), labels * 2 + rng.integers(0, 2, 300), np.arange(301)), (300, 6))
    probe = SparseProbe().fit(rows, labels)
    assert (probe.predict(rows) == labels).all()
    np.testing.assert_allclose(probe.predict_proba(rows).sum(axis=1), 1)
