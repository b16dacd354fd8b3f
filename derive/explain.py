"""Where the transpose comes from: the index form of each kind of rule that a derivation used, once per kind."""

from __future__ import annotations

from dataclasses import dataclass

from derive.adjoint import composition_rule, pull
from derive.expr import Comp, Ein, Map, Over, Var, postorder, var
from derive.printing.express import INDICES, Speller
from derive.printing.notation import Big, Listed, Node, Prod, Rel, Sym
from derive.simplify import factors_of
from derive.system import System

Piece = str | Node


@dataclass(frozen=True)
class Explanation:
    """A sentence made of words and formulas."""

    title: str
    pieces: tuple[Piece, ...]


def explanations(system: System, speller: Speller) -> list[Explanation]:
    """One for each kind of contraction and for the pointwise rule, in the order of the equations."""
    found: dict[tuple, Explanation] = {}
    for equation in system.equations:
        for node in postorder(equation.right):
            if isinstance(node, Ein) and node.factors:
                for k in range(len(node.factors)):
                    kind = (tuple(ls for _, ls in node.factors), node.out, k)
                    if kind not in found and (e := _contraction(node, k, speller)) is not None:
                        found[kind] = e
            elif isinstance(node, Map) and node.shape and ("map",) not in found:
                found["map",] = _pointwise(node, speller)
            elif isinstance(node, Comp) and (node.record,) not in found and len(node.inputs) == 1:
                found[node.record,] = _composition(node, speller)
            elif isinstance(node, Over) and ("over",) not in found and node.kind == "sum":
                found["over",] = Explanation("sum over time", _over(node, speller))
    if any(e.sequential for e in system.equations):
        found["time",] = _through_time(system)
    return list(found.values())


def _contraction(node: Ein, k: int, speller: Speller) -> Explanation | None:
    """a_i = Σ_j W_ij x_j, so x_j reaches every a_i with weight W_ij and collects Σ_i W_ij ā_i, which is Wᵀā."""
    factor, letters = node.factors[k]
    if (
        (not node.shape and not letters)
        or not isinstance(factor, Var)
        or len(node.factors) < 2
        or any(len(ls) > 2 for _, ls in node.factors)
    ):
        return None
    if all(ls == node.out for _, ls in node.factors) and len(node.out) < 1:
        return None
    result = var("a", node.shape)
    names = {i: INDICES[i] for i in range(len(node.dims))}
    left = speller.entry(result, node.out, names)
    body = _products([speller.entry(f, ls, names) for f, ls in node.factors])
    whole = _summed(body, node.summed, names)
    others = [f for m, f in enumerate(node.factors) if m != k]
    weight = _products([speller.entry(f, ls, names) for f, ls in others])
    bar = speller.entry(result.adjoint, node.out, names)
    lost = tuple(i for i in range(len(node.dims)) if i not in letters)
    collected = _summed(_products([weight, bar]), lost, names)
    target = speller.entry(factor.adjoint, letters, names)
    matrix = speller.spell(pull(node, result.adjoint)[k])
    reach = "every" if any(i in node.out for i in lost) else "only"
    pieces: tuple[Piece, ...] = (
        "With ", Rel((speller.spell(result), speller.spell(node)), ("=",)), ": ", Rel((left, whole), ("=",)), ", so ",
        speller.entry(factor, letters, names), f" reaches {reach} ", left, " with weight ", weight, " and ", target, " collects ",
        collected, ", that is ", matrix, ".",
    )  # fmt: skip
    return Explanation("contraction", pieces)


def _products(nodes: list[Node]) -> Node:
    return nodes[0] if len(nodes) == 1 else Prod(tuple(nodes))


def _summed(body: Node, letters: tuple[int, ...], names: dict[int, str]) -> Node:
    return Big("sum", Listed(tuple(Sym(names[i]) for i in letters)), None, body) if letters else body


def _pointwise(node: Map, speller: Speller) -> Explanation:
    rank = len(node.shape)
    u, v = var("u", node.shape), var("v", node.shape)
    names = {i: INDICES[i] for i in range(rank)}
    letters = tuple(range(rank))
    mapped = Map.with_children(node, (u,))
    slope = pull(mapped, v.adjoint)[0]
    assert isinstance(slope, Ein)
    pieces: tuple[Piece, ...] = (
        "Entry by entry: ", Rel((speller.entry(v, letters, names), speller.entry(mapped, letters, names)), ("=",)),
        " depends on ", speller.entry(u, letters, names), " alone, so ",
        Rel((speller.entry(u.adjoint, letters, names), _products([speller.entry(f, ls, names) for f, ls in factors_of(slope)])), ("=",)),
        ", that is ", speller.spell(slope), ": a Jacobian that is diagonal.",
    )  # fmt: skip
    return Explanation("entry by entry", pieces)


def _composition(node: Comp, speller: Speller) -> Explanation:
    (v, plain), (bar, back) = composition_rule(node)
    first, second = Rel((speller.spell(v), speller.spell(plain)), ("=",)), Rel((speller.spell(bar), speller.spell(back)), ("=",))
    return Explanation(node.record.name, (first, " gives ", second, "."))


def _over(node: Over, speller: Speller) -> tuple[Piece, ...]:
    return ("A sum over time passes the adjoint of the sum on to the term of every instant: ", speller.spell(node), ".")


def _through_time(system: System) -> Explanation:
    lagged = next(
        (v for e in system.equations for v in postorder(e.right) if isinstance(v, Var) and v.time and v.time.offset < 0), None
    )
    what = "A quantity at t that the equations use at t and, as the past, at t+1 collects one term from each use"
    return Explanation(
        "through time", (f"{what}; after T nothing uses it, so adjoints beyond T are zero." if lagged else f"{what}.",)
    )


__all__ = ["Explanation", "explanations"]
