"""Real data under a free licence, small enough to travel with the package, with label errors that a person can see.

`sms` is a file of text messages marked ham or spam; `digits` are the 8 by 8 pixel scans of handwritten digits that
scikit-learn carries, written as a folder of images. Both are measured data with the labels that they were published
with: nothing was planted. Licences stand in DATA_LICENSES.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Literal, get_args

from labelwright.atomic import PRIVATE_DIRECTORY, write_aside
from labelwright.errors import BadInput, did_you_mean, quoted

DemoName = Literal["sms", "digits"]
DIGIT_SCALE = 4  # the scans are 8 pixels wide: too small to look at


@dataclass(frozen=True)
class Demo:
    """Demo data written to a folder, ready for an audit.

    Parameters
    ----------
    path : Path
        The file or folder to audit.
    label : str
        Its label column.
    about : str
        One sentence on what the data are and where they come from.
    """

    path: Path
    label: str
    about: str


_ABOUT = {
    "sms": "Text messages marked ham or spam (SMS Spam Collection, CC BY 4.0).",
    "digits": "Handwritten digits, 8 x 8 pixels (Optical Recognition of Handwritten Digits, CC BY 4.0).",
}


def demo_names() -> tuple[str, ...]:
    """Return the names of the demos, the default first."""
    return get_args(DemoName)


def write_demo(name: str, folder: Path) -> Demo:
    """Write the data of a demo into `folder` and say how to audit it.

    Parameters
    ----------
    name : "sms" or "digits"
    folder : Path
        Made when missing. A data file of an earlier demo is replaced.

    Raises
    ------
    BadInput
        When there is no demo of that name, or the folder cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> demo = write_demo("sms", Path(tempfile.mkdtemp()))
    >>> demo.path.name, demo.label
    ('sms.csv', 'label')
    """
    if name not in demo_names():
        raise BadInput(f"there is no demo {quoted(name)}", fix=did_you_mean(name, demo_names()))
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE_DIRECTORY)
        path = _write_sms(folder) if name == "sms" else _write_digits(folder)
    except OSError as error:
        problem = f"cannot write the demo data: {error.strerror or error}"
        raise BadInput(problem, where=str(folder), fix="name another folder with --out") from error
    return Demo(path, "label", _ABOUT[name])


def _write_sms(folder: Path) -> Path:
    path = folder / "sms.csv"
    with write_aside(path) as aside:
        aside.write_bytes(resources.files(__name__).joinpath("sms.csv").read_bytes())
    return path


def _write_digits(folder: Path) -> Path:
    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    root = folder / "digits"
    gray = np.rint(255.0 - pixels.reshape(-1, 8, 8) * (255.0 / 16.0)).astype(np.uint8)  # ink is dark, paper white
    for made in (root, *(root / str(digit) for digit in range(10))):
        made.mkdir(exist_ok=True, mode=PRIVATE_DIRECTORY)
    for row, (image, digit) in enumerate(zip(gray, labels, strict=True)):
        shown = Image.fromarray(image).resize((8 * DIGIT_SCALE, 8 * DIGIT_SCALE), Image.Resampling.NEAREST)
        shown.save(root / str(digit) / f"{row:04d}.png")
    return root
