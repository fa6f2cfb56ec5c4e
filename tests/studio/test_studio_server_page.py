"""The page about a shared server: its command lines are understood, and its proxies take their parts of it."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.main import get_command

from labelwright.cli import build_app
from labelwright.studio.serve import Bind, check_bind

PAGE = Path(__file__).parents[2] / "docs" / "a-team-on-a-shared-server.md"
LINE = re.compile(r"(?:^\$ |ExecStart=/opt/labelwright/bin/|\(`)(labelwright [^`\n]+)", re.M)
LINES = LINE.findall(PAGE.read_text(encoding="utf-8"))


def understood(words):
    """Return the values that the command line reads, without doing anything."""
    command, context = get_command(build_app()), None
    while True:
        context = command.make_context(command.name, list(words), parent=context)
        if not hasattr(command, "resolve_command"):
            return context.params
        _, command, words = command.resolve_command(context, [*context._protected_args, *context.args])


@pytest.mark.parametrize("line", LINES)
def test_every_command_line_of_the_page_is_understood(line):
    understood(shlex.split(line)[1:])


def test_the_page_shows_the_whole_life_of_a_server():
    text = " ".join(LINES)
    assert len(LINES) >= 12
    assert all(f"studio {word} " in text for word in ("user add", "backup", "verify", "restore", "move"))


@pytest.mark.parametrize("line", [line for line in LINES if "--public-url" in line])
def test_the_addresses_of_the_page_may_be_served(line, tmp_path):
    given = understood(shlex.split(line)[1:])
    for name in ("tls_cert", "tls_key"):
        if given[name] is not None:
            given[name] = tmp_path / given[name].name
            given[name].touch()
    names = ("host", "port", "tls_cert", "tls_key", "behind_proxy", "public_url")
    check_bind(Bind(**{name: given[name] for name in names}), with_logins=True)


def block(language):
    return re.search(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S).group(1)


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
def test_nginx_takes_its_part_of_the_page(tmp_path):
    key = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=labels.example.org", "-days", "1"]
    subprocess.run([*key, "-keyout", tmp_path / "privkey.pem", "-out", tmp_path / "fullchain.pem"],
                   check=True, capture_output=True)  # fmt: skip
    server = block("nginx").replace("/etc/letsencrypt/live/labels.example.org", str(tmp_path))
    whole = tmp_path / "nginx.conf"
    whole.write_text(f"pid {tmp_path}/pid; error_log stderr; events {{}} http {{ access_log off; {server} }}")
    done = subprocess.run(["nginx", "-t", "-c", whole], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(shutil.which("caddy") is None, reason="Caddy is not installed")
def test_caddy_takes_its_part_of_the_page(tmp_path):
    (tmp_path / "Caddyfile").write_text(block("caddy"))
    words = ["caddy", "validate", "--config", tmp_path / "Caddyfile", "--adapter", "caddyfile"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
