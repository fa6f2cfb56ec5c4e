"""One audit: what its parts share."""

import numpy as np

from labelwright import Audit
from labelwright.audit.material import N_NEIGHBORS


def test_flags_and_noise_rate_come_from_one_model(tickets):
    result = Audit(tickets, label="topic", jobs=1).run().result
    labels = next(scores for scores in result.scores if scores.kind == "label")
    assert np.isclose(1 - labels.score.mean(), result.noise.noise_rate, atol=1e-6)


def test_outliers_and_duplicates_are_judged_by_few_neighbours(tickets):
    result = Audit(tickets, label="topic", jobs=1).run().result
    assert result.neighbors.k == N_NEIGHBORS
