"""Fair abstention: counts give the optimum of the published program, rules hold on the rows they are for (P106)."""

from __future__ import annotations

import numpy as np
import pytest

from labelwright.decide import (
    AbstentionRules,
    DemographicParity,
    EqualizedOdds,
    EqualOpportunity,
    FairAbstainer,
    RelativeAccuracy,
    RelativeError,
    feasible_abstention_rate,
    group_rates,
    solve_abstention_ip,
    solve_item_level_ip,
)
from labelwright.decide.contract import Abstainer
from labelwright.decide.fair_abstention import assign_actions
from labelwright.decide.group_metrics import largest_gap
from labelwright.errors import BadInput


def people(n, seed=0):
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 2, n)
    y = rng.random(n) < 0.3 + 0.3 * group
    s = np.clip(0.25 + 0.35 * y + 0.15 * group + rng.normal(0, 0.15, n), 0, 1)
    return s, y, group


@pytest.mark.parametrize("fairness", [DemographicParity(0.05), EqualOpportunity(0.1), EqualizedOdds(0.1)])
@pytest.mark.parametrize("gap", [None, 0.1])
def test_counts_and_items_have_the_same_optimum(fairness, gap):
    for seed in range(3):
        s, y, group = people(40, seed)
        rules = AbstentionRules(fairness, 0.9, max_abstention_gap=gap, flip_penalty=0.0)
        plan = solve_abstention_ip(y, s >= 0.5, group, rules)
        w, h, objective = solve_item_level_ip(y, s >= 0.5, group, rules)
        assert plan.errors == round(objective) == (h != y)[w].sum()


@pytest.mark.parametrize("fairness", [DemographicParity(0.03), EqualOpportunity(0.03), EqualizedOdds(0.05)])
def test_the_plan_keeps_every_rule_on_its_rows(fairness):
    s, y, group = people(900)
    abstainer_rules = AbstentionRules(fairness, 0.2, max_abstention_gap=0.15)
    plan = solve_abstention_ip(y, s >= 0.5, group, abstainer_rules)
    actions = assign_actions(plan, s, y, group)
    before = group_rates(y, s >= 0.5, group)
    after = group_rates(y, (s >= 0.5) ^ (actions == 1), group, actions == 2)
    measured = {
        DemographicParity: ("accept_rate",),
        EqualOpportunity: ("true_positive_rate",),
        EqualizedOdds: ("true_positive_rate",),
    }[type(fairness)]
    assert all(largest_gap(after, rate) <= fairness.eps + 1e-9 for rate in measured)
    assert largest_gap(after, "abstention_rate") <= 0.15 + 1e-9
    for name in before:
        assert after[name].abstention_rate <= 0.2 + 1e-9
        assert after[name].decided_error <= before[name].decided_error + 1e-9


def test_rules_that_ask_for_nothing_change_nothing():
    s, y, group = people(200)
    plan = solve_abstention_ip(y, s >= 0.5, group, AbstentionRules(DemographicParity(1.0), 0.0, flip_penalty=2.0))
    assert plan.abstain.sum() == 0 and plan.flip.sum() == 0
    assert plan.errors == ((s >= 0.5) != y).sum()


def test_the_flip_penalty_removes_flips_that_help_nothing():
    s, y, group = people(300)
    flips = [
        solve_abstention_ip(
            y, s >= 0.5, group, AbstentionRules(DemographicParity(0.1), 0.2, flip_penalty=price)
        ).flip.sum()
        for price in (0.0, 1e-3, 2.0)
    ]
    assert flips[0] >= flips[1] >= flips[2]


def test_slack_zero_makes_both_forms_of_no_harm_equal():
    assert RelativeAccuracy(0).allowed_error(0.2) == RelativeError(0).allowed_error(0.2) == 0.2
    assert RelativeAccuracy(0.1).allowed_error(0.2) == pytest.approx(0.28)
    assert RelativeError(0.1).allowed_error(0.2) == pytest.approx(0.22)


def test_the_smallest_feasible_abstention_is_feasible_and_nothing_below_is():
    y = np.array([1] * 60 + [0] * 40 + [1] * 20 + [0] * 80, bool)
    group = np.repeat([0, 1], 100)
    rules = AbstentionRules(DemographicParity(0.05))
    least = feasible_abstention_rate(y, y, group, rules)
    assert least == 0.35
    assert solve_abstention_ip(y, y, group, AbstentionRules(DemographicParity(0.05), least)).errors == 0
    with pytest.raises(BadInput, match=r"35.0 %"):
        solve_abstention_ip(y, y, group, AbstentionRules(DemographicParity(0.05), 0.34))


def test_the_least_sure_rows_of_a_cell_abstain_first():
    s, y, group = people(400)
    plan = solve_abstention_ip(y, s >= 0.5, group, AbstentionRules(DemographicParity(0.05), 0.2))
    actions = assign_actions(plan, s, y, group)
    sure = np.abs(s - 0.5)
    for g in (0, 1):
        for label in (False, True):
            cell = (group == g) & (y == label) & (s >= 0.5)
            silent, rest = sure[cell & (actions == 2)], sure[cell & (actions != 2)]
            assert not len(silent) or not len(rest) or silent.max() <= rest.min()
    assert (actions == 2).sum() == plan.abstain.sum() and (actions == 1).sum() == plan.flip.sum()


def test_new_rows_are_decided_more_evenly_and_some_are_left_to_people():
    s, y, group = people(3000)
    abstainer = FairAbstainer(AbstentionRules(DemographicParity(0.03), 0.3), hidden=(20,), seed=0)
    abstainer.fit(s[:1500], y[:1500], group[:1500])
    new = slice(1500, None)
    answer = abstainer.predict(s[new], group[new])
    before = group_rates(y[new], s[new] >= 0.5, group[new])
    after = group_rates(y[new], answer == 1, group[new], answer < 0)
    assert isinstance(abstainer, Abstainer)
    assert largest_gap(after, "accept_rate") < 0.6 * largest_gap(before, "accept_rate")
    assert (answer < 0).tolist() == abstainer.abstain(s[new], group[new]).tolist()
    assert 0 < (answer < 0).mean() < 0.4


def test_the_same_seed_gives_the_same_answers_and_probabilities_are_scores():
    s, y, group = people(300)
    rules = AbstentionRules(DemographicParity(0.05), 0.3)
    one = FairAbstainer(rules, hidden=(8,)).fit(s, y, group).predict(s, group)
    two = FairAbstainer(rules, hidden=(8,)).fit(np.c_[1 - s, s], y, group).predict(np.c_[1 - s, s], group)
    assert (one == two).all()


def test_rates_say_their_denominators():
    rates = group_rates([1, 1, 1, 0], [1, 1, 0, 1], ["ü"] * 4, [1, 0, 0, 0])["ü"]
    assert (rates.true_positive_rate, rates.decided_true_positive_rate) == (1 / 3, 1 / 2)
    assert (rates.accept_rate, rates.decided_accept_rate, rates.abstention_rate) == (2 / 4, 2 / 3, 1 / 4)
    assert rates.true_negative_rate == 0 and rates.decided_error == 2 / 3


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda s, y, g: AbstentionRules(DemographicParity(2.0)), "eps is"),
        (lambda s, y, g: AbstentionRules(DemographicParity(0.1), 1.2), "max_abstention is"),
        (lambda s, y, g: AbstentionRules(DemographicParity(0.1), flip_penalty=-1), "flip_penalty"),
        (lambda s, y, g: solve_abstention_ip(y, y, g * 0, AbstentionRules(DemographicParity(0.1))), "at least two"),
        (
            lambda s, y, g: solve_abstention_ip(y, y, g, AbstentionRules(DemographicParity(0.1), {0: 0.1})),
            "names no group '1'",
        ),
        (lambda s, y, g: FairAbstainer(AbstentionRules(DemographicParity(0.1))).fit(s, y), "groups are missing"),
        (lambda s, y, g: FairAbstainer(AbstentionRules(DemographicParity(0.1))).fit(s + 1, y, g), "outside"),
        (lambda s, y, g: FairAbstainer(AbstentionRules(DemographicParity(0.1))).predict(s, g), "not fitted"),
        (lambda s, y, g: group_rates(y, y, g[:-1]), "rows but"),
    ],
)
def test_wrong_calls_are_one_line(call, says):
    with pytest.raises(BadInput, match=says):
        call(*people(60))
