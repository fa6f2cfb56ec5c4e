"""Gates judged: by the safe end of the interval, without what people confirmed, without what only the model changed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from labelwright.audit.compare import compare_states
from labelwright.audit.gate import find_waivers, judge, parse_condition
from labelwright.audit.scores import Scores
from labelwright.data.mend import read_decisions
from labelwright.errors import BadInput
from labelwright.metrics.intervals import clopper_pearson
from state_world import MAIL, about_columns, edited, pairs, world


def gate(state, text, **more):
    return judge(state, [parse_condition(text)], **more).gates[0]


def decisions(*rows):
    columns = ("id", "decision", "label")
    return read_decisions({name: [dict(zip(columns, row, strict=False)).get(name) for row in rows] for name in columns})


def many(n, wrong):
    return world([(f"r{i}", f"text number {i}", "ham" if i % 2 else "spam") for i in range(n)], wrong=range(wrong))


def test_a_share_fails_by_the_low_end_of_its_interval():
    state = many(100, 8)
    low = clopper_pearson(8, 100)[0]
    assert low < 0.05 < 0.08
    assert not gate(state, "label>5%").failed
    assert gate(state, "label>3%").failed


def test_a_share_below_a_bound_fails_by_the_high_end():
    state = many(100, 8)
    assert not gate(state, "label<10%").failed
    assert gate(state, "label<20%").failed


def test_the_message_says_estimate_and_interval():
    assert "8 of 100 labels" in (said := gate(many(100, 8), "label>5%").message)
    assert "8 % (95 % interval 3.5 % to 15.2 %)" in said


def test_the_noise_rate_is_judged_by_its_own_interval():
    state = world(MAIL)
    assert gate(state, "noise_rate>3%").failed
    assert not gate(state, "noise_rate>5%").failed
    assert "model estimate" in gate(state, "noise_rate>5%").message


def test_counts_are_taken_as_they_are():
    state = world(MAIL, wrong=[0, 1])
    assert gate(state, "label>1").failed and not gate(state, "label>2").failed


def test_any_counts_every_kind_and_its_share_counts_rows():
    state = world(MAIL, [pairs("exact_duplicate", [(1, 0)]), about_columns("leaking_column", ["text"])], wrong=[1, 2])
    assert gate(state, "any>0").count == 4
    assert gate(state, "any>90%").count == 2


def test_duplicates_are_exact_and_near_ones():
    state = world(MAIL, [pairs("exact_duplicate", [(1, 0)]), pairs("near_duplicate", [(3, 2)])])
    assert gate(state, "duplicate>0").count == 2


def test_new_counts_only_changed_rows_and_tells_the_flips():
    baseline = compare_states(world(MAIL), world(edited(b=(None, "ham")), wrong=[1, 2]))
    found = gate(baseline.new, "new:label>0", baseline=baseline)
    assert (found.count, found.flipped) == (1, 1)
    assert "1 more flipped by the model only" in found.message


def test_the_share_of_new_findings_is_of_the_changed_rows():
    baseline = compare_states(world(MAIL), world([*edited(b=(None, "ham")), ("f", "g h i", "ham")], wrong=[1]))
    found = gate(baseline.new, "new:label>1%", baseline=baseline)
    assert (found.count, found.of) == (1, 2)


def test_nothing_changed_fails_no_gate_on_what_is_new():
    state = world(MAIL, wrong=[0, 1, 2])
    baseline = compare_states(state, state)
    verdict = judge(
        state, [parse_condition(t) for t in ("new:any>0", "new:any>1%", "new:label<50%")], baseline=baseline
    )
    assert not verdict.failed


def test_new_needs_a_baseline():
    with pytest.raises(BadInput, match="--baseline"):
        gate(world(MAIL), "new:label>0")


@pytest.mark.parametrize("text", ["split_leak>0", "dark>0", "unreadable_image>1%"])
def test_a_gate_on_what_was_never_looked_for_is_refused(text):
    with pytest.raises(BadInput, match="was not looked for"):
        gate(world(MAIL), text)


def test_a_gate_on_labels_that_nobody_judged_is_refused():
    state = world(MAIL)
    with pytest.raises(BadInput, match="was not looked for"):
        gate(replace(state, issues=state.issues.slice(0, 0)), "label>0")


def test_a_noise_rate_that_there_is_not_is_refused():
    with pytest.raises(BadInput, match="no noise rate"):
        gate(replace(world(MAIL), summary={"noise_rate": None}), "noise_rate>1%")


def test_no_condition_is_refused():
    with pytest.raises(BadInput, match="--fail-on"):
        judge(world(MAIL), [])


def test_a_confirmed_label_is_waived_and_counted():
    found = gate(world(MAIL, wrong=[0, 1]), "label>0", decisions=decisions(("b", "keep", "spam")))
    assert (found.count, found.waived) == (1, 1)
    assert "confirmed by people" in found.message


def test_a_confirmed_label_waives_no_duplicate():
    state = world(MAIL, [pairs("exact_duplicate", [(1, 0)])])
    assert gate(state, "duplicate>0", decisions=decisions(("b", "keep", "spam"), ("a", "keep", "ham"))).count == 1


@pytest.mark.parametrize(
    ("decision", "outcome"),
    [
        (("b", "keep"), "label_unknown"),
        (("b", "keep", "spam"), "confirmed"),
        (("b", "keep", "ham"), "label_changed"),
        (("b", "relabel", "spam"), "confirmed"),
        (("b", "relabel", "ham"), "not_applied"),
        (("b", "reject"), "not_applied"),
        (("b", "cannot_tell"), "cannot_tell"),
        (("zz", "keep"), "unknown"),
        (("zz#part", "keep"), "unknown"),
    ],
)
def test_a_decision_confirms_the_label_that_is_there_and_nothing_else(decision, outcome):
    waivers = find_waivers(world(MAIL), decisions(decision))
    assert [name for name, count in waivers.counts.items() if count] == [outcome]
    assert waivers.rows.tolist() == [outcome == "confirmed" and i == 1 for i in range(5)]
    assert len(waivers.lines()) == 1


def test_a_row_edited_since_the_baseline_is_no_longer_confirmed():
    changes = compare_states(world(MAIL), world(edited(b=("other words", None)))).rows
    waivers = find_waivers(world(edited(b=("other words", None))), decisions(("b", "keep", "spam")), changes)
    assert waivers.counts["edited"] == 1 and not waivers.rows.any()


def test_a_row_relabelled_since_the_baseline_is_confirmed_only_when_the_decision_names_its_label():
    new = world(edited(b=(None, "ham")))
    changes = compare_states(world(MAIL), new).rows
    assert find_waivers(new, decisions(("b", "keep")), changes).counts["label_changed"] == 1
    assert find_waivers(new, decisions(("b", "keep", "ham")), changes).counts["confirmed"] == 1


def test_a_keep_that_names_no_label_is_held_against_the_label_that_stood_beside_it():
    told = read_decisions({"id": ["b"], "decision": ["keep"], "given": ["spam"]})
    assert find_waivers(world(MAIL), told).counts["confirmed"] == 1
    assert find_waivers(world(edited(b=(None, "ham"))), told).counts["label_changed"] == 1


def test_a_keep_that_says_nothing_of_the_label_counts_beside_a_baseline_alone():
    for id in ("id", None):
        old, new = world(MAIL, id=id, wrong=[1]), world(edited(b=(None, "ham")), id=id, wrong=[1])
        kept = decisions((str(old.ids[1]), "keep"))
        assert find_waivers(old, kept).counts["label_unknown"] == 1
        assert find_waivers(old, kept, compare_states(old, old).rows).counts["confirmed"] == 1
        assert find_waivers(new, kept, compare_states(old, new).rows).counts["label_changed"] == 1
        assert gate(new, "label>0", decisions=kept).count == 1
    assert "write it in the column label" in find_waivers(old, kept).lines()[0]


def test_a_row_named_by_its_content_loses_its_waiver_with_its_content():
    old = world(MAIL, id=None)
    new = world(edited(b=("other words", None)), id=None)
    assert find_waivers(new, decisions((str(old.ids[1]), "keep"))).counts["unknown"] == 1


def test_a_set_of_tags_is_waived_when_each_doubtful_tag_is():
    rows = [("a", "x y", "p|q"), ("b", "y z", "q"), ("c", "z x", "p")]
    tags = Scores(
        "label", "part", np.zeros(2), np.ones(2, dtype=bool), rows=np.array([0, 0]), part=["p", "q"], reason=["no"] * 2
    )
    state = world(rows, [tags], wrong=[0])
    state = replace(state, plan=replace(state.plan, task="multilabel"))
    assert gate(state, "label>0", decisions=decisions(("a#p", "keep"))).count == 1
    assert gate(state, "label>0", decisions=decisions(("a#p", "keep"), ("a#q", "keep"))).count == 0
    assert gate(state, "label>0", decisions=decisions(("a", "keep", "q|p"))).count == 0


def test_what_a_reader_must_know_of_the_baseline_is_told():
    other = replace(world(MAIL), settings={"seed": 1})
    notes = judge(world(MAIL), [parse_condition("label>9")], baseline=compare_states(other, world(MAIL))).notes
    assert any("seed" in note for note in notes)


def test_rows_named_by_a_column_without_a_baseline_are_confirmed_with_a_warning():
    state, kept = world(MAIL, wrong=[1]), decisions(("b", "keep", "spam"))
    assert any("edited after" in note for note in judge(state, [parse_condition("label>9")], decisions=kept).notes)
    beside = judge(state, [parse_condition("label>9")], decisions=kept, baseline=compare_states(state, state))
    assert not any("edited after" in note for note in beside.notes)


def test_a_row_edited_since_it_was_decided_is_no_longer_confirmed_without_any_baseline():
    old = world(MAIL)
    content = old.decided_content()[1]
    told = read_decisions({"id": ["b"], "decision": ["keep"], "label": ["spam"], "content": [content]})
    kept = find_waivers(old, told)
    assert kept.counts["confirmed"] == 1 and kept.unguarded == 0
    changed = find_waivers(world(edited(b=("other words", None))), told)
    assert changed.counts["edited"] == 1 and not changed.rows.any()


def test_the_hash_of_a_decision_does_not_hold_the_label():
    old, new = world(MAIL), world(edited(b=(None, "ham")))
    assert old.decided_content()[1] == new.decided_content()[1]


def test_rows_named_by_their_content_have_it_as_their_hash():
    state = world(MAIL, id=None)
    assert state.decided_content().tolist() == state.ids.tolist()
