"""An installation without extras: a process that finds none of their modules."""

from __future__ import annotations

import subprocess
import sys

# A finder before all others that knows no module of any extra.
CORE_ALONE = """
import sys
from importlib import import_module

from labelwright.errors import _EXTRAS, MissingExtra


class Without:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {module for modules in _EXTRAS.values() for module in modules}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Without())
"""


def in_the_core(script: str) -> str:
    """Run a script in a process that finds no optional dependency; return what it prints."""
    done = subprocess.run([sys.executable, "-c", CORE_ALONE + script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    print(done.stderr)  # pytest shows it where a test fails
    return done.stdout
