"""Straight-line programs: the value, or the value and the gradients, as a list of scalar operations for given sizes and T.

The derived formulas are run once on symbols instead of numbers; equal operations are done once, and what no output
needs is left out. This is what operation counts are about, and what can be printed in any language.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product as index_product
from typing import Any

import numpy as np
import sympy

from derive.expr import ROW, DeriveError, Instant, Letters, MissingRule
from derive.numeric import Evaluator, Point
from derive.ops import Composition, Function
from derive.products import PRODUCTS, Factor, Products, opened_products
from derive.sweep import Sweep
from derive.system import INDEX, System

Slot = int
Operand = Any  # a Wire, or a number


@dataclass(frozen=True)
class Wire:
    """The result of an operation, or an input, by its place."""

    slot: Slot


@dataclass
class Program:
    """Inputs, operations (name, operands) and outputs; operands are wires or numbers."""

    inputs: dict[str, Any] = field(default_factory=dict)
    steps: list[tuple[str, tuple[Operand, ...]]] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    known: dict[tuple, Operand] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Program({self.operations} operations, {', '.join(self.inputs)} to {', '.join(self.outputs)})"

    # -- building -------------------------------------------------------------------------------------------

    def input(self, shape: tuple[int, ...]) -> Any:
        array = np.empty(shape, dtype=object)
        for place in np.ndindex(*shape):
            array[place] = self._emit("input", ())
        return array

    def _emit(self, name: str, operands: tuple[Operand, ...]) -> Wire:
        self.steps.append((name, operands))
        return Wire(len(self.steps) - 1)

    def do(self, name: str, *operands: Operand) -> Operand:
        """The result of an operation, done once for equal operands."""
        ordered = tuple(sorted(operands, key=_order)) if name in ("add", "mul") else operands
        key = (name, *ordered)
        if key not in self.known:
            self.known[key] = self._emit(name, operands)
        return self.known[key]

    def add(self, a: Operand, b: Operand) -> Operand:
        if _is(a, 0):
            return b
        if _is(b, 0):
            return a
        if _numbers(a, b):
            return a + b
        if (inside := self._negated(b)) is not None:
            return self.do("sub", a, inside)
        return self.do("add", a, b)

    def sub(self, a: Operand, b: Operand) -> Operand:
        if _is(b, 0):
            return a
        if _numbers(a, b):
            return a - b
        if _is(a, 1) and (e := self._odds(b)) is not None:
            return self.mul(e, b)
        return self.neg(b) if _is(a, 0) else self.do("sub", a, b)

    def _odds(self, a: Operand) -> Operand | None:
        """e where a is 1/(1 + e): then 1 - a is e·a, which shares more, and doesn't cancel."""
        if isinstance(a, Wire) and self.steps[a.slot][0] == "recip":
            inside = self.steps[a.slot][1][0]
            if isinstance(inside, Wire) and self.steps[inside.slot][0] == "add" and _is(self.steps[inside.slot][1][0], 1):
                return self.steps[inside.slot][1][1]
        return None

    def neg(self, a: Operand) -> Operand:
        inside = self._negated(a)
        return -a if _numbers(a) else inside if inside is not None else self.do("neg", a)

    def mul(self, a: Operand, b: Operand) -> Operand:
        if _is(a, 0) or _is(b, 0):
            return 0
        if _is(a, 1) or _is(b, 1):
            return b if _is(a, 1) else a
        if _is(a, -1) or _is(b, -1):
            return self.neg(b if _is(a, -1) else a)
        if _numbers(a, b):
            return a * b
        for x, y in ((a, b), (b, a)):
            if isinstance(y, Wire) and self.steps[y.slot][0] == "recip":
                return self.do("div", x, *self.steps[y.slot][1])
        return self.do("mul", a, b)

    def _negated(self, a: Operand) -> Operand | None:
        return self.steps[a.slot][1][0] if isinstance(a, Wire) and self.steps[a.slot][0] == "neg" else None

    def shared(self) -> Program:
        """The same outputs with shared products computed once."""
        outputs = {w.slot for array in self.outputs.values() for w in np.ravel(array) if isinstance(w, Wire)}
        coded = [
            (name, tuple(("w", o.slot) if isinstance(o, Wire) else ("n", o) for o in operands)) for name, operands in self.steps
        ]
        needed = self.needed()
        products = Products(opened_products(coded, needed, outputs)).share()
        copy = _Copy(self, products)
        for slot in (s for s in range(len(self.steps)) if self.steps[s][0] == "input"):
            copy.place[slot] = copy.new._emit("input", ())
        for slot in needed:
            copy.step(slot)
        return copy.finish()

    # -- reading --------------------------------------------------------------------------------------------

    def needed(self) -> list[Slot]:
        """The operations that the outputs need, in order, inputs left out."""
        wanted = {w.slot for array in self.outputs.values() for w in np.ravel(array) if isinstance(w, Wire)}
        for slot in reversed(range(len(self.steps))):
            if slot in wanted:
                wanted.update(o.slot for o in self.steps[slot][1] if isinstance(o, Wire))
        return [s for s in sorted(wanted) if self.steps[s][0] != "input"]

    @property
    def operations(self) -> int:
        """Number of scalar operations: every arithmetic operation and every elementary function counts one."""
        return len(self.needed())

    def run(self, values: dict[str, Any]) -> dict[str, Any]:
        """Execute on numbers: input name -> array, output name -> array."""
        slots: dict[Slot, float] = {}
        for name, wires in self.inputs.items():
            for wire, x in zip(np.ravel(wires), np.ravel(np.asarray(values[name], dtype=float)), strict=True):
                slots[wire.slot] = float(x)

        def get(o: Operand) -> float:
            return slots[o.slot] if isinstance(o, Wire) else float(o)

        for slot in self.needed():
            name, operands = self.steps[slot]
            slots[slot] = _RUN[name](*map(get, operands))
        return {name: np.vectorize(get, otypes=[float])(np.asarray(array, dtype=object)) for name, array in self.outputs.items()}

    def lines(self) -> Iterator[str]:
        """The program as text, one operation a line."""
        for slot in self.needed():
            name, operands = self.steps[slot]
            yield f"v{slot} = {name}({', '.join(f'v{o.slot}' if isinstance(o, Wire) else str(o) for o in operands)})"


class _Copy:
    """A program written anew with its products regrouped."""

    def __init__(self, old: Program, products: Products):
        self.old, self.products, self.new = old, products, Program()
        self.place: dict[Slot, Operand] = {}
        self.temporaries: dict[int, Operand] = {}

    def step(self, slot: Slot) -> None:
        name, operands = self.old.steps[slot]
        if slot in self.products.factors:
            self.place[slot] = self._product(self.products.factors[slot])
        elif name not in PRODUCTS:
            self.place[slot] = self.new.do(name, *(self.place[o.slot] if isinstance(o, Wire) else o for o in operands))

    def _product(self, factors: list[Factor]) -> Operand:
        above = [self._operand(f) for f in factors if f[1] > 0]
        below = [self._operand(f) for f in factors if f[1] < 0]
        result = above[0] if above else self.new.do("recip", below.pop(0))
        for x in above[1:]:
            result = self.new.do("mul", result, x)
        for x in below:
            result = self.new.do("div", result, x)
        return result

    def _operand(self, f: Factor) -> Operand:
        (kind, value), _ = f
        if kind == "n":
            return value
        if kind == "w":
            return self.place[value]
        if value not in self.temporaries:
            self.temporaries[value] = self._product(list(self.products.temporaries[value]))
        return self.temporaries[value]

    def finish(self) -> Program:
        def move(array: Any) -> Any:
            moved = np.empty(np.shape(array), dtype=object)
            for place in np.ndindex(*moved.shape):
                o = np.asarray(array, dtype=object)[place]
                moved[place] = self.place[o.slot] if isinstance(o, Wire) else o
            return moved

        self.new.inputs = {k: move(a) for k, a in self.old.inputs.items()}
        self.new.outputs = {k: move(a) for k, a in self.old.outputs.items()}
        return self.new


_RUN: dict[str, Callable[..., float]] = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b, "div": lambda a, b: a / b, "neg": lambda a: -a,
    "recip": lambda a: 1 / a, "exp": math.exp, "log": math.log, "sqrt": math.sqrt, "tanh": math.tanh, "sin": math.sin,
    "cos": math.cos, "erf": math.erf, "abs": abs, "sign": lambda a: float((a > 0) - (a < 0)), "step": lambda a: float(a > 0),
    "relu": lambda a: max(a, 0.0), "pow": lambda a, n: a**n,
}  # fmt: skip


def _order(o: Operand) -> tuple[int, float]:
    return (1, o.slot) if isinstance(o, Wire) else (0, float(o))


def _is(a: Operand, value: float) -> bool:
    return not isinstance(a, Wire) and a == value


def _numbers(*operands: Operand) -> bool:
    return not any(isinstance(o, Wire) for o in operands)


class TraceKernel:
    """The evaluator's arithmetic, recorded into a program."""

    def __init__(self, program: Program):
        self.program = program

    def composition(self, record: Composition) -> None:
        return None

    def weighted_sum(self, terms: Sequence[tuple[float, Any]], shape: tuple[int, ...]) -> Any:
        p, result = self.program, np.zeros(shape, dtype=object)
        for c, a in sorted(terms, key=lambda term: term[0] < 0):  # a sum that starts with a minus costs one more
            array = np.broadcast_to(np.asarray(a, dtype=object), shape)
            for place in np.ndindex(*shape):
                part, old = array[place], result[place]
                result[place] = (
                    p.sub(old, part) if c == -1 else p.add(old, p.mul(c, part)) if c >= 0 else p.sub(old, p.mul(-c, part))
                )
        return result

    def einsum(self, operands: Sequence[tuple[Any, Letters]], out: Letters, sizes: Sequence[int]) -> Any:
        """Factors joined two at a time, those with the smallest result first; a letter is summed as soon as it can be."""
        items = [(np.asarray(a, dtype=object), ls) for a, ls in operands] or [(np.ones((), dtype=object), ())]
        while len(items) > 1:
            pairs = [(j, k) for k in range(len(items)) for j in range(k)]
            j, k = min(pairs, key=lambda pair: self._size(items, pair, out, sizes))
            kept = self._kept(items, (j, k), out)
            joined = self._join(items[j], items[k], kept, sizes)
            items = [*(item for m, item in enumerate(items) if m not in (j, k)), (joined, kept)]
        return self._finish(items[0], out, sizes)

    def _kept(self, items: list, pair: tuple[int, int], out: Letters) -> Letters:
        rest = {i for m, (_, ls) in enumerate(items) if m not in pair for i in ls}.union(out)
        return tuple(i for i in dict.fromkeys(items[pair[0]][1] + items[pair[1]][1]) if i in rest)

    def _size(self, items: list, pair: tuple[int, int], out: Letters, sizes: Sequence[int]) -> int:
        return math.prod(sizes[i] for i in self._kept(items, pair, out))

    def _join(self, a: tuple, b: tuple, kept: Letters, sizes: Sequence[int]) -> Any:
        p = self.program
        summed = tuple(i for i in dict.fromkeys(a[1] + b[1]) if i not in kept)
        result = np.zeros(tuple(sizes[i] for i in kept), dtype=object)
        for place in np.ndindex(*result.shape):
            at = dict(zip(kept, place, strict=True))
            for inner in index_product(*(range(sizes[i]) for i in summed)):
                at.update(zip(summed, inner, strict=True))
                part = p.mul(a[0][tuple(at[i] for i in a[1])], b[0][tuple(at[i] for i in b[1])])
                result[place] = p.add(result[place], part)
        return result

    def _finish(self, item: tuple, out: Letters, sizes: Sequence[int]) -> Any:
        array, letters = item
        distinct = tuple(dict.fromkeys(out))
        summed = tuple(i for i in dict.fromkeys(letters) if i not in distinct)
        result = np.zeros(tuple(sizes[i] for i in out), dtype=object)
        for place in np.ndindex(*(sizes[i] for i in distinct)):
            at = dict(zip(distinct, place, strict=True))
            total: Operand = 0
            for inner in index_product(*(range(sizes[i]) for i in summed)):
                at.update(zip(summed, inner, strict=True))
                total = self.program.add(total, array[tuple(at[i] for i in letters)])
            result[tuple(at[i] for i in out)] = total
        return result

    def pointwise(self, fn: Function, x: Any) -> Any:
        array = np.asarray(x, dtype=object)
        result = np.empty(array.shape, dtype=object)
        for place in np.ndindex(*array.shape):
            result[place] = self._scalar(fn, array[place])
        return result

    def _scalar(self, fn: Function, x: Operand) -> Operand:
        p = self.program
        if fn.name == "sigmoid":
            return p.do("recip", p.add(1, p.do("exp", p.neg(x))))
        if fn.name == "power":
            return self._power(x, fn.parameters[0])
        if fn.name in _RUN:
            return p.do(fn.name, x)
        raise MissingRule(f"no scalar operation for {fn.name}: add it to derive.program")

    def _power(self, x: Operand, n: sympy.Expr) -> Operand:
        p = self.program
        if not (n.is_Integer and 2 <= n <= 8):
            return p.do("pow", x, float(n))
        result = x
        for _ in range(int(n) - 1):
            result = p.mul(result, x)
        return result


def straight_line(
    system: System, sizes: dict[str, int], last: int, sweep: Sweep | None = None, wrt: Sequence[str] | None = None
) -> Program:
    """The program of the loss, and with a sweep also of the gradients of `wrt`, for these sizes and this T."""
    if system.functions:
        raise MissingRule("an open function has no scalar operations: give it a formula")
    program = Program()
    needed = {str(s) for v in system.quantities.values() for d in v.shape for s in d.free_symbols if s is not ROW}
    if missing := sorted(needed - set(sizes)):
        raise DeriveError(f"no size for {', '.join(missing)}: a program needs a number for each of {', '.join(sorted(needed))}")
    dimensions = {s: sizes[str(s)] for v in system.quantities.values() for d in v.shape for s in d.free_symbols if s is not ROW}
    at = Point(system, {}, {k: sympy.Integer(n) for k, n in dimensions.items()}, last)
    for key, v in system.independent.items():
        shape = tuple(map(at.size, v.shape))
        if v.time is not None and v.time.base == INDEX:
            instants = range(system.first, last + 1)
            program.inputs[key] = program.input((len(instants), *shape))
            at.given.update({v.at(Instant("", t)): program.inputs[key][k] for k, t in enumerate(instants)})
        else:
            program.inputs[key] = program.input(shape)
            at.given[v] = program.inputs[key]
    run = Evaluator(at, TraceKernel(program)).forward()
    loss = system.require_loss()
    program.outputs[loss.name] = run.named[loss]
    if sweep is not None:
        run.backward(sweep)
        for key in wrt or list(system.independent):
            program.outputs[key] = run.collect(system.independent[key], bar=True)
    return program.shared()
