"""Proofs run apart from one another, and a stored verdict that does not hold again fails the gate."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from labelwright.catalogue.prove import choose_proofs, find_proofs, prove, read_result
from labelwright.catalogue.show import raise_if_broken
from labelwright.errors import BadInput, GateFailed

PROOF = '''
"""{paper}: the method is better than doing nothing."""
from labelwright.catalogue.claims import Beats, DataMissing
CLAIM = Beats("nothing", by=0.1, seeds=2)
BUDGET_S = {budget}

def run(seed):
    {body}
    return {{"method": {method} + 0.01 * seed, "baseline": 0.5}}
'''


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "proofs" / "results").mkdir(parents=True)
    (tmp_path / "proofs" / "datasets.py").write_text("def content_hash(*names): return '-'.join(names)\n")
    write_proof(tmp_path)
    return tmp_path


def write_proof(
    root: Path, paper: str = "P042", method: float = 0.9, body: str = "pass", budget: float = 60, extra: str = ""
) -> None:
    text = PROOF.format(paper=paper, method=method, body=body, budget=budget) + extra
    (root / "proofs" / f"{paper}_method.py").write_text(text)


def run(root: Path, **options):
    return prove(choose_proofs(root / "proofs", everything=True), **options)


def test_a_proof_stores_its_verdict_with_everything_that_it_rests_on(repository):
    write_proof(repository, extra="\nDATA = ('digits', 'sms')\n")
    [outcome] = run(repository)
    stored = json.loads((repository / "proofs" / "results" / "P042.json").read_text())
    assert outcome.status == "holds" and stored == outcome.result
    assert stored["verdict"]["means"] == {"method": pytest.approx(0.905), "baseline": 0.5}
    assert stored["verdict"]["interval"]["estimate"] == pytest.approx(0.405)
    assert stored["seeds"] == [0, 1] and len(stored["seconds"]) == 2
    assert stored["data"] == {"names": ["digits", "sms"], "sha256": "digits-sms"}
    assert stored["machine"]["cores"] >= 1 and stored["machine"]["numpy"]
    assert stored["schema_version"] == 1 and stored["within_budget"]
    assert stored["statement"] == "P042: the method is better than doing nothing."


def test_a_verdict_that_does_not_hold_again_breaks_and_the_stored_one_stays(repository):
    run(repository)
    before = (repository / "proofs" / "results" / "P042.json").read_bytes()
    write_proof(repository, method=0.4)
    [outcome] = run(repository)
    assert outcome.status == "broken" and not outcome.passes
    assert (repository / "proofs" / "results" / "P042.json").read_bytes() == before
    with pytest.raises(GateFailed, match="P042 \\(broken\\)"):
        raise_if_broken([outcome])


def test_a_claim_that_never_held_is_stored_as_such_and_passes(repository):
    write_proof(repository, method=0.4)
    [outcome] = run(repository)
    assert outcome.status == "does not hold" and outcome.passes
    stored = read_result(repository / "proofs" / "results" / "P042.json")
    assert stored is not None and stored["verdict"]["holds"] is False


@pytest.mark.parametrize("options", [{"check": True}, {"seed": 7}])
def test_checking_or_another_seed_stores_nothing(repository, options):
    [outcome] = run(repository, **options)
    assert outcome.status == "holds"
    assert list((repository / "proofs" / "results").iterdir()) == []


def test_missing_data_skip_a_proof_with_the_reason(repository):
    write_proof(repository, body="raise DataMissing('cifar10n is not here')")
    [outcome] = run(repository)
    assert (outcome.status, outcome.reason, outcome.passes) == ("skipped", "cifar10n is not here", True)


def test_a_proof_that_raises_fails_with_one_line(repository):
    write_proof(repository, body="raise ZeroDivisionError('by hand')")
    [outcome] = run(repository)
    assert (outcome.status, outcome.reason) == ("failed", "ZeroDivisionError: by hand")


def test_a_proof_that_kills_its_process_fails_and_the_next_one_runs(repository):
    write_proof(repository, body="import os; os._exit(9)")
    write_proof(repository, paper="P071")
    first, second = run(repository)
    assert first.status == "failed" and "exit code 9" in first.reason
    assert second.status == "holds"


def test_a_proof_that_hangs_is_stopped_at_ten_times_its_budget(repository):
    write_proof(repository, body="import time; time.sleep(60)", budget=0.3)
    [outcome] = run(repository)
    assert outcome.status == "failed" and "stopped after 3 s" in outcome.reason


def test_a_figure_that_is_not_a_number_fails(repository):
    write_proof(repository, body="return {'method': float('nan'), 'baseline': 0.5}")
    [outcome] = run(repository)
    assert outcome.status == "failed" and "not finite" in outcome.reason


def test_a_file_without_a_claim_fails(repository):
    (repository / "proofs" / "P042_method.py").write_text("def run(seed): return {}\n")
    [outcome] = run(repository)
    assert outcome.status == "failed" and "CLAIM" in outcome.reason


def test_a_damaged_result_is_named(repository):
    path = repository / "proofs" / "results" / "P042.json"
    path.write_text('{"verdict": {"holds": "yes"}}')
    with pytest.raises(BadInput, match=r"'P042.json' is not a stored result.*delete it"):
        run(repository)


def test_proofs_are_found_in_a_folder_above(repository):
    below = repository / "a" / "b"
    below.mkdir(parents=True)
    assert find_proofs(start=below) == (repository / "proofs").resolve()


def test_without_a_repository_one_line_says_how_to_get_the_proofs(tmp_path):
    with pytest.raises(BadInput, match=r"not part of the installed package.*clone the repository"):
        find_proofs(start=tmp_path)
    with pytest.raises(BadInput, match="no proofs in"):
        find_proofs(tmp_path)


def test_a_paper_without_a_proof_is_named_with_those_that_have_one(repository):
    with pytest.raises(BadInput, match=r"no proof for 'P134'.*'P042'"):
        choose_proofs(repository / "proofs", ["P134"])


def test_a_family_selects_its_proofs(repository):
    write_proof(repository, paper="P134")
    assert [paper for paper, _ in choose_proofs(repository / "proofs", home="audit")] == ["P042"]
    assert [paper for paper, _ in choose_proofs(repository / "proofs", home="learn")] == ["P134"]


@pytest.mark.parametrize("asked", [{}, {"papers": ["P042"], "everything": True}, {"home": "audit", "everything": True}])
def test_asking_for_nothing_or_for_two_things_is_refused(repository, asked):
    with pytest.raises(BadInput, match="say which proofs to run"):
        choose_proofs(repository / "proofs", asked.pop("papers", ()), **asked)
