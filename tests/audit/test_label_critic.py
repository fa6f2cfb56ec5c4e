"""Choosing between masks with a judge that is asked in both orders [P004]."""

from __future__ import annotations

import json
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from labelwright.audit import (
    LabelCritic,
    LearntOverlayJudge,
    OrderSwapJudge,
    Overlay,
    PromptedOverlayJudge,
    best_label,
    flag_single_label,
    lenient_decision,
    project_overlay,
    spoilt_mask,
    strict_decision,
    tie_threshold,
)
from labelwright.cli import run
from labelwright.errors import BadInput


class Always:
    """A judge with one answer."""

    def __init__(self, answer):
        self.answer = answer

    def compare(self, item, first, second):
        return self.answer


class Larger:
    """A judge that prefers the larger number."""

    def compare(self, item, first, second):
        return 0.5 if first == second else float(first > second)


def blob(size=16, radius=5, shift=0):
    y, x = np.indices((size, size))
    return (y - size / 2 - shift) ** 2 + (x - size / 2) ** 2 <= radius**2


@given(st.lists(st.integers(0, 100), min_size=2, max_size=5, unique=True))
@settings(max_examples=30, deadline=None)
def test_p004_a_judge_that_always_says_first_ties_on_every_pair(values):
    judge = OrderSwapJudge(Always(1.0))
    assert all(judge.compare(None, a, b) == 0.5 for a, b in product(values, values))
    found = best_label(None, values, judge, overlap=lambda a, b: 0.0, is_empty=lambda a: False)
    assert found.best is None and set(found.wins) == {(len(values) - 1) / 2}


@given(st.lists(st.integers(0, 100), min_size=2, max_size=5, unique=True), st.integers(0, 50))
@settings(max_examples=30, deadline=None)
def test_a_consistent_judge_finds_the_best_of_any_number_whatever_is_shown_first(values, seed):
    found = best_label(
        None,
        values,
        OrderSwapJudge(Larger()),
        overlap=lambda a, b: 0.0,
        is_empty=lambda a: False,
        rng=np.random.default_rng(seed),
    )
    assert found.best == int(np.argmax(values)) and found.confidence == 1.0


def test_swapping_the_candidates_swaps_the_decision():
    for a1, a2 in product((0.0, 0.5, 1.0), repeat=2):
        for decide in (strict_decision, lenient_decision):
            assert decide(a1, a2) == 1 - decide(a2, a1)


def test_an_unsure_answer_ties_strictly_and_defers_leniently():
    assert strict_decision(1.0, 0.5) == 0.5 and lenient_decision(1.0, 0.5) == 1.0
    assert lenient_decision(0.5, 0.0) == 1.0 and lenient_decision(0.5, 0.5) == 0.5


def test_answers_within_the_margin_are_unsure():
    assert OrderSwapJudge(Always(0.6), margin=0.2).verdict(None, 1, 2) == (0.5, 0.0)


def test_alike_candidates_are_not_asked_about():
    overlay = project_overlay(np.zeros((16, 16)), blob())
    found = best_label(None, [overlay, overlay], OrderSwapJudge(Always("never asked")))
    assert found.best is None and found.reason == "the candidates are alike"


def test_where_nothing_is_expected_an_empty_mask_wins_and_two_drawn_ones_tie():
    image = np.zeros((16, 16))
    empty, drawn, other = (project_overlay(image, m) for m in (blob() & False, blob(), blob(radius=2)))
    judge = OrderSwapJudge(Always("never asked"))
    assert best_label(None, [drawn, empty], judge, expected=False).best == 1
    assert best_label(None, [drawn, other], judge, expected=False).best is None


def test_the_threshold_is_mean_less_deviation_and_keeps_a_hundred_pairs():
    values = np.linspace(0, 1, 1001)
    assert tie_threshold(values) == pytest.approx(values.mean() - values.std())
    assert tie_threshold(np.full(1000, 0.99)) == 0.99
    assert tie_threshold([]) == 0.5


def test_a_projection_sums_along_the_axis_and_lifts_the_mask_above_one_half():
    volume, mask = np.zeros((2, 3, 2)), np.zeros((2, 3, 2), bool)
    volume[0, :, 0], mask[0, :, 0], mask[1, 0, 1] = 1, True, True
    found = project_overlay(volume, mask)
    assert_allclose(found.image, [[1, 0], [0, 0]])
    assert_allclose(found.mask, [[1, 0], [0, 0.5 + 0.5 / 3]])
    assert found.rgb()[0, 0].tolist() == [255, 102, 102]


def test_intensities_are_clipped_to_the_window():
    assert_allclose(project_overlay([[-500.0, 0.0, 900.0]], [[False] * 3], window=(-150, 250)).image, [[0, 0.375, 1]])


def test_a_learnt_judge_prefers_the_mask_that_fits_the_image():
    rng = np.random.default_rng(0)
    shown = [project_overlay(blob(32, r) + rng.normal(0, 0.2, (32, 32)), blob(32, r)) for r in (6, 7, 8, 9, 10)]
    judge = LearntOverlayJudge().fit(shown, copies=20)
    image = blob(32, 7.5) + rng.normal(0, 0.2, (32, 32))
    good, bad = project_overlay(image, blob(32, 7.5)), project_overlay(image, blob(32, 7.5, shift=5))
    assert judge.compare(None, good, bad) > 0.9
    assert judge.compare(None, good, bad) == pytest.approx(1 - judge.compare(None, bad, good))
    assert judge.quality(None, good) > judge.quality(None, bad)


def test_a_spoilt_mask_has_the_same_shape():
    rng = np.random.default_rng(0)
    assert all(spoilt_mask(blob(), rng).shape == (16, 16) for _ in range(50))
    assert spoilt_mask(blob() & False, rng).shape == (16, 16)


class Eyes:
    """A vision model that prefers the redder picture."""

    name = "eyes"

    def __init__(self):
        self.asked = []

    def _red(self, png):
        import io

        pixels = np.asarray(Image.open(io.BytesIO(png))).astype(int)
        return int((pixels[..., 0] > pixels[..., 1]).sum())

    def option_probs(self, prompts, options):
        self.asked += [p.template for p in prompts]
        rows = []
        for prompt in prompts:
            if len(options) == 3:
                a, b = map(self._red, prompt.images)
                rows.append([0.0, 0.0, 1.0] if a == b else [0.8, 0.1, 0.1] if a > b else [0.1, 0.8, 0.1])
            else:
                rows.append([0.7, 0.3])
        return np.array(rows)

    def write(self, prompts):
        return [f"{self._red(p.images[0])} red pixels" for p in prompts]


def test_a_vision_model_criticises_first_and_its_answer_follows_the_picture_not_the_place():
    model = Eyes()
    judge = PromptedOverlayJudge(model, "the liver", checklist=["Is {structure} round?"])
    large, small = (project_overlay(np.zeros((16, 16)), blob(radius=r)) for r in (6, 3))
    assert OrderSwapJudge(judge).compare(None, small, large) == 0.0
    assert judge.compare(None, large, large) == 0.5
    assert "Is the liver round?" in model.asked[0] and "red pixels" in model.asked[0]
    assert judge.quality(None, large) == 0.7 and judge.expects(large)


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: best_label(None, [1], OrderSwapJudge(Larger())), "1 candidates"),
        (lambda: OrderSwapJudge(Always(3.0)).compare(None, 1, 2), "answered 3.0"),
        (lambda: OrderSwapJudge(Larger(), margin=0.5), "margin is 0.5"),
        (lambda: project_overlay(np.zeros((2, 2)), np.zeros((3, 3), bool)), "one grid"),
        (lambda: project_overlay([[np.nan]], [[True]]), "NaN"),
        (lambda: LearntOverlayJudge().quality(None, None), "not learned"),
        (lambda: LearntOverlayJudge().fit([]), "good masks"),
        (lambda: LabelCritic(LearntOverlayJudge()).measure({}, ["a"]), "no mask"),
        (lambda: LabelCritic(LearntOverlayJudge(), accept_from=2), "accept_from is 2"),
    ],
)
def test_what_cannot_be_judged_is_said_in_one_line(act, words):
    with pytest.raises(BadInput, match=words):
        act()


def test_a_weak_single_mask_goes_to_a_person():
    assert flag_single_label(0.4) and not flag_single_label(0.6) and flag_single_label(float("nan"))


@pytest.fixture
def folders(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("images", "good", "ann", "bob"):
        (tmp_path / name).mkdir()
    for i, radius in enumerate((6, 7, 8, 9, 10, 8)):
        image = np.clip(120 * blob(32, radius) + 60 + rng.normal(0, 15, (32, 32)), 0, 255)
        Image.fromarray(image.astype(np.uint8)).save(tmp_path / "images" / f"i{i}.png")
        for who, mask in (("good", blob(32, radius)), ("ann", blob(32, radius)), ("bob", blob(32, radius, shift=7))):
            if who != "good" or i < 4:
                Image.fromarray(mask.astype(np.uint8)).save(tmp_path / who / f"i{i}.png")
    return tmp_path


def test_the_command_keeps_the_better_set_and_writes_the_masks(folders, capsys):
    sets = [str(folders / "bob"), str(folders / "ann")]
    argv = ["measure", "critic", str(folders / "images"), *sets, "--reference", str(folders / "good")]
    assert run([*argv, "--out", str(folders / "out"), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    kept = {row[0]: row[1] for row in facts["sections"][0]["tables"][0]["rows"]}
    assert kept["ann"] > kept["bob"]
    with np.load(folders / "out" / "chosen.npz") as chosen:
        assert set(chosen.files) == {f"i{i}" for i in range(6)}


def test_one_set_of_masks_is_accepted_or_sent_to_a_person(folders, capsys):
    argv = ["measure", "critic", str(folders / "images"), str(folders / "bob"), "--reference", str(folders / "good")]
    assert run([*argv, "--accept-from", "0.8", "--out", str(folders / "out")]) == 0
    assert "of 6 images need a person" in capsys.readouterr().out


def test_what_is_missing_is_told(folders, capsys):
    argv = ["measure", "critic", str(folders / "images"), str(folders / "ann"), "--out", str(folders / "out")]
    assert run(argv) == 2
    assert "--reference" in capsys.readouterr().err
    Image.fromarray(np.zeros((3, 3), np.uint8)).save(folders / "ann" / "i0.png")
    assert run([*argv, "--reference", str(folders / "good")]) == 2 and not (folders / "out").exists()
    assert "shape" in capsys.readouterr().err


def test_the_critic_asks_nothing_where_all_masks_are_alike():
    overlay = Overlay(np.zeros((16, 16)), blob().astype(float))

    class Judge(Larger):
        def quality(self, item, overlay):
            return 0.9

    critic = LabelCritic(Judge())
    report = critic.measure({"a": [overlay, overlay]}, ["x", "y"])
    assert "1 tie." in report.verdict and critic.choices_["a"].best is None
    assert_array_equal([alert.severity for alert in report.alerts], ["caution"])
