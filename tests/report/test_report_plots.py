"""The pictures hold what their tables hold."""

from __future__ import annotations

import re

from labelwright.report.plots import cell_percent, feature_map, heat_map, interval, shape


def test_every_class_of_the_map_has_a_shape_of_its_own():
    outlines = {re.sub(r"[\d.-]+", "#", shape(k, 10, 10, 3)) + shape(k, 10, 10, 3) for k in range(9)}
    assert len(outlines) == 9


def test_a_heat_map_writes_its_number_into_every_cell():
    svg = heat_map({"classes": ["a", "b"], "matrix": [[0.75, 0.25], [0.004, 0.996]]})
    assert re.findall(r'text-anchor="middle">([\d.]+)</text></g>', svg) == ["75", "25", "0.4", "100"]


def test_names_in_a_heat_map_are_escaped_and_cut():
    svg = heat_map({"classes": ["<b>", "n" * 90], "matrix": [[1, 0], [0, 1]]})
    assert "<b>" not in svg
    assert "&lt;b&gt;" in svg
    assert "n" * 18 not in svg


def test_a_map_draws_one_path_a_class_and_one_ring_a_suspect():
    svg = feature_map({"points": [[0.1, 0.1, 0, 0, 0], [0.5, 0.5, 1, 1, 1], [0.9, 0.2, 1, 1, 2]]})
    assert len(re.findall(r'<path class="k ', svg)) == 2
    assert re.search(r'class="ring" d="([^"]*)"', svg)[1].count("M") == 2


def test_shares_are_written_short():
    assert [cell_percent(x) for x in (0, 0.0004, 0.004, 0.0995, 0.5, 1)] == ["0", "0", "0.4", "10", "50", "100"]


def test_the_scale_of_an_interval_holds_its_upper_end():
    for low, estimate, high in [(0, 0, 0), (0.01, 0.02, 0.05), (0.5, 0.7, 0.9), (0, 0.5, 1)]:
        ends = [float(x) for x in re.findall(r'x="([\d.]+)" y="12" width="([\d.]+)"', interval(low, estimate, high))[0]]
        assert 20 <= ends[0] <= sum(ends) <= 582
