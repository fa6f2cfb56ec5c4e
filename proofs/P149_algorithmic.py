"""P149: weight decay makes a network give up wrong labels and keep the rule; neurons that store them are not periodic.

Addition modulo 47, three quarters of the pairs for training, 20 % of their labels redrawn; a network of 256 squared
neurons, 600 full-batch steps of AdamW. Decay 0, 5, 10 and 25: accuracy on test pairs and on corrupted labels, and mean
periodicity of the neurons. After decay 0 the 60 % least periodic neurons are silenced, or the 20 % most periodic ones.
The analytic periodic weights (400 neurons) are right on all pairs. (Steps and sizes are those of the card.)

Source: Doshi, Das, He, Gromov, To grok or not to grok: Disentangling generalization and memorization on corrupted
algorithmic datasets, ICLR 2024.
"""

from __future__ import annotations

import numpy as np
import torch

from labelwright.catalogue.claims import All, AtLeast, AtMost, Holds
from labelwright.noise import (
    ModularData,
    QuadraticMLP,
    corrupted_modular_dataset,
    neuron_periodicity,
    periodic_weights,
    phase_of,
    prune_neurons,
    train_quadratic_mlp,
)

BUDGET_S = 300
SEEDS = 3
P, WIDTH, STEPS = 47, 256, 600
DECAYS = (0, 5, 10, 25)
CLAIM = All(
    AtLeast("decay_0_train", 0.95, seeds=SEEDS, every_seed=True),
    AtLeast("decay_0_test", 0.93, seeds=SEEDS, every_seed=True),
    AtMost("decay_10_remembered", 0.07, seeds=SEEDS, every_seed=True),
    AtLeast("decay_10_test", 0.95, seeds=SEEDS, every_seed=True),
    AtMost("low_pruned_remembered", 0.18, seeds=SEEDS, every_seed=True),
    AtLeast("low_pruned_test", 0.93, seeds=SEEDS, every_seed=True),
    AtMost("high_pruned_test", 0.5, seeds=SEEDS, every_seed=True),
    AtLeast("high_pruned_remembered", 0.8, seeds=SEEDS, every_seed=True),
    Holds("Periodicity rises with decay 0, 5, 10; the phases are in order", ("periodicity_rises", "phases"), SEEDS),
    Holds("The analytic periodic weights are right on all pairs", ("analytic",), SEEDS),
)


def trained(data: ModularData, decay: float, seed: int) -> QuadraticMLP:
    """Train one network."""
    model = QuadraticMLP(P, WIDTH, seed=seed)
    train_quadratic_mlp(model, data, steps=STEPS, weight_decay=decay, seed=seed)
    return model


def run(seed: int) -> dict[str, float]:
    """Measure with one seed."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # networks that forget everything are slow otherwise
    data = corrupted_modular_dataset(P, 0.75, 0.2, seed)
    share, x = float(data.changed.mean()), data.one_hot()
    figures, phases, periodic = {}, [], []
    for decay in DECAYS:
        model = trained(data, decay, seed)
        found = data.accuracies(model.predict(x))
        phases.append(phase_of(model, data))
        scores = neuron_periodicity(model)
        periodic.append(float(scores.mean()))
        figures |= {
            f"decay_{decay}_train": found.training_accuracy(share),
            f"decay_{decay}_test": found.test,
            f"decay_{decay}_remembered": found.remembered,
            f"decay_{decay}_periodicity": periodic[-1],
        }
        if decay == 0:
            order = np.argsort(scores)
            low = data.accuracies(prune_neurons(model, order[: int(0.6 * WIDTH)]).predict(x))
            high = data.accuracies(prune_neurons(model, order[-int(0.2 * WIDTH) :]).predict(x))
            figures |= {"low_pruned_remembered": low.remembered, "low_pruned_test": low.test}
            figures |= {"high_pruned_remembered": high.remembered, "high_pruned_test": high.test}
    first, second = periodic_weights(P, 400, seed)
    answers = ((x @ first.T) ** 2 @ second.T).argmax(axis=1)
    ordered = ["coexistence", "partial inversion", "full inversion", "forgetting"]
    return figures | {
        "periodicity_rises": float(periodic[0] < periodic[1] < periodic[2]),
        "phases": float(phases == ordered),
        "analytic": float((answers == data.truth).all()),
    }
