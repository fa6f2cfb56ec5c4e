"""How the demo's file of text messages was made from the SMS spam set; run it to make the file again.

    python -m proofs.demo_data

Rows keep their order. Two things are taken out: messages with sexual or abusive words (a demo is shown to colleagues),
and, in personal messages, telephone numbers and e-mail addresses, whose characters become ``0`` and ``x``. No label is
changed: the errors that the demo finds are those of the published data.
"""

from __future__ import annotations

import csv
import io
import re

from proofs.datasets import ROOT, texts

from labelwright.atomic import write_aside

TARGET = ROOT / "src" / "labelwright" / "data" / "demo" / "sms.csv"

# Whole words, then parts of words.
_WORDS = "adults? ass arse cock cum cumin dick gals gays? hoes? nasty rape raped tits wank wanking"
_PARTS = (
    "babes bangb bastard bitch boob breast chinky dogging erotic fag fck filth fuck hardcore horny kinky knicker "
    "lapdanc lesb masturb moan naked naughty nigg nude orgasm panties penis porn pussy seduc sex shag shit slut "
    "spank thong threesome topless vagina viagra virgins whore"
)
_UNFIT = re.compile(rf"\b(?:{'|'.join(_WORDS.split())})\b|{'|'.join(_PARTS.split())}|xxx pics|hot live", re.IGNORECASE)
_NUMBER = re.compile(r"\d[\d -]{5,}\d")
_ADDRESS = re.compile(r"[\w.]+@[\w.]+")


def masked(text: str) -> str:
    """Replace the digits of long numbers by 0 and the characters of e-mail addresses by x."""
    text = _NUMBER.sub(lambda match: re.sub(r"\d", "0", match.group()), text)
    return _ADDRESS.sub(lambda match: re.sub(r"\w", "x", match.group()), text)


def main() -> None:
    """Write the file."""
    read = texts("sms")
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["text", "label"])
    for text, label in zip(read.texts, read.labels, strict=True):
        if not _UNFIT.search(text):
            writer.writerow([text if label else masked(text), read.class_names[label]])
    with write_aside(TARGET) as aside:
        aside.write_text(out.getvalue(), encoding="utf-8")
    TARGET.chmod(0o644)


if __name__ == "__main__":
    main()
