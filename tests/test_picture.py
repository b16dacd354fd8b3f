"""The graph's layout: columns follow the computation, nothing stands on anything else, large graphs are not drawn."""

from __future__ import annotations

import pytest

import derive
from derive.picture import picture, svg, tikz
from derive.printing import Style


@pytest.mark.parametrize("name", derive.gallery())
def test_layout(name):
    drawn = picture(derive.load(name).system)
    places = [(s.column, s.row) for s in drawn.spots.values()]
    assert len(set(places)) == len(places)
    assert all(drawn.spots[a].column < drawn.spots[b].column for a, b in drawn.edges)


@pytest.mark.parametrize("name", derive.gallery())
def test_both_drawings_have_every_node_and_edge(name):
    drawn = picture(derive.load(name).system)
    t, s = tikz(drawn, Style()), svg(drawn, Style())
    assert t.count(r"\draw[->]") == s.count('class="edge"') == len(drawn.edges)
    assert s.count("<circle") == len(drawn.spots)


def test_a_large_graph_is_no_picture():
    lines = ["    h0 = x"] + [f"    h{k} = tanh(h{k - 1})" for k in range(1, 60)]
    net = derive.network("def net(x: Scalar):\n" + "\n".join(lines) + "\n    return h59")
    assert picture(net.system) is None
