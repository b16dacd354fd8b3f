"""Quantities made of the words around a word: the mean of a window, and a loss that is the network's own with that mean in an input's place."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from derive.check import given
from derive.check.assumptions import Case
from derive.expr import DeriveError, Expr, Var, rebuild, var
from derive.reader import windows
from derive.reader.scope import Scope
from derive.system import Equation

if TYPE_CHECKING:
    from derive.check.checker import Checker


def computed(scope: Scope, name: str, expr: Expr) -> Expr:
    """A vector that is made of the words around as a quantity that the network computes, so that derivatives by it have a meaning."""
    system = scope.system
    around = [v for v in expr.atoms(Var) if v in scope.families.values()]
    if system is None or system.sequential or not around or not expr.shape or isinstance(expr, Var) or name in system.quantities:
        return expr
    left = var(name, expr.shape)
    declared = dict.fromkeys([*system.declared, *around])
    scope.system = replace(system, declared=tuple(declared), equations=(*system.equations, Equation(left, expr, name)))
    return left


def same_loss(checker: Checker, expr: Expr) -> None:
    """A loss that is the network's own, with a quantity of the words around for one of its inputs: from here on this is a special case.

    So ŷ stands for the prediction from the mean of a window where the document goes on with ŷ as it was.
    """
    scope = checker.part.scope
    system = scope.system
    if system is None or system.loss is None or expr.shape:
        return
    for mean in [v for v in expr.atoms(Var) if windows.around(scope, v)]:
        for name in [v for v in system.declared if v.shape == mean.shape and v not in scope.families.values()]:
            case = Case(f"{name} is {mean}", name, mean, len(checker.lines))
            if name not in expr.atoms(Var) and _equal(checker, rebuild(expr, _putter(mean, name)), system.loss):
                checker.special[id(system), case.text] = replace(
                    system,
                    declared=tuple(v for v in system.declared if v is not name),
                    equations=(Equation(name, mean, case.text), *system.equations),
                )
                checker.part.cases.insert(0, case)
                return


def _putter(old: Expr, new: Expr):  # type: ignore[no-untyped-def]
    return lambda n: new if n is old else n


def _equal(checker: Checker, left: Expr, right: Expr) -> bool:
    try:
        return given.equal(checker, left, right)
    except DeriveError:
        return False
