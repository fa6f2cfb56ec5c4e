from __future__ import annotations

import json
import math
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from numpy.testing import assert_allclose

from labelwright.data import endpoint
from labelwright.data.endpoint import ChatEndpoint
from labelwright.data.endpoint_host import checked_host
from labelwright.data.endpoint_replies import EndpointFailed, letter_probs
from labelwright.data.language_model import Prompt, WritingModel
from labelwright.errors import BadInput

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 8


def said(text, tokens=None):
    choice = {"message": {"role": "assistant", "content": text}}
    if tokens is not None:
        shown = [{"token": token, "logprob": math.log(p)} for token, p in tokens.items()]
        choice["logprobs"] = {"content": [{"token": text, "logprob": 0.0, "top_logprobs": shown}]}
    return choice


@pytest.fixture
def server(monkeypatch):
    """A scripted endpoint: `server.script` holds (status, headers, body) of each reply, the last one for all others."""
    monkeypatch.setattr(endpoint.time, "sleep", lambda seconds: served.waits.append(seconds))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with lock:
                served.requests.append((self.path, dict(self.headers), json.loads(body)))
                status, headers, reply = served.script.pop(0) if len(served.script) > 1 else served.script[0]
            raw = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *args):
            pass

    lock = threading.Lock()
    served = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.requests, served.waits = [], []
    served.script = [(200, {}, {"choices": [said("hello")]})]
    served.url = f"http://127.0.0.1:{served.server_port}/v1"
    thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield served
    served.shutdown()
    served.server_close()
    thread.join()


def test_the_filled_prompt_and_the_settings_are_what_is_sent(server, monkeypatch):
    monkeypatch.setenv("LABELWRIGHT_LLM_KEY", "secret")
    model = ChatEndpoint("small", base_url=server.url + "/", longest_answer=9)
    assert model.write([Prompt("Say [TEXT]", "ä")]) == ["hello"]
    path, headers, body = server.requests[0]
    assert path == "/v1/chat/completions" and headers["Authorization"] == "Bearer secret"
    assert body == {
        "model": "small",
        "messages": [{"role": "user", "content": "Say ä"}],
        "max_tokens": 9,
        "temperature": 0.0,
    }
    assert "secret" not in repr(vars(model)) and "secret" not in model.name


def test_without_a_key_no_request_carries_one(server, monkeypatch):
    monkeypatch.delenv("LABELWRIGHT_LLM_KEY", raising=False)
    ChatEndpoint("small", base_url=server.url).write([Prompt("Hi")])
    assert "Authorization" not in server.requests[0][1]


def test_probabilities_of_answers_are_those_of_their_letters(server):
    server.script = [(200, {}, {"choices": [said("A", {"A": 0.5, " a": 0.1, "B": 0.2, "C": 0.1, "The": 0.1})]})]
    probs = ChatEndpoint("small", base_url=server.url).option_probs([Prompt("[TEXT]?", "x")] * 3, ["yes", "no"])
    assert_allclose(probs, [[0.75, 0.25]] * 3)
    assert server.requests[0][2]["messages"][0]["content"].endswith("A: yes\nB: no\n\nAnswer with the letter alone.")
    assert server.requests[0][2]["top_logprobs"] == 20


def test_replies_come_back_in_the_order_of_the_prompts(server):
    server.script = [(200, {}, {"choices": [said(str(i))]}) for i in range(6)]
    model = ChatEndpoint("small", base_url=server.url, parallel=1)
    assert model.write([Prompt(str(i)) for i in range(6)]) == list("012345")


def test_pictures_travel_inside_the_message(server):
    ChatEndpoint("small", base_url=server.url).write([Prompt("Which?", "", (PNG, b"\xff\xd8\xff"))])
    text, first, second = server.requests[0][2]["messages"][0]["content"]
    assert text == {"type": "text", "text": "Which?"}
    assert first["image_url"]["url"].startswith("data:image/png;base64,iVBORw0KGgo")
    assert second["image_url"]["url"].startswith("data:image/jpeg;base64,")
    with pytest.raises(BadInput, match="neither PNG nor JPEG"):
        ChatEndpoint("small", base_url=server.url).write([Prompt("", "", (b"GIF89a",))])


def test_a_busy_endpoint_is_asked_again_after_the_time_it_names(server):
    server.script = [(429, {"Retry-After": "7"}, b""), (503, {}, b""), (200, {}, {"choices": [said("done")]})]
    assert ChatEndpoint("small", base_url=server.url).write([Prompt("Hi")]) == ["done"]
    assert server.waits == [7.0, 2.0]


@pytest.mark.parametrize("asked", ["inf", "nan", "1e9", "soon", "-3"])
def test_no_endpoint_can_make_us_wait_long(server, asked):
    server.script = [(429, {"Retry-After": asked}, b""), (200, {}, {"choices": [said("done")]})]
    ChatEndpoint("small", base_url=server.url).write([Prompt("Hi")])
    assert 0 <= server.waits[0] <= 60


def test_tries_are_bounded(server):
    server.script = [(500, {}, b"\x1b[31mbroken")]
    with pytest.raises(EndpointFailed, match=r"answers 500: '\\x1b\[31mbroken'"):
        ChatEndpoint("small", base_url=server.url, tries=3).write([Prompt("Hi")])
    assert len(server.requests) == 3


def test_a_refusal_is_told_at_once_and_ends_the_run(server):
    server.script = [(401, {}, {"error": "no key"})]
    with pytest.raises(EndpointFailed, match="LABELWRIGHT_LLM_KEY"):
        ChatEndpoint("small", base_url=server.url, parallel=1).write([Prompt(str(i)) for i in range(50)])
    assert len(server.requests) < 5


def test_a_redirect_is_not_followed(server):
    server.script = [(307, {"Location": server.url + "/elsewhere"}, b"")]
    with pytest.raises(EndpointFailed, match="answers 307"):
        ChatEndpoint("small", base_url=server.url).write([Prompt("Hi")])
    assert len(server.requests) == 1


@pytest.mark.parametrize("reply", [b"<html>", b"", b"[]", {"choices": []}, {"choices": ["x"]}, {"error": "x"}])
def test_a_reply_of_another_protocol_is_one_line(server, reply):
    server.script = [(200, {}, reply)]
    with pytest.raises(EndpointFailed, match="none of the chat protocol"):
        ChatEndpoint("small", base_url=server.url).write([Prompt("Hi")])


def test_an_unreachable_endpoint_is_one_line(server):
    server.server_close()
    with pytest.raises(EndpointFailed, match=r"127\.0\.0\.1 cannot be reached"):
        ChatEndpoint("small", base_url=server.url, tries=2).write([Prompt("Hi")])
    assert server.waits == [1.0]


def test_no_prompts_send_nothing(server):
    model = ChatEndpoint("small", base_url=server.url)
    assert model.write([]) == [] and model.option_probs([], ["yes", "no"]).shape == (0, 2)
    assert server.requests == []


def test_a_remote_receiver_must_be_named():
    with pytest.raises(BadInput, match=r"nobody is named to receive them.*Fix: name api.example.org as send_to"):
        ChatEndpoint("small", base_url="https://api.example.org/v1")
    with pytest.raises(BadInput, match=r"'example.org' is named"):
        ChatEndpoint("small", base_url="https://api.example.org/v1", send_to="example.org")
    assert isinstance(ChatEndpoint("m", base_url="https://API.example.org/v1", send_to="api.Example.org"), WritingModel)


def test_what_is_sent_away_is_said_before_it_is_sent(monkeypatch):
    lines = []
    model = ChatEndpoint("m", base_url="https://a.example/v1", send_to="a.example", notify=lines.append)
    monkeypatch.setattr(model, "_reply", lambda body: lines.append("sent") or said("ok"))
    model.write([Prompt("Hi")])
    assert lines == ["sending 1 prompts (102 bytes) to a.example for m", "sent"]


@pytest.mark.parametrize(
    "url",
    ["http://example.org/v1", "ftp://example.org", "example.org/v1", "https://", "https://u:p@example.org/v1",
     "https://example.org/v1?key=1", "file:///etc/passwd"],
)  # fmt: skip
def test_unsafe_addresses_are_refused(url):
    with pytest.raises(BadInput):
        checked_host(url, "example.org")


@pytest.mark.parametrize("text", ["B", " b.", "(B)", "B: no"])
def test_a_letter_that_is_written_counts_as_certain(text):
    assert_allclose(letter_probs(said(text), 2), [0, 1])


def test_answers_that_name_no_option_are_counted_in_one_line(monkeypatch):
    lines, replies = [], iter([said("B"), said("maybe")])
    model = ChatEndpoint("m", base_url="http://localhost/v1", parallel=1, notify=lines.append)
    monkeypatch.setattr(model, "_reply", lambda body: next(replies))
    assert np.isnan(model.option_probs([Prompt("one"), Prompt("two")], ["yes", "no"])).sum() == 2
    assert lines == ["m named none of the answers for 1 of 2 prompts"]


@pytest.mark.parametrize("choice", [said("maybe"), said(""), {}, {"message": None, "logprobs": 3}, said("C")])
def test_an_answer_that_names_no_option_is_nan(choice):
    assert np.isnan(letter_probs(choice, 2)).all()


@pytest.mark.parametrize("wrong", [{"temperature": 3}, {"tries": 0}, {"parallel": 0}, {"timeout": 0}])
def test_settings_that_make_no_request_are_refused(wrong):
    with pytest.raises(BadInput, match="make no request"):
        ChatEndpoint("small", base_url="http://localhost/v1", **wrong)


def test_more_answers_than_the_protocol_shows_are_refused():
    with pytest.raises(BadInput, match="21 answers"):
        ChatEndpoint("m", base_url="http://localhost/v1").option_probs([Prompt("")], [str(i) for i in range(21)])
