"""The loop: same seed same weights, resume to the same weights, one clear line when something is wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from labelwright.errors import BadInput  # noqa: E402
from labelwright.evidence import Bags, Hard  # noqa: E402
from labelwright.nn import (  # noqa: E402
    MLP,
    SGD,
    AdamW,
    Batches,
    Cosine,
    CrossEntropy,
    Loop,
    Losses,
    Objective,
    Stopping,
    Task,
    Training,
    TrainingFailed,
    Using,
)
from labelwright.nn.losses import cross_entropy  # noqa: E402


def data(n: int = 120, seed: int = 0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    x = (np.eye(3)[y] * 2 + rng.normal(size=(n, 3))).astype(np.float32)
    return x, y


def task(dropout: float = 0.2, **more) -> Task:
    x, y = data()
    return Task(x, Hard(y, 3), net=MLP((8,), dropout=dropout), **more)


def weights(loop: Loop) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in loop.objective.parameters()])


CPU = {"device": "cpu", "batch_size": 32}


def test_the_same_seed_gives_the_same_weights_to_the_bit():
    first, second = (Loop(CrossEntropy(), task(), Training(epochs=3, **CPU)) for _ in range(2))
    first.fit(), second.fit()
    assert torch.equal(weights(first), weights(second))


def test_another_seed_gives_other_weights():
    first, second = (Loop(CrossEntropy(), task(), Training(epochs=1, seed=s, **CPU)) for s in (0, 1))
    first.fit(), second.fit()
    assert not torch.equal(weights(first), weights(second))


def test_training_leaves_the_callers_random_state_alone():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    Loop(CrossEntropy(), task(), Training(epochs=1, **CPU)).fit()
    assert torch.equal(torch.get_rng_state(), before)


def test_two_fits_of_two_epochs_are_one_of_four():
    whole = Loop(CrossEntropy(), task(), Training(epochs=4, **CPU))
    whole.fit()
    halves = Loop(CrossEntropy(), task(), Training(epochs=4, **CPU))
    halves.fit(2), halves.fit(2)
    assert torch.equal(weights(whole), weights(halves))
    assert len(halves.history) == 4


def test_a_loop_is_a_plain_torch_loop():
    """Full batches without dropout: the loop's weights are those of ten bare steps."""
    x, y = data()
    loop = Loop(CrossEntropy(), task(dropout=0.0), Training(epochs=10, device="cpu", batch_size=120))
    net = MLP((8,))((3,), 3)
    net.load_state_dict(loop.objective.net.state_dict())
    loop.fit()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
    for _ in range(10):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(torch.from_numpy(x)), torch.from_numpy(y)).backward()
        optimizer.step()
    bare = torch.cat([p.detach().flatten() for p in net.parameters()])
    torch.testing.assert_close(weights(loop), bare)


def test_a_run_cut_after_any_epoch_resumes_to_the_same_weights(tmp_path):
    whole = Loop(CrossEntropy(), task(), Training(epochs=5, **CPU))
    whole.fit()
    for cut in (1, 4):
        folder = tmp_path / str(cut)
        settings = Training(epochs=5, checkpoint=folder, optimizer=SGD(schedule=Cosine()), **CPU)
        Loop(CrossEntropy(), task(), settings).fit(cut)
        resumed = Loop(CrossEntropy(), task(), settings)
        resumed.fit()
        straight = Loop(CrossEntropy(), task(), Training(epochs=5, optimizer=SGD(schedule=Cosine()), **CPU))
        straight.fit()
        assert torch.equal(weights(resumed), weights(straight))
        assert len(resumed.history) == 5


KILLED = """
import sys, time
sys.path.insert(0, {here!r})
from test_loop import *
class Slow(CrossEntropy):
    def before_epoch(self, loop):
        time.sleep(0.15)
loop = Loop(Slow(), task(), Training(epochs=6, checkpoint={folder!r}, **CPU))
loop.fit()
torch.save(weights(loop), {out!r})
"""


def test_a_run_killed_at_any_moment_resumes_to_the_same_weights(tmp_path):
    class Slow(CrossEntropy):
        pass

    straight = Loop(Slow(), task(), Training(epochs=6, **CPU))
    straight.fit()
    out = tmp_path / "weights.pt"
    here = str(Path(__file__).parent)
    code = KILLED.format(here=here, folder=str(tmp_path / "run"), out=str(out))
    checkpoint = tmp_path / "run" / "checkpoint.safetensors"
    process = subprocess.Popen([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": here})
    for _ in range(600):
        if checkpoint.exists() or process.poll() is not None:
            break
        time.sleep(0.05)
    time.sleep(0.2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"PYTHONPATH": here})
    assert torch.equal(torch.load(out, weights_only=True), weights(straight))


def test_a_checkpoint_of_another_run_is_refused_by_what_differs(tmp_path):
    Loop(CrossEntropy(), task(), Training(epochs=2, checkpoint=tmp_path, **CPU)).fit(1)
    other = Loop(CrossEntropy(), task(), Training(epochs=2, seed=1, checkpoint=tmp_path, **CPU))
    with pytest.raises(BadInput, match="differs in seed"):
        other.fit()


def test_a_checkpoint_made_from_other_labels_is_refused(tmp_path):
    Loop(CrossEntropy(), task(), Training(epochs=2, checkpoint=tmp_path, **CPU)).fit(1)
    x, y = data()
    changed = Task(x, Hard((y + 1) % 3, 3), net=MLP((8,), dropout=0.2))
    with pytest.raises(BadInput, match="differs in data"):
        Loop(CrossEntropy(), changed, Training(epochs=2, checkpoint=tmp_path, **CPU)).fit()


@pytest.mark.parametrize("damage", ["cut", "flip", "text"])
def test_a_damaged_checkpoint_is_refused_by_name(tmp_path, damage):
    Loop(CrossEntropy(), task(), Training(epochs=2, checkpoint=tmp_path, **CPU)).fit(1)
    path = tmp_path / "checkpoint.safetensors"
    content = bytearray(path.read_bytes())
    if damage == "cut":
        content = content[: len(content) // 2]
    elif damage == "flip":
        content[-3] ^= 0xFF
    else:
        content = bytearray(b"not a checkpoint")
    path.write_bytes(content)
    with pytest.raises(BadInput, match=r"checkpoint\.safetensors"):
        Loop(CrossEntropy(), task(), Training(epochs=2, checkpoint=tmp_path, **CPU)).fit()


def test_inputs_with_nan_stop_training_with_epoch_batch_and_cause():
    x, y = data()
    x[7, 1] = np.nan
    broken = Task(x, Hard(y, 3), net=MLP((8,)))
    with pytest.raises(TrainingFailed, match=r"epoch 1, batch \d.*inputs of this batch hold NaN"):
        Loop(CrossEntropy(), broken, Training(epochs=2, **CPU)).fit()


def test_a_learning_rate_that_is_far_too_high_is_named_as_the_cause():
    loop = Loop(CrossEntropy(), task(), Training(epochs=30, optimizer=SGD(lr=1e12), **CPU))
    with pytest.raises(TrainingFailed, match="lower the learning rate"):
        loop.fit()


class Greedy(CrossEntropy):
    """Runs out of memory with more than `most` rows at a time."""

    most = 9

    def spend(self, rows: int) -> None:
        if rows > self.most:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: 9e15 bytes")

    def losses(self, batch: Batches) -> Losses:
        self.spend(len(batch["train"].rows))
        return super().losses(batch)

    def predict(self, x):
        self.spend(len(x))
        return super().predict(x)


def test_running_out_of_memory_says_which_batch_fits():
    with pytest.raises(TrainingFailed, match=r"batches of 32 rows. Fix: batch_size=8 \(--batch-size 8\)"):
        Loop(Greedy(), task(), Training(epochs=1, **CPU)).fit()


def test_a_network_that_no_row_fits_is_too_large():
    greedy = Greedy()
    greedy.most = 0
    with pytest.raises(TrainingFailed, match="Fix: a smaller network"):
        Loop(greedy, task(), Training(epochs=1, **CPU)).fit()


def test_stopping_keeps_the_best_epoch_and_never_trains_on_held_out_rows():
    seen: set[int] = set()

    class Watching(CrossEntropy):
        def losses(self, batch: Batches) -> Losses:
            seen.update(batch["train"].rows.tolist())
            return super().losses(batch)

    own = task()
    loop = Loop(Watching(), own, Training(epochs=30, stopping=Stopping(share=0.2, patience=3), **CPU))
    history = loop.fit()
    assert len(own.held_out) == 24
    assert seen.isdisjoint(own.held_out.tolist())
    assert len(history) <= 30
    assert loop._held_out_score() == pytest.approx(max(history["held_out"]))


def test_an_optimiser_that_looks_twice_gets_the_same_rows_twice():
    calls: list[list[int]] = []

    class Twice(torch.optim.SGD):
        def step(self, closure=None):
            with torch.enable_grad():
                closure()
                loss = closure()
            super().step()
            return loss

    class Watching(CrossEntropy):
        def losses(self, batch: Batches) -> Losses:
            calls.append(batch["train"].rows.tolist())
            return super().losses(batch)

    optimizer = Using(lambda params: Twice(params, lr=0.1))
    Loop(Watching(), task(), Training(epochs=1, optimizer=optimizer, **CPU)).fit()
    assert calls[0::2] == calls[1::2]


def test_batches_of_bags_hold_whole_bags():
    x, y = data(90)
    bags = Bags.counts(np.arange(90) // 9, np.bincount(np.arange(90) // 9, y == 1).astype(int))
    whole: list[bool] = []

    class Watching(Objective):
        def losses(self, batch: Batches) -> Losses:
            rows = batch["train"].rows
            whole.append(bool((np.bincount(rows // 9)[np.unique(rows // 9)] == 9).all()))
            logits = self.net(batch["train"].x)
            return Losses(zero=logits.sum() * 0)

    Loop(Watching(), Task(x, bags, net=MLP((4,))), Training(epochs=2, device="cpu", batch_size=20)).fit()
    assert len(whole) == 10 and all(whole)


def test_the_clip_bounds_the_step():
    x, y = data()
    loop = Loop(
        CrossEntropy(),
        Task(x * 1000, Hard(y, 3), net=MLP((8,))),
        Training(epochs=1, optimizer=SGD(lr=1.0, momentum=0.0, weight_decay=0.0, clip=0.01), device="cpu"),
    )
    before = weights(loop)
    loop.step(range(32))
    assert float((weights(loop) - before).norm()) <= 0.01 + 1e-6


def test_a_step_on_rows_of_ones_own_is_a_step():
    loop = Loop(CrossEntropy(), task(), Training(epochs=1, **CPU))
    before = weights(loop)
    losses = loop.step([0, 1, 2])
    assert losses.total.item() > 0 and not torch.equal(before, weights(loop))


def test_prediction_changes_nothing_and_puts_the_mode_back():
    loop = Loop(CrossEntropy(), task(dropout=0.5), Training(epochs=1, **CPU))
    loop.objective.train()
    first, second = loop.predict().logits, loop.predict().logits
    assert torch.equal(first, second) and loop.objective.net.training


def test_two_optimisers_move_their_own_networks_only():
    class Pair(Objective):
        def setup(self, task: Task) -> None:
            self.net, self.other = task.new_net(), task.new_net()

        def optimizers(self, base):
            return {"a": base(self.net.parameters()), "b": base(self.other.parameters())}

        def losses(self, batch: Batches) -> Losses:
            return Losses(ce=cross_entropy(self.net(batch["train"].x), batch["train"].labels))

        def update(self, batch: Batches, opt) -> Losses:
            return opt["a"].step(lambda: self.losses(batch))

    loop = Loop(Pair(), task(), Training(epochs=1, optimizer=AdamW(), **CPU))
    before = [p.detach().clone() for p in loop.objective.other.parameters()]
    loop.fit()
    assert all(torch.equal(a, b) for a, b in zip(before, loop.objective.other.parameters(), strict=True))


def test_an_unknown_device_and_epochs_of_zero_are_refused():
    with pytest.raises(BadInput, match="no device"):
        Loop(CrossEntropy(), task(), Training(device="tpu"))
    with pytest.raises(BadInput, match="epochs"):
        Training(epochs=0)


def test_the_history_has_every_term_and_the_learning_rate():
    class Terms(CrossEntropy):
        def losses(self, batch: Batches) -> Losses:
            first = super().losses(batch)
            return Losses(ce=first.total, extra=first.total * 0 + 2.0, figures={"kept": 0.5})

    history = Loop(Terms(), task(), Training(epochs=2, **CPU)).fit()
    assert history["extra"] == [2.0, 2.0] and history["kept"] == [0.5, 0.5]
    assert history.names() == ["epoch", "loss", "ce", "extra", "kept", "lr"]


def test_an_objective_untested_on_several_processes_says_so():
    class Many:
        world_size, device = 2, torch.device("cpu")

    with pytest.raises(BadInput, match="several processes"):
        Loop(Objective(), task(), Training(**CPU), fabric=Many())


TWO = """
import sys, torch
sys.path.insert(0, {here!r})
from lightning_fabric import Fabric
from test_loop import *
fabric = Fabric(accelerator="cpu", devices=2, strategy="ddp")
fabric.launch()
loop = Loop(CrossEntropy(), task(dropout=0.0), Training(epochs=3, **CPU), fabric=fabric)
loop.fit()
if fabric.is_global_zero:
    torch.save(weights(loop), {out!r})
"""


def test_two_processes_give_the_weights_of_one(tmp_path):
    script, out = tmp_path / "two.py", tmp_path / "weights.pt"
    here = str(Path(__file__).parent)
    script.write_text(TWO.format(here=here, out=str(out)))
    subprocess.run([sys.executable, str(script)], check=True, timeout=120, capture_output=True)
    one = Loop(CrossEntropy(), task(dropout=0.0), Training(epochs=3, **CPU))
    one.fit()
    torch.testing.assert_close(torch.load(out, weights_only=True), weights(one))
