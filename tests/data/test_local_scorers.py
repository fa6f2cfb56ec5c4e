from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from labelwright.data.language_model import LanguageModel, Prompt, WritingModel, checked_probs
from labelwright.data.local_scorers import SimilarityScorer, TransformersScorer
from labelwright.errors import BadInput

WORDS = ["<pad>", "</s>", "<unk>", "is", "it", "good", "yes", "no", "very", "text"]


def letters(texts):
    return [[text.count("a"), text.count("b")] for text in texts]


def test_similarity_is_a_softmax_of_cosines():
    scorer = SimilarityScorer(letters, temperature=0.5, name="letters")
    probs = scorer.option_probs([Prompt("[TEXT]?", "aab")], ["a", "bb"])
    cosine = np.array([2, 1]) / np.sqrt(5)
    assert_allclose(probs[0], np.exp(cosine / 0.5) / np.exp(cosine / 0.5).sum())
    assert isinstance(scorer, LanguageModel) and not isinstance(scorer, WritingModel)


def test_each_text_is_encoded_once():
    seen = []
    scorer = SimilarityScorer(lambda texts: seen.extend(texts) or letters(texts))
    for _ in range(2):
        scorer.option_probs([Prompt("", "a"), Prompt("", "a")], ["a", "b"])
    assert seen == ["a", "b"]


def test_a_text_without_a_vector_likes_all_answers_alike():
    assert_allclose(SimilarityScorer(letters).option_probs([Prompt("", "")], ["a", "b"]), [[0.5, 0.5]])


def test_an_encoder_that_gives_no_vectors_is_told():
    with pytest.raises(BadInput, match="one vector a text"):
        SimilarityScorer(lambda texts: np.zeros(len(texts))).option_probs([Prompt("", "a")], ["a", "b"])
    with pytest.raises(BadInput, match="temperature"):
        SimilarityScorer(letters, temperature=0)


def _saved(folder, two_sided):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    model = tokenizers.models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<unk>")
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    marks = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **marks).save_pretrained(folder)
    torch.manual_seed(0)
    size = {"vocab_size": len(WORDS), "pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 1}
    if two_sided:
        config = transformers.T5Config(
            d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2, decoder_start_token_id=0, **size
        )
        net = transformers.T5ForConditionalGeneration(config)
    else:
        net = transformers.GPT2LMHeadModel(
            transformers.GPT2Config(n_positions=16, n_embd=8, n_layer=1, n_head=2, **size)
        )
    net.save_pretrained(folder)
    return net.eval()


@pytest.fixture(scope="module", params=[False, True], ids=["causal", "sequence to sequence"])
def saved(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    return folder, _saved(folder, request.param), request.param


def test_answers_are_weighed_by_their_mean_log_probability(saved):
    import torch

    folder, net, two_sided = saved
    model = TransformersScorer(folder)
    probs = checked_probs(model, [Prompt("is [TEXT] good", "it")], ["yes", "no very"])
    prompt = torch.tensor([[3, 4, 5]])
    scores = []
    for answer in ([6], [7, 8]):
        with torch.no_grad():
            if two_sided:
                log_p = net(input_ids=prompt, decoder_input_ids=torch.tensor([[0, *answer[:-1]]])).logits[0]
            else:
                log_p = net(input_ids=torch.tensor([[3, 4, 5, *answer]])).logits[0, 2:-1]
        scores.append(log_p.log_softmax(dim=1)[range(len(answer)), answer].mean().item())
    assert_allclose(probs[0], np.exp(scores) / np.exp(scores).sum(), rtol=1e-5)


def test_a_model_in_a_folder_writes_and_says_who_it_is(saved):
    folder, _, _ = saved
    model = TransformersScorer(folder, longest_answer=3)
    first, second = model.write([Prompt("is it good"), Prompt("is it good")])
    assert first == second and len(first.split()) <= 3
    assert model.name == TransformersScorer(folder, longest_answer=3).name != TransformersScorer(folder).name


def test_long_prompts_are_read_from_their_end(saved):
    model = TransformersScorer(saved[0], longest_prompt=2)
    long, short = model.option_probs([Prompt("very very very is it"), Prompt("is it")], ["yes", "no"])
    assert_allclose(long, short)


def test_what_the_model_cannot_read_is_told(saved):
    model = TransformersScorer(saved[0])
    with pytest.raises(BadInput, match="no pictures"):
        model.write([Prompt("is it", "", (b"x",))])
    with pytest.raises(BadInput, match="empty"):
        model.write([Prompt("")])


def test_a_folder_without_a_model_is_told(tmp_path):
    pytest.importorskip("transformers")
    with pytest.raises(BadInput, match="holds no model"):
        TransformersScorer(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(BadInput, match="cannot be read"):
        TransformersScorer(tmp_path)
