"""The demo data are what their licences say they are, and hold errors that a person can see."""

from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from labelwright.data import demo
from labelwright.data.demo import demo_names, write_demo
from labelwright.errors import BadInput

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "labelwright"
CODE = {
    ".py",
    ".typed",
    ".html",
    ".css",
    ".js",
    ".toml",
    ".jinja",
    ".svg",
    ".json",
    ".j2",
    ".pyc",
    ".nbi",
    ".nbc",
    ".mako",
    ".yaml",
}


@pytest.fixture(scope="module")
def messages() -> list[dict[str, str]]:
    with (Path(demo.__file__).parent / "sms.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def listed_files() -> dict[str, str]:
    text = (ROOT / "DATA_LICENSES.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^\| `(\S+)` \| `([0-9a-f]{64})` \|", text, re.MULTILINE))


def test_every_data_file_of_the_package_is_listed_with_its_hash():
    found = {
        f"labelwright/{path.relative_to(PACKAGE).as_posix()}": hashlib.sha256(path.read_bytes()).hexdigest()
        for path in PACKAGE.rglob("*")
        if path.is_file() and path.suffix not in CODE and "__pycache__" not in path.parts
    }
    assert found == listed_files()


def test_the_message_file_stays_small():
    assert (Path(demo.__file__).parent / "sms.csv").stat().st_size < 600_000


def test_messages_have_a_text_and_one_of_two_labels(messages):
    assert len(messages) > 5000
    assert Counter(row["label"] for row in messages).keys() == {"ham", "spam"}
    assert all(row["text"].strip() for row in messages)


def test_messages_hold_real_duplicates(messages):
    texts = Counter(row["text"] for row in messages)
    assert sum(count - 1 for count in texts.values()) > 300


def test_personal_messages_hold_no_telephone_number_or_address(messages):
    ham = [row["text"] for row in messages if row["label"] == "ham"]
    numbers = [match for text in ham for match in re.findall(r"\d[\d -]{5,}\d", text)]
    assert all(set(number) <= set("0 -") for number in numbers)
    assert not any(set(address) - set("x@.") for text in ham for address in re.findall(r"[\w.]+@[\w.]+", text))


@pytest.mark.parametrize(
    ("start", "given"),
    [
        ("do you ever notice that when you're driving, anyone going slower than you is an idiot", "spam"),
        ("money i have won wining number 946 wot do i do next", "spam"),
        ("dating:i have had two of these. only started after i sent a text", "spam"),
        ("hi, mobile no.  &lt;#&gt;  has added you in their contact list on www.fullonsms.com", "ham"),
    ],
)
def test_a_label_error_that_a_person_can_see_is_in_the_file(messages, start, given):
    assert [row["label"] for row in messages if row["text"].startswith(start)][:1] == [given]


def test_writing_twice_gives_the_same_file(tmp_path):
    first = write_demo("sms", tmp_path).path.read_bytes()
    assert write_demo("sms", tmp_path).path.read_bytes() == first


def test_digits_are_a_folder_of_images_one_folder_a_class(tmp_path):
    made = write_demo("digits", tmp_path)
    images = sorted(made.path.rglob("*.png"))
    assert len(images) == 1797
    assert {path.parent.name for path in images} == set("0123456789")
    assert Image.open(images[0]).size == (32, 32)


def test_an_unknown_demo_is_refused_with_the_names_there_are(tmp_path):
    with pytest.raises(BadInput, match=r"no demo 'smss'.*'sms'"):
        write_demo("smss", tmp_path)
    assert demo_names()[0] == "sms"


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot write the demo data"):
        write_demo("sms", tmp_path / "file" / "out")
