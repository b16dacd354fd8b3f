"""A scalar Python definition to notation, for the languages that latexify doesn't write."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

from derive.ops import POINTWISE
from derive.printing.names import letter
from derive.printing.notation import Call, Cases, Frac, Node, Num, Power, Rel, Root, Sum, Sym, Word, product

_COMPARISONS: dict[type, str] = {ast.Gt: ">", ast.Lt: "<", ast.GtE: "≥", ast.LtE: "≤"}


def definition(function: Callable[..., Any]) -> Node:
    """f(x) = … of a function that is one return statement."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(tree, ast.FunctionDef)
    returned = tree.body[-1]
    assert isinstance(returned, ast.Return) and returned.value is not None
    name, parameters = tree.name, [letter(a.arg) for a in tree.args.args]
    left = Call(_function(name), tuple(parameters[:1]))
    return Rel((left, _spell(returned.value)), ("=",))


def _spell(node: ast.expr) -> Node:
    match node:
        case ast.Constant(value=value):
            return Num(str(value))
        case ast.Name(id=name):
            return letter(name)
        case ast.UnaryOp(operand=inside):
            return Sum(((-1, _spell(inside)),))
        case ast.BinOp(left=a, op=ast.Add() | ast.Sub() as op, right=b):
            first = _spell(a)
            head = first.terms if isinstance(first, Sum) else ((1, first),)
            return Sum((*head, (1 if isinstance(op, ast.Add) else -1, _spell(b))))
        case ast.BinOp(left=a, op=ast.Mult(), right=b):
            return product([_spell(a), _spell(b)])
        case ast.BinOp(left=a, op=ast.Div(), right=b):
            return Frac(_spell(a), _spell(b))
        case ast.BinOp(left=a, op=ast.Pow(), right=b):
            return Power(_spell(a), _spell(b))
        case ast.Call(func=ast.Name(id="sqrt"), args=[a]):
            return Root(_spell(a))
        case ast.Call(func=ast.Name(id="exp"), args=[a]):
            return Power(Sym("e"), _spell(a))
        case ast.Call(func=ast.Name(id=name), args=[a]):
            return Call(_function(name), (_spell(a),))
        case ast.IfExp(test=ast.Compare(left=a, ops=[op], comparators=[b]), body=yes, orelse=no):
            return Cases(((_spell(yes), Rel((_spell(a), _spell(b)), (_COMPARISONS[type(op)],))), (_spell(no), Word("otherwise"))))
    raise TypeError(f"no notation for {ast.unparse(node)}")


def _function(name: str) -> Sym:
    record = POINTWISE.get(name)
    return Sym(record.text or name, font="function", latex=record.latex) if record is not None else Sym(name, font="function")
