"""Operations in the order in which they can be computed, and the walks over them."""

from __future__ import annotations

from typing import Any, NamedTuple

from derive.expr import DeriveError, MissingRule, Shape

LIMIT = 20_000  # nodes that claims may add
NEVER = 10**9


class Budget(DeriveError):
    """A computation that is larger, or takes longer, than it may."""


class Node(NamedTuple):
    """An operation: its kind, the nodes it takes, what else it needs, its (symbolic) shape."""

    kind: str
    inputs: tuple[int, ...]
    data: Any
    shape: Shape


class Leaf(NamedTuple):
    """What a drawn value belongs to: an input, an initial value, a free name, perhaps of an instant."""

    name: str
    instant: int | None
    bar: bool
    shape: Shape


class Nodes:
    """The store of a graph: nodes, those that look beyond the first or the last instant, drawn values, ways."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.outside: set[int] = set()
        self.leaves: dict[Leaf, int] = {}
        self.ways: dict[tuple, tuple[tuple[int, tuple[int, ...]], ...]] = {}
        self.loss: int | None = None
        self.mark = NEVER  # where the network ends and claims begin

    def add(self, node: Node) -> int:
        """The number of a new node. Raises Budget where claims have added too many."""
        if len(self.nodes) - self.mark > LIMIT:
            raise Budget(f"an expansion into more than {LIMIT} operations")
        self.nodes.append(node)
        here = len(self.nodes) - 1
        if node.kind != "name" and not self.outside.isdisjoint(node.inputs):
            self.outside.add(here)
        return here

    def leaf(self, name: str, instant: int | None, shape: Shape, bar: bool = False) -> int:
        """The node of a drawn value."""
        leaf = Leaf(name, instant, bar, shape)
        if leaf not in self.leaves:
            self.leaves[leaf] = self.add(Node("leaf", (), leaf, shape))
        return self.leaves[leaf]

    @property
    def claims(self) -> int:
        """How many nodes belong to claims."""
        return len(self.nodes) - self.mark

    def trim(self) -> None:
        """Take the claims off again."""
        mark = self.mark
        del self.nodes[mark:]
        self.leaves = {leaf: i for leaf, i in self.leaves.items() if i < mark}
        self.outside = {i for i in self.outside if i < mark}
        self.ways.clear()

    def below(self, *roots: int) -> list[int]:
        """Every node that these depend on; an adjoint depends on all that the loss does."""
        reached: set[int] = set()
        stack = list(roots)
        while stack:
            i = stack.pop()
            if i in reached:
                continue
            reached.add(i)
            stack.extend(self.nodes[i].inputs)
            if self.nodes[i].kind == "bar" and self.loss is not None:
                stack.append(self.loss)
            if self.nodes[i].kind == "jac":
                stack.append(self.nodes[i].data[0])
        return sorted(reached)

    def way(self, root: int, below: frozenset[int] | None, direct: bool) -> tuple[tuple[int, tuple[int, ...]], ...]:
        """The nodes between root and below (None: everything), latest first, each with the inputs that lead there."""
        key = (root, below, direct)
        if key not in self.ways:
            self.ways[key] = self._way(root, below, direct)
        return self.ways[key]

    def _way(self, root: int, below: frozenset[int] | None, direct: bool) -> tuple[tuple[int, tuple[int, ...]], ...]:
        leads: dict[int, tuple[int, ...]] = {}
        for i in sorted(self._reached(root, below, direct)):
            inputs = self.nodes[i].inputs
            if below is None:
                leads[i] = inputs
            elif i in below:
                leads[i] = ()
            elif not (direct and self.nodes[i].kind == "name") and (inner := tuple(j for j in inputs if j in leads)):
                leads[i] = inner
        return tuple((i, leads[i]) for i in sorted(leads, reverse=True))

    def _reached(self, root: int, below: frozenset[int] | None, direct: bool) -> set[int]:
        """From root as far as `below`; direct: not into other equations. Raises MissingRule at a second derivative."""
        reached: set[int] = set()
        stack = [root]
        while stack:
            i = stack.pop()
            if i in reached:
                continue
            reached.add(i)
            kind = self.nodes[i].kind
            if below is not None and i in below:
                continue
            if kind == "jac" or (kind == "bar" and not direct):
                raise MissingRule("the derivative of an adjoint or of a Jacobian has no rule in the judge")
            if not (direct and kind == "name"):
                stack.extend(self.nodes[i].inputs)
        return reached
