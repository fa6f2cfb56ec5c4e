"""The view: strict, small, and true to the audit."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from labelwright.report.feature_map import MOST_POINTS, feature_map
from labelwright.report.rows import RowContent
from labelwright.report.view import build_view


def test_the_view_is_strict_json(every):
    view = build_view(every)
    assert json.loads(json.dumps(view, allow_nan=False)) == view


def test_the_same_audit_gives_the_same_view(every):
    assert build_view(every) == build_view(every)


def test_the_worst_rows_come_first_and_stay_under_a_hundred(audits):
    view = build_view(audits(n=2000))
    finding = next(f for f in view["findings"] if f["kind"] == "label")
    scores = [item["score"] for item in finding["items"]]
    assert len(scores) == 100 < finding["total"]
    assert scores == sorted(scores)


def test_rows_next_in_line_fill_up_to_a_hundred_and_none_is_flagged(audits):
    result = audits(n=300)
    view = build_view(result)
    flagged = next(f for f in view["findings"] if f["kind"] == "label")["total"]
    rows = {i["card"]["row"] for i in view["next_in_line"]}
    assert len(rows) + flagged == 100
    suspects = set(result.issues.filter(result.issues["is_issue"])["row"].to_pylist())
    assert not rows & {r for r in suspects if r is not None and result.scores[0].is_issue[r]}


def test_long_text_is_cut_and_its_head_is_kept(audits):
    view = build_view(audits(text=["x" * 5000] * 200))
    shown = view["findings"][0]["items"][0]["card"]["texts"][0]["text"]
    assert len(shown) == 600
    assert shown.endswith("…")


def test_a_table_row_shows_its_cells_and_the_labels_of_its_neighbours(audits):
    result = audits("table")
    card = RowContent(result.dataset, result.neighbors).card(2)
    assert card["cells"] == [["age", str(result.dataset.column("age")[2].as_py())], ["city", None]]
    assert sum(count for _, count in card["neighbors"]) == 10


def test_images_become_small_png_thumbnails(audits):
    card = build_view(audits("image", n=60))["findings"][0]["items"][0]["card"]
    head, data = card["image"].split(",")
    assert head == "data:image/png;base64"
    assert max(Image.open(io.BytesIO(base64.b64decode(data))).size) <= 128


def test_an_image_that_cannot_be_read_leaves_a_row_without_a_picture(audits):
    result = audits("image", n=60, picture=[b"not an image"] * 60)
    assert all(item["card"]["image"] is None for item in build_view(result)["findings"][0]["items"])


def test_pictures_keep_to_a_budget(audits, monkeypatch):
    monkeypatch.setattr("labelwright.report.rows.PICTURE_BUDGET", 300)
    view = build_view(audits("image", n=60))
    pictures = [i["card"]["image"] or "" for f in view["findings"] for i in f["items"] if i["card"]]
    assert 0 < sum(map(len, pictures)) <= 300


def test_the_transition_matrix_has_the_truth_in_its_rows(audits):
    result = audits()
    view = build_view(result)["transition"]
    assert view["classes"] == list(result.dataset.space.names)
    assert np.asarray(view["matrix"]) == pytest.approx(result.noise.transition_matrix, abs=5e-5)


def test_of_many_classes_the_twenty_most_confused_are_drawn(audits):
    result = audits(n=600, classes=tuple(f"class {i}" for i in range(200)))
    view = build_view(result)["transition"]
    wrong = result.noise.joint - np.diag(np.diag(result.noise.joint))
    mass = dict(zip(result.dataset.space.names, wrong.sum(0) + wrong.sum(1), strict=True))
    least_drawn = min(mass[name] for name in view["classes"])
    assert len(view["classes"]) == 20
    assert all(m <= least_drawn for name, m in mass.items() if name not in view["classes"])


def test_the_class_table_counts_suspects_by_given_label(audits):
    result = audits()
    by_class = {row["name"]: row["suspects"] for row in build_view(result)["classes"]["rows"]}
    wrong = np.flatnonzero(result.scores[0].is_issue)
    names = np.array(result.dataset.given)[wrong]
    assert by_class == {name: int((names == name).sum()) for name in result.dataset.space.names}


def test_pairs_that_share_a_row_are_shown_once_with_their_number(audits):
    from labelwright.audit.findings import merge_scores
    from labelwright.audit.scores import Scores

    result = audits(n=50, clean=True)
    pairs = Scores(
        "exact_duplicate", "pair", np.zeros(4), np.ones(4, bool), np.array([5, 6, 7, 9]), np.array([1, 1, 1, 2])
    )
    object.__setattr__(result, "issues", merge_scores((pairs,), result.dataset.ids))
    finding = build_view(result)["findings"][0]
    assert finding["total"] == 4
    assert [(i["card"]["row"], i["other"]["row"], i["copies"]) for i in finding["items"]] == [(5, 1, 2), (9, 2, 0)]


def test_a_multilabel_row_shows_its_tags_in_doubt(every):
    if every.dataset.plan.task != "multilabel":
        pytest.skip("about tags only")
    finding = build_view(every)["findings"][0]
    assert finding["level"] == "row"
    assert finding["items"][0]["parts"] == [{"part": "urgent", "given": "yes", "suggested": "no"}]


def test_the_view_of_many_rows_stays_small(audits):
    view = build_view(audits(n=100_000))
    assert len(json.dumps(view)) < 1_500_000
    assert len(view["map"]["points"]) <= MOST_POINTS


def test_the_map_rings_suspects_and_only_suspects(audits):
    result = audits()
    wrong = set(np.flatnonzero(result.scores[0].is_issue).tolist())
    points = build_view(result)["map"]["points"]
    assert {row for *_, ringed, row in points if ringed} == wrong


def test_the_map_of_equal_rows_or_no_features_is_left_out(audits):
    dataset = audits().dataset
    none = np.empty(0, dtype=np.int64)
    assert feature_map(dataset, np.ones((200, 3), np.float32), none, 0) is None
    assert feature_map(dataset, None, none, 0) is None


def test_the_map_places_rows_by_their_principal_directions(audits):
    dataset = audits().dataset
    x = np.random.default_rng(0).standard_normal((200, 5)) * [9, 3, 1, 1, 1]
    view = feature_map(dataset, x.astype(np.float32), np.empty(0, np.int64), 0)
    across = np.array([p[0] for p in view["points"]])
    assert abs(np.corrcoef(across, x[:, 0])[0, 1]) > 0.98


def test_the_map_bears_not_a_number_and_one_direction(audits):
    dataset = audits().dataset
    x = np.arange(200, dtype=np.float32)[:, None].copy()
    x[3] = np.nan
    assert len(feature_map(dataset, x, np.array([5]), 0)["points"]) == 200


def test_values_of_sensitive_columns_are_not_shown(audits):
    from dataclasses import replace

    result = audits("table")
    result = replace(result, options=replace(result.options, answers={"sensitive": ["city"]}))
    cells = build_view(result)["findings"][0]["items"][0]["card"]["cells"]
    assert cells[1] == ["city", "(sensitive, not shown)"]
