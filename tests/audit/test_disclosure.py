"""Privacy labels against privacy policies: reading, verdicts, rates, a second schema, the command [P060]."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from labelwright.audit import (
    Crosswalk,
    DisclosureAuditor,
    PolicyClassifier,
    PracticeTaxonomy,
    PrivacyLabels,
    corrected_rate,
    denies,
    keyword_evidence,
    sentences_of,
    verdicts,
)
from labelwright.audit.disclosure_sentences import NAMES, NOTHING, WAYS, YES, sentence
from labelwright.cli import run
from labelwright.errors import BadInput

CELLS = PracticeTaxonomy()
FAULTS = ("under-report", "over-report")


@pytest.fixture(scope="module")
def reader():
    return PolicyClassifier().fit()


def rendered(label, choice=0):
    """Return a policy that states just what a label says."""
    lines = [NOTHING[0]]
    for (kind, way), on in zip(CELLS.cells, label, strict=True):
        if on:
            lines.append(sentence(YES[choice], WAYS[way][choice], NAMES[kind][choice]))
    return " ".join(lines)


@pytest.mark.parametrize("seed", range(3))
def test_p060_a_policy_that_is_written_from_the_label_gives_no_discrepancy(reader, seed):
    labels = np.random.default_rng(seed).random((4, len(CELLS))) < 0.3
    found, _ = DisclosureAuditor(reader).audit([rendered(label, seed) for label in labels], labels)
    assert not np.isin(found, FAULTS).any()


@given(st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_p060_swapping_label_and_evidence_swaps_under_and_over(seed):
    rng = np.random.default_rng(seed)
    label, policy = rng.random(30) < 0.4, rng.random(30) < 0.4
    one, other = verdicts(label, policy.astype(float)), verdicts(policy, label.astype(float))
    assert_array_equal(one == "under-report", other == "over-report")
    assert_array_equal(one == "over-report", other == "under-report")


def test_every_combination_has_its_verdict():
    label, says, denied = [1, 0, 1, 0, 1, 0, 1, 0], [1, 1, 0, 0, 0, 0, 0.6, 0.6], [0, 0, 1, 1, 0, 0, 0, 0]
    assert verdicts(label, says, denied, tau=0.9).tolist() == [
        *("consistent yes", "under-report", "over-report", "consistent no"),
        *("over-report", "unknown", "unknown", "unknown"),
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("We don't sell your data.", True),
        ("We don’t sell your data.", True),
        ("Your data is never shared.", True),
        ("We share your notes.", False),
        ("We do not share data except with partners.", None),
    ],
)
def test_negation_makes_a_denial_and_an_exception_leaves_it_open(line, said):
    assert denies(line) is said


def test_a_denial_is_no_statement_and_speaks_against_the_label(reader):
    found = reader.evidence("We do not collect your location.")
    cell = CELLS.cell("location", "collected")
    assert found.denied[cell] > 0.5 and found.says[cell] == 0 and "location" in found.quotes[cell]
    assert verdicts([True], found.says[[cell]], found.denied[[cell]])[0] == "over-report"


def test_many_sentences_that_say_nothing_add_up_to_nothing(reader):
    found = reader.evidence(" ".join(NOTHING * 100))
    assert found.says.max() < 0.5 and found.denied.max() < 0.5


def test_an_empty_policy_says_nothing(reader):
    found = reader.evidence("")
    assert not found.says.any() and len(found.quotes) == len(CELLS)


def test_sentences_end_at_list_items_too():
    assert sentences_of("We collect:\n- names\n- photos\n\nAsk us.") == ["We collect:", "names", "photos", "Ask us."]


def test_the_correction_is_exact_when_the_counts_are_what_the_rates_predict():
    assert corrected_rate(9 * 20 + 80, 1000, tpr=0.9, fpr=0.1).estimate == pytest.approx(0.2)
    assert corrected_rate(30, 100, 1.0, 0.0).estimate == 0.3
    assert np.isnan(corrected_rate(0, 0, 0.9, 0.1).estimate)
    with pytest.raises(BadInput, match="no better than chance"):
        corrected_rate(1, 2, 0.2, 0.2)


def test_calibration_reaches_the_precision_on_the_known_policies(reader):
    labels = np.random.default_rng(0).random((10, len(CELLS))) < 0.3
    policies = [rendered(label, i % 3) for i, label in enumerate(labels)]
    auditor = DisclosureAuditor(reader).calibrate(policies, labels)
    read = np.stack([one.says for one in auditor.read(policies)]) >= auditor.tau
    assert labels[read].mean() >= 0.9 and auditor.tpr > auditor.fpr


def test_keywords_see_words_in_one_sentence_that_does_not_negate():
    cell = CELLS.cell("location", "shared")
    assert keyword_evidence("We disclose your location to partners.")[cell] == 1
    assert keyword_evidence("We never disclose your location to partners.")[cell] == 0


def test_a_crosswalk_compares_only_cells_with_a_counterpart():
    walk = Crosswalk(np.array([[1, 0, 0], [1, 1, 0]], bool))
    assert walk.verdicts([True, False], [False, True, True]).tolist() == ["over-report", "under-report"]
    assert walk.verdicts([False, True], [True, True, True]).tolist() == ["consistent yes", "consistent yes"]


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: CELLS.cell("locatoin", "shared"), "did you mean 'location'"),
        (lambda: PolicyClassifier().evidence("We."), "has not learned"),
        (lambda: PolicyClassifier().fit(["x"], ["nothing"], ["shared"]), "not in the taxonomy"),
        (lambda: verdicts([True], [0.5, 0.5]), "shape"),
        (lambda: verdicts([True], [0.5], tau=0.2), "tau is 0.2"),
        (lambda: PrivacyLabels().measure([], [], np.zeros((0, 36), bool)), "no label"),
    ],
)
def test_what_cannot_be_compared_is_said_in_one_line(act, words):
    with pytest.raises(BadInput, match=words):
        act()


@pytest.fixture
def shop(tmp_path):
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "maps.txt").write_text(
        "We collect your location. We share photos and videos with third parties."
    )
    (tmp_path / "policies" / "notes.txt").write_text("We never collect your location.")
    (tmp_path / "labels.csv").write_text(
        "product,data_type,handling\nmaps,location,collected\nnotes,location,collected\n"
    )
    return tmp_path


def test_the_command_quotes_the_policy_for_each_finding(shop, capsys):
    argv = ["measure", "disclosures", str(shop / "labels.csv"), str(shop / "policies"), "--out", str(shop / "out")]
    assert run(argv) == 0
    assert "stated but not declared: 1; declared but not stated: 1." in capsys.readouterr().out
    findings = (shop / "out" / "findings.csv").read_text()
    assert (
        "We share photos and videos with third parties." in findings and "We never collect your location." in findings
    )


def test_checked_policies_and_a_second_label_are_read(shop, capsys):
    (shop / "checked.csv").write_text(
        "product,data_type,handling\nmaps,location,collected\nmaps,photos,shared\nnotes,,\n"
    )
    (shop / "second.csv").write_text("product,practice\nmaps,Location\nnotes,\n")
    (shop / "walk.yaml").write_text("Location: [location, collected]\nOther: []\n")
    argv = ["measure", "disclosures", str(shop / "labels.csv"), str(shop / "policies"), "--json"]
    argv += ["--checked", str(shop / "checked.csv"), "--second", str(shop / "second.csv")]
    assert run([*argv, "--crosswalk", str(shop / "walk.yaml"), "--out", str(shop / "out")]) == 0
    sections = {s["title"]: s for s in json.loads(capsys.readouterr().out)["sections"]}
    assert sections["How often label and policy differ"]["scalars"]["stated practices that are found"] == 1.0
    assert sections["Against the second label"]["tables"][0]["rows"] == [["notes", "Location", "over-report"]]
    assert run([*argv, "--out", str(shop / "out2")]) == 2


def test_wrong_files_are_told_with_their_row(shop, capsys):
    (shop / "labels.csv").write_text("product,data_type,handling\nmaps,locaton,collected\n")
    argv = ["measure", "disclosures", str(shop / "labels.csv"), str(shop / "policies"), "--out", str(shop / "out")]
    assert run(argv) == 2
    assert "labels.csv row 0" in capsys.readouterr().err
    (shop / "labels.csv").write_text("product,data_type,handling\nabsent,location,collected\n")
    assert run(argv) == 2 and not (shop / "out").exists()
