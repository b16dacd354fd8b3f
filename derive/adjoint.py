"""Differentiation of one expression: a pull rule and a Jacobian rule for each node kind.

`pulls(e, cot)` is reverse mode inside one equation: what each named quantity in e collects when e's adjoint is cot.
`local_jacobian(e, v)` is forward mode: the tensor of the shape of e, then that of v.
Both raise MissingRule for a kind they don't know.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from derive.expr import (
    Block,
    Comp,
    Ein,
    Expr,
    Instant,
    Jac,
    Letters,
    Lin,
    Map,
    MissingRule,
    Opaque,
    Over,
    Square,
    Stack,
    Unit,
    Var,
    apply,
    ein,
    inverse,
    is_zero,
    jac,
    lin,
    ones,
    opaque,
    over,
    postorder,
    rebuild,
    transpose,
    unit,
    var,
    zeros,
)
from derive.ops import Function

Binder = tuple[str, Instant, Instant]


@dataclass(frozen=True)
class Pull:
    """What one occurrence collects: `value`, of the shape of `leaf`, for every instant of `binder` (a sum over time)."""

    leaf: Var
    value: Expr
    binder: Binder | None = None


def pulls(e: Expr, cot: Expr) -> list[Pull]:
    """One entry for each quantity that occurs in e, in order of appearance; sums over time are entered, and bind."""
    collected: dict[Expr, list[Expr]] = {e: [cot]}
    found: list[Pull] = []
    for node in reversed(list(postorder_outside(e))):
        parts = collected.pop(node, [])
        total = lin([(1, p) for p in reversed(parts)], node.shape)
        if not parts or is_zero(total):
            continue
        if isinstance(node, Var):
            found.append(Pull(node, total))
        elif isinstance(node, Over):
            found.extend(_through_sum(node, total))
        else:
            for child, value in zip(node.children(), pull(node, total), strict=True):
                collected.setdefault(child, []).append(value)
    place = {v: k for k, v in enumerate(postorder(e))}
    return sorted(found, key=lambda p: place[p.leaf])


def postorder_outside(e: Expr) -> list[Expr]:
    """Post-order that stops at sums over time."""
    inside: set[Expr] = set()
    for node in postorder(e):
        if isinstance(node, Over):
            inside.update(postorder(node.body))
    if not inside:
        return list(postorder(e))
    reached: set[Expr] = set()
    stack = [e]
    while stack:
        node = stack.pop()
        if node not in reached:
            reached.add(node)
            stack.extend(() if isinstance(node, Over) else node.children())
    return [n for n in postorder(e) if n in reached]


def _through_sum(node: Over, cot: Expr) -> list[Pull]:
    if node.kind != "sum":
        raise MissingRule("a product over time has no pull rule: write the recurrence as an equation")
    binder = (node.index, node.lo, node.hi)
    inner = pulls(node.body, cot)
    if any(p.binder for p in inner):
        raise MissingRule("a sum over time inside a sum over time: give the inner one an equation of its own")
    return [Pull(p.leaf, p.value, binder) for p in inner]


def pull(node: Expr, cot: Expr) -> tuple[Expr, ...]:
    """The adjoint that each child of `node` collects from `node`, whose own adjoint is `cot`."""
    match node:
        case Lin():
            return tuple(lin([(c, cot)], cot.shape) for c, _ in node.terms)
        case Ein():
            return tuple(_pull_factor(node, k, cot) for k in range(len(node.factors)))
        case Map():
            return (cot * apply(node.fn, node.arg, node.order + 1),)
        case Comp():
            return node.record.pull(node, node.inputs, cot) if node.record.pull else _pull_body(node, cot)
        case Opaque():
            return (cot * opaque(node.name, node.time, node.arg, node.order + 1),)
        case Stack():
            return tuple(ein([(cot, letters), *units], ()) for letters, units in map(_place(node), range(len(node.kids))))
        case Unit() | Block():
            return ()
        case Square(fn="inverse"):
            return (-(transpose(node) @ cot @ transpose(node)),)
        case Square(fn="det"):
            return (cot * node * transpose(inverse(node.arg)),)
    raise MissingRule(f"no pull rule for {type(node).__name__}: a new kind of node needs a case in adjoint.pull")


def _place(node: Stack) -> Callable[[int], tuple[Letters, list[tuple[Expr, Letters]]]]:
    """For the k-th entry of an array: its letters, and the unit vectors that pick it out."""
    letters = tuple(range(len(node.shape)))

    def units(k: int) -> tuple[Letters, list[tuple[Expr, Letters]]]:
        places = np.unravel_index(k, tuple(map(int, node.shape)))
        return letters, [(unit(n, int(p) + 1), (i,)) for i, (n, p) in enumerate(zip(node.shape, places, strict=True))]

    return units


def _pull_factor(node: Ein, k: int, cot: Expr) -> Expr:
    """Swap the output's letters with those of the k-th factor: every contraction's rule at once."""
    _, letters = node.factors[k]
    others = [f for m, f in enumerate(node.factors) if m != k]
    sizes = dict(enumerate(node.dims))
    factors: list[tuple[Expr, Letters]] = [(cot, node.out), *others]
    return ein(factors, letters, sizes)


def _pull_body(node: Comp, cot: Expr) -> tuple[Expr, ...]:
    """Through the body: inputs are replaced by variables, because one may stand inside another."""
    stand_ins = [var(f"_{k}", e.shape) for k, e in enumerate(node.inputs)]
    seed = var("_cot", node.shape)
    back = {seed: cot, **dict(zip(stand_ins, node.inputs, strict=True))}
    found = {p.leaf: p.value for p in pulls(node.record.body(*stand_ins), seed)}
    return tuple(rebuild(found[s], lambda n: back.get(n, n)) if s in found else zeros(s.shape) for s in stand_ins)


def composition_rule(node: Comp) -> tuple[tuple[Expr, Expr], ...]:
    """A composition's rule in letters of its own: v = softmax(u), and what the adjoint of u is from that of v."""
    u, v = var("u", node.inputs[0].shape), var("v", node.shape)
    plain = node.with_children((u,))
    back = pull(plain, v.adjoint)[0]
    return (v, plain), (u.adjoint, rebuild(back, lambda n: v if n is plain else n))


def derivative(fn: Function, order: int, x: Expr) -> Expr:
    """The `order`-th derivative of a table function at x, by its formula: order 1 is the record's own."""
    if order == 0:
        return fn(x)
    if order == 1:
        return fn.derivative(x, fn(x))
    z = var("_z", x.shape)
    lower = derivative(fn, order - 1, z)
    cot = var("_cot", x.shape)
    slope = next((p.value for p in pulls(lower, cot) if p.leaf is z), zeros(x.shape))
    return rebuild(slope, lambda n: ones(n.shape) if n is cot else x if n is z else n)


# -- Jacobians ----------------------------------------------------------------------------------------------------


def local_jacobian(e: Expr, v: Var) -> Expr:
    """∂e/∂v with every other quantity held: shape of e, then shape of v. Zeros where v does not occur."""
    return jacobians(e, [v])[v]


def jacobians(e: Expr, leaves: list[Var]) -> dict[Var, Expr]:
    """The local Jacobians with respect to several quantities."""
    return {v: _push(e, v) for v in leaves}


def _push(e: Expr, v: Var) -> Expr:
    """Forward mode for one quantity: each node's Jacobian from its children's."""
    memo: dict[Expr, Expr] = {}
    for node in postorder(e):
        memo[node] = _push_node(node, v, memo)
    return memo[e]


def _push_node(node: Expr, v: Var, memo: dict[Expr, Expr]) -> Expr:
    shape = node.shape + v.shape
    tail = tuple(range(100, 100 + len(v.shape)))
    if isinstance(node, Over) and v.time is not None and any(leaf.name == v.name for leaf in node.body.atoms(Var)):
        raise MissingRule(
            f"the Jacobian of a sum over time with respect to {v}: take that of one of its terms, or write the sum out"
        )
    if isinstance(node, Jac):
        raise MissingRule(f"the Jacobian of a Jacobian, {node}, has no rule: put its value in first")
    if node is v:
        letters = tuple(range(len(v.shape)))
        return ein([], letters + letters, dict(enumerate(v.shape)))
    if all(is_zero(memo[c]) for c in node.children()):
        return zeros(shape)
    match node:
        case Lin():
            return lin([(c, memo[child]) for c, child in node.terms], shape)
        case Ein():
            parts = []
            for k, (child, letters) in enumerate(node.factors):
                swapped = [(memo[child], letters + tail) if m == k else f for m, f in enumerate(node.factors)]
                sizes = {**dict(enumerate(node.dims)), **dict(zip(tail, v.shape, strict=True))}
                parts.append((1, ein(swapped, node.out + tail, sizes)))
            return lin(parts, shape)
        case Map():
            letters = tuple(range(len(node.shape)))
            slope = apply(node.fn, node.arg, node.order + 1)
            return ein([(slope, letters), (memo[node.arg], letters + tail)], letters + tail)
        case Comp():
            return _push_composition(node, v, memo)
        case Opaque() if node.order == 0:
            letters = tuple(range(len(node.arg.shape)))
            slope = opaque(node.name, node.time, node.arg, 1)
            return ein([(slope, letters), (memo[node.arg], letters + tail)], tail)
        case Stack():
            picked = zip(node.kids, map(_place(node), range(len(node.kids))), strict=True)
            return lin([(1, ein([(memo[c], tail), *units], letters + tail)) for c, (letters, units) in picked], shape)
        case Square(fn="inverse"):
            return lin([(-1, ein([(node, (0, 1)), (memo[node.arg], (1, 2, *tail)), (node, (2, 3))], (0, 3, *tail)))], shape)
        case Square(fn="det"):
            return ein([(node, ()), (inverse(node.arg), (1, 0)), (memo[node.arg], (0, 1, *tail))], tail)
        case Over() if node.kind == "sum":
            return over("sum", memo[node.body], node.index, node.lo, node.hi)
    raise MissingRule(f"no Jacobian rule for {type(node).__name__}: it needs a case in adjoint._push_node")


def _push_composition(node: Comp, v: Var, memo: dict[Expr, Expr]) -> Expr:
    """Chain rule through the body, one input at a time."""
    stand_ins = [var(f"_{k}", e.shape) for k, e in enumerate(node.inputs)]
    back = dict(zip(stand_ins, node.inputs, strict=True))
    body = node.record.body(*stand_ins)
    rank, tail = len(node.shape), tuple(range(100, 100 + len(v.shape)))
    parts = []
    for stand_in, given in back.items():
        inner = tuple(range(50, 50 + len(given.shape)))
        outside = rebuild(local_jacobian(body, stand_in), lambda n: back.get(n, n))
        out = tuple(range(rank))
        parts.append((1, ein([(outside, out + inner), (memo[given], inner + tail)], out + tail)))
    return lin(parts, node.shape + v.shape)


def chain_term(cot: Expr, top: Expr, below: Var) -> Expr:
    """What `below` collects from `top`, with the Jacobian still a symbol: (∂top/∂below)ᵀ cot."""
    rows_ = tuple(range(len(top.shape)))
    columns_ = tuple(range(len(rows_), len(rows_) + len(below.shape)))
    symbol: Jac = jac(top, below)
    return ein([(cot, rows_), (symbol, rows_ + columns_)], columns_)
