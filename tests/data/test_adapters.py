from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from labelwright.data.adapters import (
    in_class_order,
    probs_from_huggingface,
    probs_from_scored_labels,
    probs_from_sklearn,
    probs_from_torch,
)
from labelwright.errors import BadInput
from labelwright.evidence.space import LabelSpace

SPACE = LabelSpace(("cat", "dog", "owl"))
X = np.array([[0.0], [1.0], [2.0]])


def test_names_of_a_scikit_learn_model_find_their_columns():
    model = LogisticRegression().fit(X, ["owl", "cat", "dog"])
    probs = probs_from_sklearn(model, X, SPACE)
    assert_allclose(probs[:, [2, 0, 1]], model.predict_proba(X)[:, [2, 0, 1]])
    assert_array_equal(model.classes_, SPACE.names)


def test_numbers_of_a_scikit_learn_model_are_class_numbers_and_an_absent_class_gets_zero():
    model = LogisticRegression().fit(X[:2], [2, 0])
    probs = probs_from_sklearn(model, X, SPACE)
    assert_array_equal(probs[:, 1], 0)
    assert_allclose(probs[:, [0, 2]], model.predict_proba(X))


def test_a_name_that_looks_like_a_number_is_a_name_first():
    assert_array_equal(in_class_order([[0.9, 0.1]], [0, 1], LabelSpace(("1", "0"))), [[0.1, 0.9]])


@pytest.mark.parametrize("model", [LinearSVC().fit(X, [0, 1, 1]), LogisticRegression()])
def test_a_model_without_probabilities_is_refused(model):
    with pytest.raises(BadInput, match="probabilities"):
        probs_from_sklearn(model, X, SPACE)


def test_a_class_that_the_data_lacks_is_named_with_a_near_one():
    with pytest.raises(BadInput, match=r"'dogs'.*'dog'"):
        in_class_order([[1.0]], ["dogs"], SPACE)


@pytest.mark.parametrize("row", [[np.nan, 1, 0], [-0.1, 1.1, 0], [0, 0, 0]])
def test_what_is_no_distribution_is_refused(row):
    with pytest.raises(BadInput, match="row 0"):
        in_class_order([row], SPACE.names, SPACE)


def test_two_columns_of_one_class_are_refused():
    with pytest.raises(BadInput, match="same class"):
        in_class_order([[0.5, 0.5]], ["cat", "LABEL_0"], SPACE)


def test_a_pipeline_s_lists_and_single_answers_are_understood():
    full = [{"label": "owl", "score": 0.5}, {"label": "cat", "score": 0.3}, {"label": "LABEL_1", "score": 0.2}]
    best = {"label": "dog", "score": 0.8}
    assert_allclose(probs_from_scored_labels([full, best], SPACE), [[0.3, 0.2, 0.5], [0.1, 0.8, 0.1]])


def test_a_pipeline_is_called_for_all_classes():
    def pipeline(texts, *, top_k, batch_size, truncation):
        assert (top_k, truncation) == (None, True)
        return [
            [{"label": name, "score": s} for name, s in zip(SPACE.names, (0.2, 0.3, 0.5), strict=True)] for _ in texts
        ]

    assert_allclose(probs_from_huggingface(pipeline, ["a", "b"], SPACE), [[0.2, 0.3, 0.5]] * 2)


torch = pytest.importorskip("torch")


def test_a_torch_module_s_logits_become_probabilities_and_its_mode_stays():
    net = torch.nn.Sequential(torch.nn.Dropout(0.9), torch.nn.Linear(1, 3)).train()
    batch = torch.tensor(X, dtype=torch.float32)
    probs = probs_from_torch(net, [(batch[:2], "labels"), (batch[2:],)], SPACE)
    assert_allclose(probs, net[1](batch).softmax(1).detach().numpy(), atol=1e-6)
    assert net.training


def test_outputs_that_are_distributions_already_stay():
    net = torch.nn.Sequential(torch.nn.Linear(1, 3), torch.nn.Softmax(1))
    batch = torch.tensor(X, dtype=torch.float32)
    assert_allclose(probs_from_torch(net, [batch], SPACE), net(batch).detach().numpy(), atol=1e-6)


def test_a_hugging_face_model_is_read_in_the_order_of_its_labels():
    class Model(torch.nn.Module):
        config = SimpleNamespace(num_labels=3, id2label={0: "owl", 1: "dog", 2: "cat"})

        def forward(self, input_ids):
            return SimpleNamespace(logits=torch.tensor([[2.0, 1.0, 0.0]]).repeat(len(input_ids), 1))

    def tokenizer(texts, **options):
        return {"input_ids": torch.zeros(len(texts), 1)}

    probs = probs_from_huggingface(Model(), ["x"] * 3, SPACE, tokenizer=tokenizer, batch_size=2)
    assert_allclose(probs, np.tile(torch.tensor([0.0, 1.0, 2.0]).softmax(0).numpy(), (3, 1)), atol=1e-6)


def test_the_wrong_number_of_outputs_is_named():
    with pytest.raises(BadInput, match="'3'"):
        probs_from_torch(torch.nn.Linear(1, 4), [torch.zeros(2, 1)], SPACE)
