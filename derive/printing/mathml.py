"""Notation to presentation MathML, which browsers set without a script."""

from __future__ import annotations

from html import escape

from derive.printing.notation import (
    CALL,
    ENTRYWISE,
    GREEK,
    POSTFIX,
    PRODUCT,
    SUM,
    Big,
    Call,
    Cases,
    Entry,
    Fence,
    Frac,
    Grid,
    Listed,
    Node,
    Num,
    Partial,
    Power,
    Prod,
    Ratio,
    Rel,
    Root,
    Sum,
    Sym,
    Transposed,
    Word,
    is_tall,
    needs_fence,
    precedence,
    starts_with_digit,
)

_OPERATIONS = {
    "": "<mspace width='.12em'/>",
    "odot": "<mo>⊙</mo>",
    "oslash": "<mo>⊘</mo>",
    "cdot": "<mo>·</mo>",
    "times": "<mo>×</mo>",
}
_FENCES = {"paren": ("(", ")"), "bracket": ("[", "]"), "abs": ("|", "|"), "norm": ("‖", "‖")}
_ACCENTS = {"hat": "^", "tilde": "~", "dot": "˙"}


def mathml(node: Node, display: bool = False) -> str:
    """A complete math element."""
    mode = ' display="block"' if display else ""
    return f"<math{mode}>{inner(node)}</math>"


def inner(node: Node) -> str:
    """The elements of a piece of notation."""
    match node:
        case Sym():
            return _symbol(node)
        case Num():
            return (
                f"<mn>{escape(node.text)}</mn>"
                if not node.text.startswith("-")
                else f"<mrow><mo>−</mo><mn>{escape(node.text[1:])}</mn></mrow>"
            )
        case Word():
            return f"<mtext>{escape(node.text)}</mtext>"
        case Ratio():
            return f'<mstyle displaystyle="false"><mfrac><mn>{node.top}</mn><mn>{node.below}</mn></mfrac></mstyle>'
        case Sum():
            return _sum(node)
        case Prod():
            return _product(node)
        case Frac():
            return f"<mfrac>{_row(node.top)}{_row(node.below)}</mfrac>"
        case Partial():
            sign = "<mo lspace='0' rspace='0'>∂</mo>"
            above = f"<msup>{sign}<mo>+</mo></msup>" if node.plus else sign
            top = _fenced("paren", node.top) if isinstance(node.top, Sum) else inner(node.top)
            return f"<mfrac><mrow>{above}{top}</mrow><mrow>{sign}{inner(node.below)}</mrow></mfrac>"
        case Power():
            mark = "<mo lspace='0' rspace='0'>⊙</mo>" if node.entrywise else ""
            return f"<msup>{_inside(node.base, POSTFIX + 1)}<mrow>{mark}{inner(node.exponent)}</mrow></msup>"
        case Transposed():
            return _transposed(node)
        case Call():
            fn = f"<msup>{inner(node.fn)}{_row(node.power)}</msup>" if node.power else inner(node.fn)
            return f"<mrow>{fn}{_fenced('paren', Listed(node.args))}</mrow>"
        case Fence():
            return _fenced(node.kind, node.body)
        case Root():
            return f"<msqrt>{inner(node.body)}</msqrt>"
        case Big():
            return _big(node)
        case Entry():
            return f"<msub>{_inside(node.base, POSTFIX + 1)}<mrow>{''.join(map(inner, node.indices))}</mrow></msub>"
        case Rel():
            rest = "".join(f"<mo>{escape(op)}</mo>{inner(p)}" for op, p in zip(node.ops, node.parts[1:], strict=True))
            return f"<mrow>{inner(node.parts[0])}{rest}</mrow>"
        case Listed():
            return "<mrow>" + ("<mo>,</mo>" if node.op == "," else "").join(map(inner, node.items)) + "</mrow>"
        case Grid():
            rows = "".join("<mtr>" + "".join(f"<mtd>{inner(c)}</mtd>" for c in row) + "</mtr>" for row in node.rows)
            return f"<mrow><mo>[</mo><mtable>{rows}</mtable><mo>]</mo></mrow>"
        case Cases():
            rows = "".join(f"<mtr><mtd>{inner(a)}</mtd><mtd><mtext>if </mtext>{inner(b)}</mtd></mtr>" for a, b in node.rows)
            return f"<mrow><mo>{{</mo><mtable columnalign='left'>{rows}</mtable></mrow>"
    raise TypeError(f"no MathML for {type(node).__name__}")


def _row(node: Node | None) -> str:
    return f"<mrow>{inner(node)}</mrow>" if node is not None else "<mrow/>"


def _symbol(node: Sym) -> str:
    if node.base == "odot":
        return "<mo>⊙</mo>"
    letter = escape({"dots": "…"}.get(node.base) or GREEK.get(node.base, node.base))
    letter = "ℝ" if node.font == "blackboard" and letter == "R" else letter
    upright = node.font in ("function", "roman", "bold") and node.base not in GREEK
    letter = "𝟏" if node.font == "bold" and letter == "1" else letter
    text = f"<mi mathvariant='normal'>{letter}</mi>" if upright and len(letter) == 1 and letter != "σ" else f"<mi>{letter}</mi>"
    for accent in node.accents:
        text = _accented(text, accent)
    above = "<mo lspace='0' rspace='0'>" + "′" * node.primes + "</mo>" if node.primes else ""
    above += inner(node.sup) if node.sup is not None else ""
    if node.sub is not None and above:
        return f"<msubsup>{text}{_row(node.sub)}<mrow>{above}</mrow></msubsup>"
    if node.sub is not None:
        return f"<msub>{text}{_row(node.sub)}</msub>"
    return f"<msup>{text}<mrow>{above}</mrow></msup>" if above else text


def _accented(text: str, accent: str) -> str:
    """A letter under an accent. A bar is a rule of its own: browsers set the macron so low that it vanishes in capitals."""
    if accent == "bar":
        return f"<mrow style='border-top: .06em solid; padding-top: .1em; margin: 0 .04em'>{text}</mrow>"
    return f"<mover accent='true'>{text}<mo stretchy='false'>{_ACCENTS[accent]}</mo></mover>"


def _transposed(node: Transposed) -> str:
    base, mark = node.base, "<mo lspace='0' rspace='0'>⊤</mo>"
    if isinstance(base, Sym) and base.sup is not None:
        plain = Sym(base.base, base.accents, base.sub, None, base.primes, base.font)
        return f"<msup>{inner(plain)}<mrow>{inner(base.sup)}{mark}</mrow></msup>"
    if isinstance(base, Sym) and base.sub is not None:
        return (
            f"<msubsup>{inner(Sym(base.base, base.accents, None, None, base.primes, base.font))}{_row(base.sub)}{mark}</msubsup>"
        )
    body = _inside(base, POSTFIX + 1)
    return f"<msup>{body}{mark}</msup>"


def _inside(node: Node, needed: int) -> str:
    return _fenced("paren", node) if needs_fence(node, needed) else inner(node)


def _fenced(kind: str, body: Node) -> str:
    left, right = _FENCES[kind]
    stretch = "" if is_tall(body) else " stretchy='false'"
    opening = f"<mo form='prefix' lspace='0' rspace='0'{stretch}>{left}</mo>"
    closing = f"<mo form='postfix' lspace='0' rspace='0'{stretch}>{right}</mo>"
    return f"<mrow>{opening}{inner(body)}{closing}</mrow>"


def _sum(node: Sum) -> str:
    parts = []
    for k, (sign, term) in enumerate(node.terms):
        mark = "<mo>−</mo>" if sign < 0 else "<mo>+</mo>" if k else ""
        parts.append(mark + _inside(term, SUM + 1))
    return f"<mrow>{''.join(parts)}</mrow>"


def _divided(f: Node) -> str:
    """One side of an entrywise quotient: a matrix product stands in brackets there."""
    return _fenced("paren", f) if isinstance(f, Prod) else _inside(f, ENTRYWISE + 1)


def _product(node: Prod) -> str:
    own = precedence(node)
    if node.op == "oslash":
        return "<mrow>" + _OPERATIONS["oslash"].join(_divided(f) for f in node.factors) + "</mrow>"
    parts = []
    for k, f in enumerate(node.factors):
        if isinstance(f, Big) and k == len(node.factors) - 1 and node.op == "":
            parts.append(inner(f))
        elif own == ENTRYWISE and isinstance(f, Prod) and f.op == "":
            parts.append(_fenced("paren", f))
        else:
            parts.append(_inside(f, own if own == ENTRYWISE else PRODUCT if not isinstance(f, Prod) else CALL))
    joined = parts[0]
    for f, part in zip(node.factors[1:], parts[1:], strict=True):
        joined += _OPERATIONS["cdot" if not node.op and starts_with_digit(f) else node.op] + part
    return f"<mrow>{joined}</mrow>"


def _big(node: Big) -> str:
    sign = {"sum": "∑", "prod": "∏"}[node.op]
    body = _fenced("paren", node.body) if isinstance(node.body, Sum) else inner(node.body)
    operator = f"<mo movablelimits='false'>{sign}</mo>"
    if node.upper is None:
        return f"<mrow><munder>{operator}{_row(node.lower)}</munder>{body}</mrow>"
    return f"<mrow><munderover>{operator}{_row(node.lower)}{_row(node.upper)}</munderover>{body}</mrow>"
