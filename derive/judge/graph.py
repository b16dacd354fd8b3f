"""Claims and networks as one graph of operations with every instant a number: what is computed, not with what numbers.

A node is an operation on earlier nodes. A quantity that an equation defines is a node of its own (kind "name") over its right
side; a static quantity used at an instant goes through a node of that instant (kind "use"), so that the part which one step
contributes to its adjoint exists. Claims are added behind the network's nodes and taken off again when there are many.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from derive.expr import (
    Block,
    Comp,
    Ein,
    Expr,
    Jac,
    Lin,
    Map,
    MissingRule,
    Opaque,
    Over,
    Square,
    Stack,
    Unit,
    Var,
    postorder,
)
from derive.judge.functions import needs_positive
from derive.judge.nodes import LIMIT, Budget, Leaf, Node, Nodes
from derive.system import INDEX, LAST, Equation, System

CLAIM = -(10**9)  # the context of a claim: there, a static quantity is itself and not its use at an instant
UNROLLED = 50_000  # nodes of a network, about
MANY = 5  # axes of a contraction that isn't made by itself
LONG = 40  # factors of one

Times = Mapping[str, int]


class Task(NamedTuple):
    expr: Expr
    times: dict[str, int]
    context: int | None


class Graph(Nodes):
    """The network unrolled to `last`, and claims. `node(e, times)` is the number of the node whose value e is."""

    def __init__(self, system: System | None, last: int):
        super().__init__()
        self.system, self.last = system, last
        self.named: dict[tuple[str, int | None], int] = {}
        self.terms: dict[tuple[str, int], int] = {}  # of a static sum over time: its term of one instant
        self.uses: dict[tuple[str, int], int] = {}
        self.ids: dict[tuple, int] = {}
        self.spread: dict[tuple, list[int]] = {}  # an expression at given instants, in whatever context
        self.positive: set[Leaf] = set()  # inputs whose logarithm or root the network takes
        self.bases: dict[Expr, tuple[str, ...]] = {}
        self.known: dict[str, Var] = dict(system.quantities) if system else {}
        if system is not None:
            nodes = 5 + sum(1 for e in system.equations for _ in postorder(e.right))
            if nodes * (last - system.first + 1) > UNROLLED:
                raise Budget(f"too many steps: {LAST} = {last}")
            self._unroll(system)
        self.mark = len(self.nodes)

    # -- the network ----------------------------------------------------------------------------------------

    def _unroll(self, system: System) -> None:
        span = range(system.first, self.last + 1)
        for v in (*system.declared, *system.initial):
            for instant in span if v.time is not None and v.time.base else [v.time.offset if v.time else None]:
                self.named[v.name, instant] = self.leaf(v.name, instant, v.shape)
        for stage in system.stages:
            for equation in (e for e in stage if not e.sequential):
                self._define(equation, None)
            sequences = [e for e in stage if e.sequential]
            for instant in span if sequences else ():
                for equation in sequences:
                    self._define(equation, instant)
        self.loss = self.named[system.loss.name, None] if system.loss is not None else self._outputs(system)

    def _define(self, equation: Equation, instant: int | None) -> None:
        times = {LAST: self.last} if instant is None else {LAST: self.last, INDEX: instant}
        right = self.node(equation.right, times, instant)
        self.named[equation.name, instant] = self.add(Node("name", (right,), (equation.name, instant), equation.left.shape))
        if instant is None and isinstance(equation.right, Over) and equation.right.kind == "sum":
            lo, hi = equation.right.lo.at(times), equation.right.hi.at(times)
            self.terms.update({(equation.name, k): i for k, i in zip(range(lo, hi + 1), self.nodes[right].inputs, strict=True)})

    def _outputs(self, system: System) -> int:
        """A linear function with free coefficients of what no other equation uses: it stands for the loss there isn't."""
        used = {v.name for e in system.equations for v in system.defined_in(e) if v.name != e.name}
        ends = {e.name for e in system.equations} - used or {e.name for e in system.equations}
        parts = []
        for (name, instant), i in list(self.named.items()):
            if name in ends and self.nodes[i].kind == "name":
                shape = self.nodes[i].shape
                letters = tuple(range(len(shape)))
                weight = self.leaf(f"_{name}", instant, shape, True)
                parts.append(self.add(Node("ein", (weight, i), ((letters, letters), (), shape), ())))
        return self.add(Node("sum", tuple(parts), None, ()))

    # -- nodes ----------------------------------------------------------------------------------------------

    def trim(self) -> None:
        super().trim()
        mark = self.mark
        self.ids = {key: i for key, i in self.ids.items() if i < mark}
        self.uses = {key: i for key, i in self.uses.items() if i < mark}
        self.spread = {k: kept for k, ids in self.spread.items() if (kept := [i for i in ids if i < mark])}
        self.bases.clear()

    def node(self, e: Expr, times: Times, context: int | None = CLAIM) -> int:
        """The node of e with these numbers for its time indices."""
        times = {**times, LAST: self.last}
        stack = [Task(e, times, context)]
        while stack:
            task = stack[-1]
            key = self._key(task)
            if key in self.ids:
                stack.pop()
                continue
            parts = self._parts(task)
            missing = [p for p in parts if self._key(p) not in self.ids]
            if missing:
                stack.extend(reversed(missing))
                if len(stack) > LIMIT:
                    raise Budget(f"an expansion into more than {LIMIT} operations")
                continue
            here = self._build(task, tuple(self.ids[self._key(p)] for p in parts))
            self.ids[key] = here
            self.spread.setdefault((key[0], key[2]), []).append(here)
            stack.pop()
        return self.ids[self._key(Task(e, times, context))]

    def _key(self, task: Task) -> tuple:
        bases = self.bases.get(task.expr) or self.free_bases(task.expr)
        try:
            return (task.expr, task.context, tuple([task.times[b] for b in bases]))
        except KeyError as missing:
            raise MissingRule(f"no number for the instant {missing}") from None

    def free_bases(self, e: Expr) -> tuple[str, ...]:
        """The time indices that e's value depends on, for e and everything in it."""
        if e in self.bases:
            return self.bases[e]
        stack = [e]
        while stack:
            node = stack[-1]
            below = [node.top, node.below] if isinstance(node, Jac) else node.children()
            missing = [c for c in below if c not in self.bases]
            if missing:
                stack.extend(missing)
                continue
            found = {b for c in below for b in self.bases[c]}
            if isinstance(node, Var | Opaque) and node.time is not None:
                found.add(node.time.base)
            if isinstance(node, Over):
                found = (found - {node.index}) | {node.lo.base, node.hi.base}
            self.bases[node] = tuple(sorted(found - {""}))
            stack.pop()
        return self.bases[e]

    def _parts(self, task: Task) -> list[Task]:
        """What must be there first."""
        e, times, context = task
        match e:
            case Var():
                return []
            case Over():
                if e.hi.at(times) - e.lo.at(times) > LIMIT:
                    raise Budget(f"a sum over more than {LIMIT} instants")
                span = range(e.lo.at(times), e.hi.at(times) + 1)
                return [Task(e.body, {**times, e.index: k}, k if context is None else context) for k in span]
            case Comp():
                return [Task(e.body, times, context)]
            case Jac():
                return [Task(e.top, times, context)] + ([Task(e.below, times, context)] if not isinstance(e.below, Var) else [])
            case _:
                return [Task(c, times, context) for c in e.children()]

    def _build(self, task: Task, parts: tuple[int, ...]) -> int:
        e, times, context = task
        match e:
            case Var():
                return self._variable(e, times, context)
            case Comp():
                return parts[0]
            case Lin():
                return self.add(Node("lin", parts, tuple(c for c, _ in e.terms), e.shape))
            case Ein():
                return self._ein(e, parts)
            case Map():
                if context != CLAIM and self.nodes[parts[0]].kind in ("leaf", "use") and needs_positive(e.fn):
                    self.positive.update(
                        n.data
                        for n in (self.nodes[parts[0]], *map(self.nodes.__getitem__, self.nodes[parts[0]].inputs))
                        if n.kind == "leaf"
                    )
                return self.add(Node("map", parts, (e.fn, e.order), e.shape))
            case Opaque():
                return self._opaque(e, times, parts)
            case Over():
                return self._over(e, times, context, parts)
            case Stack():
                return self.add(Node("stack", parts, None, e.shape))
            case Unit():
                return self.add(Node("unit", (), e.place, e.shape))
            case Block():
                return self.add(Node("block", (), e.before, e.shape))
            case Square():
                return self.add(Node("square", parts, e.fn, e.shape))
            case Jac():
                return self._jacobian(e, times, context, parts[0])
        raise MissingRule(f"the judge has no rule for {type(e).__name__}")

    def _ein(self, e: Ein, parts: tuple[int, ...]) -> int:
        """A contraction. Factors with many axes that are contractions themselves are put in, so that no such array is made."""
        inputs, letters, dims = list(parts), [ls for _, ls in e.factors], list(e.dims)
        same = list(range(len(dims)))  # letters that an inner diagonal makes one
        k = 0
        while k < len(inputs):
            node = self.nodes[inputs[k]]
            inner, out, sizes = node.data if node.kind == "ein" else ((), (), ())
            if len(out) < MANY or len(letters) > LONG or not set(out) <= {i for ls in inner for i in ls}:
                k += 1
                continue
            name: dict[int, int] = {}
            for i, outer in zip(out, letters[k], strict=True):
                first = same[name.setdefault(i, same[outer])]
                same = [first if s == same[outer] else s for s in same]
            for i in range(len(sizes)):
                if i not in name:
                    name[i] = len(dims)
                    same.append(len(dims))
                    dims.append(sizes[i])
            inputs[k : k + 1] = node.inputs
            letters[k : k + 1] = [tuple(name[i] for i in ls) for ls in inner]
        written = tuple(tuple(same[i] for i in ls) for ls in letters)
        return self.add(Node("ein", tuple(inputs), (written, tuple(same[i] for i in e.out), tuple(dims)), e.shape))

    def _opaque(self, e: Opaque, times: Times, parts: tuple[int, ...]) -> int:
        instant = e.time.at(dict(times)) if e.time is not None else None
        here = self.add(Node("opaque", parts, (e.name, instant, e.order), e.shape))
        if instant is not None and self.system is not None and not self.system.first <= instant <= self.last:
            self.outside.add(here)
        return here

    def _over(self, e: Over, times: Times, context: int | None, parts: tuple[int, ...]) -> int:
        if e.kind == "sum":
            if context is None:  # the terms of a static sum are nodes, so that they have adjoints
                parts = tuple(self.add(Node("term", (p,), None, e.shape)) for p in parts)
            here = self.add(Node("sum", parts, None, e.shape))
        else:
            here = self._product(e, parts)
        if e.hi.at(dict(times)) < e.lo.at(dict(times)) - 1:
            self.outside.add(here)
        return here

    def _product(self, e: Over, parts: tuple[int, ...]) -> int:
        if not parts:
            identity = ((), (0, 0), (e.shape[0],)) if e.shape else ((), (), ())
            return self.add(Node("ein", (), identity, e.shape))
        here = parts[0]
        for part in parts[1:]:
            data = (((0, 1), (1, 2)), (0, 2), (e.shape[0],) * 3) if e.shape else (((), ()), (), ())
            here = self.add(Node("ein", (part, here), data, e.shape))
        return here

    # -- quantities -----------------------------------------------------------------------------------------

    def _variable(self, v: Var, times: Times, context: int | None) -> int:
        instant = v.time.at(dict(times)) if v.time is not None else None
        if v.name not in self.known:
            return self.leaf(v.name, instant, v.shape, v.bar)
        declared = self.known[v.name]
        if declared.shape != v.shape:
            raise MissingRule(f"{v.name} has another shape in the network")
        if declared.time is not None and instant is None:
            raise MissingRule(f"{v.name} is a sequence: at which instant?")
        if v.bar:
            return self._adjoint(v, instant, declared)
        if declared.time is None:
            return self._static(v, instant, context)
        if (v.name, instant) in self.named:
            return self.named[v.name, instant]
        here = self.leaf(v.name, instant, v.shape)
        self.outside.add(here)
        return here

    def _static(self, v: Var, instant: int | None, context: int | None) -> int:
        if instant is not None and (v.name, instant) in self.terms:
            return self.terms[v.name, instant]
        here = self.named[v.name, None]
        if context is None or context == CLAIM:
            return here
        if (v.name, context) not in self.uses:
            self.uses[v.name, context] = self.add(Node("use", (here,), None, v.shape))
        return self.uses[v.name, context]

    def _adjoint(self, v: Var, instant: int | None, declared: Var) -> int:
        """The adjoint of a quantity at an instant, or what an instant contributes to that of a static one."""
        if declared.time is None and instant is not None:
            target = self.uses.get((v.name, instant), self.terms.get((v.name, instant)))
        else:
            target = self.named.get((v.name, instant))
        here = self.add(Node("bar", (), target, v.shape))
        if instant is not None and target is None:
            self.outside.add(here)
        return here

    def _jacobian(self, e: Jac, times: Times, context: int | None, top: int) -> int:
        below = self._places(e.below, times, context)
        root = top
        if e.direct and self.nodes[top].kind in ("name", "term") and top not in below:
            root = self.nodes[top].inputs[0]
        if not isinstance(e.below, Var) and not self.way(root, frozenset(below), e.direct):
            raise MissingRule(f"{e.below} does not occur as it stands in {e.top}")
        here = self.add(Node("jac", (), (root, frozenset(below), e.direct), e.shape))
        late = isinstance(e.top, Var) and isinstance(e.below, Var) and e.top.time and e.below.time
        if late and e.top.time.at(dict(times)) < e.below.time.at(dict(times)):
            self.outside.add(here)
        if top in self.outside or not self.outside.isdisjoint(below):
            self.outside.add(here)
        return here

    def _places(self, below: Expr, times: Times, context: int | None) -> list[int]:
        """The nodes that a derivative with respect to `below` is taken of."""
        if not isinstance(below, Var):
            key = self._key(Task(below, dict(times), context))
            return self.spread[key[0], key[2]]
        instant = below.time.at(dict(times)) if below.time is not None else None
        if instant is not None and (below.name, instant) in self.uses:
            return [self.uses[below.name, instant]]
        return [self._variable(below, times, context)]
