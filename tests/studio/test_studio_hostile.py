"""Data that attack whoever looks at them: inert on every page, in every answer, every file and on the terminal."""

from __future__ import annotations

import csv
import io
import json
import random
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest
from PIL import Image

from labelwright.data.cache import Cache
from labelwright.data.dataset import Source
from labelwright.errors import BadInput
from labelwright.facade import Audit
from labelwright.inert import inert
from labelwright.studio.logins import users
from labelwright.studio.pictures import PictureProcess, Pictures, UnreadableImage
from studio_world import Browser, Turns, fresh_studio

MARK = "x9q7"  # stands in every hostile text, so that it is found wherever it went
CLASSES = (
    f"<script>alert('{MARK}')</script>",
    f"\"' onmouseover=alert('{MARK}') x=",
    f"=cmd|'/c {MARK}'!A1",
    f"\u202e{MARK}\x1b[31m::error::{{{{7*7}}}}",
)
WORDS = ("invoice refund charge", "password reset login", "parcel late courier", "crash bug freeze")
TEXT = f"</p></textarea><img src=x onerror=alert('{MARK}')><svg onload=alert(1)>&lt;b&gt; {{% raw %}} {{{{config}}}}"
PAGES = ("/", "/review", "/review?kind=check", "/review?kind=all&decided=true", "/groups", "/explore", "/copies",
         "/adjudicate", "/annotate", "/history", "/export", "/team", "/retrain", f"/{MARK}<script>")  # fmt: skip


@pytest.fixture(scope="module")
def hostile_audit(tmp_path_factory):
    """An audit of 120 rows whose classes, names and texts are attacks; 6 of them mislabelled."""
    folder = tmp_path_factory.mktemp("hostile")
    path, rng = folder / f"a'{MARK};=1+1.csv", random.Random(0)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["id", "body<b>", "label"])
        for k in range(120):
            words = rng.sample(WORDS[k % 4].split() * 3, 5)
            kind = CLASSES[(k + (k % 20 == 7)) % 4]
            huge = "A" * 20_000 if k == 3 else ""
            table.writerow([f"../{k}\"'<i>/{MARK}", f"{' '.join(words)} {TEXT} {k} {huge}", kind])
    audit = Audit(path, label="label", id="id", text=("body<b>",), jobs=1, cache=Cache(folder / "cache"))
    return audit.run().result


@pytest.fixture
def hostile(hostile_audit, tmp_path):
    """A browser on a project of it, with a decision, a note and a mark that attack too."""
    studio = fresh_studio(hostile_audit, tmp_path)
    browser = Browser(studio).enter()
    decision = {"row": 1, "verdict": "relabel", "label": CLASSES[0], "version": 0, "note": TEXT}
    assert browser.post("/api/decisions", decision).status_code == 201
    browser.post("/api/annotation/guidelines", {"text": TEXT})
    browser.post("/api/annotation/rows", {"rows": [1, 2]})
    yield browser, studio
    studio.close()


class Elements(HTMLParser):
    """Collects what a browser would make of a page: elements with their attributes."""

    def __init__(self, text):
        super().__init__()
        self.found, self.words = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        """Note an element."""
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        """Note text."""
        self.words += data


def foreign(page):
    """Return the elements and attributes of a page that only data could have put there."""
    found = []
    for tag, attributes in Elements(page).found:
        if tag in ("i", "b", "svg", "iframe", "object", "style") or any(name.startswith("on") for name in attributes):
            found.append((tag, attributes))
        if tag == "script" and not str(attributes.get("src", "")).startswith("/static/"):
            found.append((tag, attributes))
        if tag == "img" and not str(attributes.get("src", "")).startswith("/api/items/"):
            found.append((tag, attributes))
        if any(MARK in name or name in ("style", "x") for name in attributes):
            found.append((tag, attributes))
        for name in ("href", "src", "action"):
            if name in attributes and not str(attributes[name]).startswith(("/", "#")):
                found.append((tag, attributes))
    return found


@pytest.mark.parametrize("path", PAGES)
def test_no_page_holds_an_element_or_attribute_that_came_from_the_data(hostile, path):
    answer = hostile[0].get(path)
    assert answer.headers["content-type"].startswith("text/html")
    assert foreign(answer.text) == []
    assert "49" not in Elements(answer.text).words or "{{7*7}}" in Elements(answer.text).words  # no template ran


def test_every_row_is_drawn_as_text(hostile):
    browser, _ = hostile
    for row in range(0, 120, 7):
        page = browser.get(f"/fragments/item/{row}")
        assert page.status_code == 200 and foreign(page.text) == []
        assert "onerror=alert" in Elements(page.text).words


def test_the_parser_of_this_test_finds_what_it_looks_for():
    assert len(foreign(f"<p>{TEXT}<script>1</script><a href='javascript:1'>")) == 6


def test_answers_for_programs_say_that_they_are_json(hostile):
    browser, _ = hostile
    for path in ("/api/items/1", "/api/queue?kind=all", "/api/groups", "/api/history", "/api/classes",
                 "/api/explore/confusion", "/api/export/decisions", "/api/overview"):  # fmt: skip
        answer = browser.get(path)
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-content-type-options"] == "nosniff"
        json.loads(answer.text)


def test_what_is_wrong_is_told_without_echoing_control_characters(hostile):
    browser, _ = hostile
    told = browser.post("/api/classes/rename", {"old": "\x1b[31m\u202e", "new": "a"}).json()["problem"]
    assert told == inert(told) and "\\x1b" in told


def test_the_mended_copy_holds_the_class_as_it_is_written_and_stays_in_its_folder(hostile):
    browser, studio = hostile
    done = browser.post("/api/export/data", {"name": "mended.csv"})
    assert done.status_code == 201, done.text
    with (studio.folder / "exports" / "mended.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert rows[1]["label"] == CLASSES[0] and len(rows) == 120


BAD_NAMES = ["..", ".", "../x.csv", "/etc/x.csv", "a/b.csv", "a\\b.csv", ".hidden", "x.", "x ", "con.csv", "LPT1",
             "a:b", "a\nb", "a\u202eb", "a\0b", "x" * 250, "é" * 110, "aux.tar.gz"]  # fmt: skip


@pytest.mark.parametrize("name", BAD_NAMES)
def test_an_export_has_a_plain_name(hostile, name):
    browser, studio = hostile
    before = {path for path in studio.folder.rglob("*") if path.is_file()}
    assert browser.post("/api/export/data", {"name": name}).status_code == 422
    assert {path for path in studio.folder.rglob("*") if path.is_file()} == before


def test_names_of_accounts_can_be_seen_and_told_apart(hostile):
    browser, studio = hostile
    for name in ("a\u202eb", "a\x1b[31m", "\u200b", "ME", "\uff4de"):
        made = browser.post("/api/users", {"name": name, "role": "viewer", "password": "long enough 1"})
        assert made.status_code == 422, name
    with studio.database.read() as connection:
        assert len(users(connection)) == 1


# -- images


def png(width, height, *chunks):
    """Return a PNG of zeros, with chunks put in."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(b"\0" * ((3 * width + 1) * height), 1))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunk(*one) for one in chunks) + body + chunk(b"IEND", b"")


def jpeg_with_gps():
    """Return a JPEG that says where it was taken."""
    tags = Image.Exif()
    tags[0x010E] = f"at home {MARK}"
    tags.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    file = io.BytesIO()
    Image.new("RGB", (60, 40), "red").save(file, "JPEG", exif=tags, comment=MARK.encode())
    return file.getvalue()


@pytest.fixture(scope="module")
def process():
    """The process that decodes."""
    started = PictureProcess()
    yield started
    started.close()


def test_a_picture_comes_without_its_place_and_every_other_tag(process):
    source = jpeg_with_gps()
    assert MARK.encode() in source
    drawn = process.drawn(source, 64)
    image = Image.open(io.BytesIO(drawn))
    assert image.format == "PNG" and image.size == (60, 40) and not image.getexif() and not image.info
    assert MARK.encode() not in drawn


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "SVG"),
        (b"<?xml version='1.0'?><svg/>", "SVG"),
        (b"<html><script>alert(1)</script>", "no image of a known format"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "no image of a known format"),
        (png(8, 8)[:40], r"damaged|cut short"),
        (b"", "no image"),
    ],
)
def test_what_is_no_picture_is_refused(process, data, reason):
    with pytest.raises(UnreadableImage, match=reason):
        process.drawn(data, 64)


def test_a_decompression_bomb_is_refused_before_it_is_unpacked(process):
    head = png(8, 8)
    bomb = head[:16] + struct.pack(">II", 60_000, 60_000) + head[24:]
    bomb = bomb[:29] + struct.pack(">I", zlib.crc32(bomb[12:29])) + bomb[33:]
    with pytest.raises(UnreadableImage, match="bomb"):
        process.drawn(bomb, 64)


def test_a_picture_that_takes_too_long_ends_the_process_and_the_next_one_gets_another():
    process = PictureProcess()
    assert process.drawn(png(4, 4), 16)
    first, process.seconds = process._process.pid, 0.0
    with pytest.raises(UnreadableImage, match="too much time"):
        process.drawn(png(3000, 3000), 16)
    process.seconds = 10.0
    assert process.drawn(png(4, 4), 16)
    assert process._process.pid != first
    process.close()


def test_the_process_has_little_memory_no_files_and_no_secrets(process, monkeypatch):
    monkeypatch.setenv("LABELWRIGHT_DATABASE_URL", f"postgresql://{MARK}")
    own = PictureProcess()
    own.drawn(png(4, 4), 16)
    try:
        limits = Path(f"/proc/{own._process.pid}/limits").read_text()
    except OSError:
        pytest.skip("only Linux tells the limits of a process")
    for name, most in (("open files", 3), ("file size", 0), ("core file size", 0), ("address space", 2 * 2**30)):
        (line,) = [line for line in limits.splitlines() if line.startswith(f"Max {name}")]
        assert line.split()[len(name.split()) + 2] == str(most), line
    assert MARK not in Path(f"/proc/{own._process.pid}/environ").read_text()
    own.close()


def test_pictures_come_from_below_the_folder_of_the_data_alone(process, tmp_path):
    inside, outside = tmp_path / "data", tmp_path / "secret.png"
    inside.mkdir()
    outside.write_bytes(png(4, 4))
    (inside / "fine.png").write_bytes(png(4, 4))
    (inside / "link.png").symlink_to(outside)
    names = [
        "fine.png",
        "../secret.png",
        str(outside),
        "link.png",
        f"file://{outside}",
        "http://127.0.0.1/x.png",
        "a\0b",
    ]
    source = Source(pa.table({"image": names}), inside / "x.csv", "csv", inside)
    dataset = SimpleNamespace(plan=SimpleNamespace(image="image"), table=source.table, root=inside, where=source.where)
    pictures = Pictures(SimpleNamespace(dataset=dataset), process)
    assert pictures.png(0, 16).startswith(b"\x89PNG")
    for row in range(1, len(names)):
        with pytest.raises(BadInput, match=r"leads out|no such file|null character"):
            pictures.png(row, 16)
    with pytest.raises(BadInput, match="no image"):
        pictures.png(len(names), 16)


def test_images_are_decoded_one_after_the_other(tmp_path):
    names = [f"{k}.png" for k in range(6)]
    for name in names:
        (tmp_path / name).write_bytes(png(4, 4))
    source = Source(pa.table({"image": names}), tmp_path / "x.csv", "csv", tmp_path)
    dataset = SimpleNamespace(
        plan=SimpleNamespace(image="image"), table=source.table, root=tmp_path, where=source.where
    )
    turns = Turns()
    pictures = Pictures(SimpleNamespace(dataset=dataset), SimpleNamespace(drawn=turns.take))
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda row: pictures.png(row, 16), range(6)))
    assert (turns.taken, turns.most) == (6, 1)
