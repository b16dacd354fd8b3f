"""A formula to its relations: chains, rows, what goes on from before, labels, words, arrows, conditions, and what can't be read."""

from __future__ import annotations

import pytest

from derive.reader.parser import parse
from derive.reader.statements import Broken, Chain, Link, statements


def read(tex, *, chain=None, words=()):
    """Each relation as "left op right", with " | condition" for each condition; what can't be read as "! text"."""
    return [said(s) for s in statements(tex, words, chain if chain is not None else Chain())]


def said(s):
    if isinstance(s, Broken):
        return f"! {' '.join(s.tex.split())}"
    conditions = [" ".join(s.source[c.start : c.end].split()) for c in s.conditions]
    return " | ".join([" ".join(s.tex.split()), *conditions])


TABLE = {
    # one relation, chains
    "one": ("a = b", ["a = b"]),
    "a chain": ("a = b = c = d", ["a = b", "b = c", "c = d"]),
    "mixed": (r"a = b \approx 0.12", ["a = b", r"b \approx 0.12"]),
    "a definition's sign": (r"z := W x", ["z = W x"]),
    "equivalence": (r"a \equiv b", ["a = b"]),
    "membership": (r"x \in \mathbb{R}^n", [r"x \in \mathbb{R}^n"]),
    "an order is told as such": ("a < b = c", ["a < b", "b = c"]),
    "an assignment": (r"w \leftarrow w - \eta g", [r"w \gets w - \eta g"]),
    "no relation": ("a + b", []),
    "nothing": ("", []),
    "a lone label": ("(2)", []),
    # rows
    "rows": (r"a &= b \\ &= c \\ d &= e", ["a = b", "b = c", "d = e"]),
    "aligned": (r"\begin{aligned} a &= b \\ &= c \end{aligned}", ["a = b", "b = c"]),
    "alignat": (r"\begin{alignat}{2} a &= b &\quad c &= d \end{alignat}", ["a = b", "c = d"]),
    "split, inside out": (r"\begin{split} a &= b + c \\ &\quad + d \end{split}", [r"a = b + c \\ &\quad + d"]),
    "a row that goes on with a sign": (r"a &= b \\ &- c \\ &= d", [r"a = b \\ &- c", r"b \\ &- c = d"]),
    "a row that ends with a sign": (r"a = b + \\ c", [r"a = b + \\ c"]),
    "a row that begins with a product": (r"a = b \\ \cdot c", [r"a = b \\ \cdot c"]),
    "a new statement may begin with a minus": (r"a = b \\ -c = d", ["a = b", "-c = d"]),
    "rows with distances": (r"a &= b \\[1ex] &= c", ["a = b", "b = c"]),
    "gathered": (r"\begin{gathered} a = b \\ c = d \end{gathered}", ["a = b", "c = d"]),
    "a matrix is one thing": (r"A = \begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}", [r"A = \begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}"]),
    "cases are one thing": (r"a = \begin{cases} 1 & i = j \\ 0 & i \ne j \end{cases}", [r"a = \begin{cases} 1 & i = j \\ 0 & i \ne j \end{cases}"]),
    # arrows and words between statements
    "an implication": (r"a = b \Rightarrow c = d", ["a = b", "c = d"]),
    "therefore": (r"\therefore a = b", ["a = b"]),
    "because": (r"a = b \because c = d", ["a = b", "c = d"]),
    "equivalent": (r"a = b \iff c = d", ["a = b", "c = d"]),
    "implies": (r"a = b \implies c = d", ["a = b", "c = d"]),
    "an arrow in front": (r"\rightarrow a = b", ["a = b"]),
    "a wide blank": (r"a = b \qquad c = d", ["a = b", "c = d"]),
    "a comma": ("a = b, c = d", ["a = b", "c = d"]),
    "a semicolon": ("a = b; c = d", ["a = b", "c = d"]),
    "and": (r"a = b \text{ and } c = d", ["a = b", "c = d"]),
    "where": (r"a = b \text{ where } c = d", ["a = b", "c = d"]),
    "since": (r"a = b \quad \text{(since $c = d$)}", ["a = b"]),
    "words in front": (r"\text{Hence } a = b", ["a = b"]),
    "trailing prose": (r"a = b \text{ (by the chain rule)}", ["a = b"]),
    "a list on the left is what stands last in it": ("x, y = 1", ["y = 1"]),
    "a comma in an argument": ("f(x, y) = g(x, y)", ["f(x, y) = g(x, y)"]),
    "a comma in a script": ("W_{i,j} = V_{j,i}", ["W_{i,j} = V_{j,i}"]),
    "a comma in an inner product": (r"s = \langle x, y \rangle", [r"s = \langle x, y \rangle"]),
    # labels and punctuation
    "(2)": ("(2) a = b", ["a = b"]),
    "a)": ("a) c = d", ["c = d"]),
    "b.": ("b. c = d", ["c = d"]),
    "(a)": ("(a) x = y", ["x = y"]),
    "3)": ("3) x = y", ["x = y"]),
    "a factor in brackets is no label": ("(a) + b = c", ["(a) + b = c"]),
    "nor is a power": ("(a)^2 = c", ["(a)^2 = c"]),
    "a dot at the end": ("a = b.", ["a = b"]),
    "a comma at the end": ("a = b,", ["a = b"]),
    "a question mark": ("a = b?", ["a = b"]),
    "a label of LaTeX": (r"a = b \label{eq:a} \tag{1}", ["a = b"]),
    "a star in front": ("* a = b", ["a = b"]),
    "signs of lists": (r"\bullet a = b", ["a = b"]),
    "boxed": (r"\boxed{a = b}", ["a = b"]),
    # conditions
    "a condition after a comma": (r"a_i = b_i, i \ne j", [r"a_i = b_i | i \ne j"]),
    "a condition after a blank": (r"a_i = b_i \quad i = k", ["a_i = b_i | i = k"]),
    "a condition in words": (r"a_i = b_i \quad \text{if } i \ne j", [r"a_i = b_i | i \ne j"]),
    "a condition in brackets": (r"a_{ij} = 0 \quad (i \ne j)", [r"a_{ij} = 0 | i \ne j"]),
    "an equation of its own": (r"a_i = b_i, c = d", ["a_i = b_i", "c = d"]),
    # what can't be read
    "one member of a chain": (r"a = \foo = c", [r"! a = \foo", r"! \foo = c"]),
    "the rest of a chain": (r"a = b = \foo", ["a = b", r"! b = \foo"]),
    "a row beside others": (r"a &= b \\ c &= \foo \\ d &= e", ["a = b", r"! c &= \foo", "d = e"]),
    "an open bracket": ("a = (b", ["! a = (b"]),
    "plus or minus": (r"a = b \pm c", [r"a = b \pm c"]),
    "signs that aren't LaTeX": ("a = b # c", ["! a = b # c"]),
    "control characters": ("a = \x01", ["! a = \x01"]),
    "an unreadable expression is no statement": (r"\foo", []),
}  # fmt: skip


@pytest.mark.parametrize(("tex", "wanted"), list(TABLE.values()), ids=list(TABLE))
def test_relations(tex, wanted):
    assert read(tex) == wanted


@pytest.mark.parametrize(("first", "second", "wanted"), [
    ("a = b", "= c", ["b = c"]), ("a + b", "= c", ["a + b = c"]), ("a = b", "c = d", ["c = d"]), (r"a = b \\ c", "= d = e", ["c = d", "d = e"]), ("", "= c", []), (r"a = \foo", "= c", ["! = c"]),
    ("a = b,", r"\approx 3", [r"b \approx 3"]), ("a = b", "= ", []), ("a = b", r"= \foo", [r"! = \foo"]), ("a = b", r"\Rightarrow c = d", ["c = d"]), (r"a \in \mathbb{R}", "b = c", ["b = c"]),
])  # fmt: skip
def test_a_formula_may_go_on_from_the_one_before(first, second, wanted):
    chain = Chain()
    list(statements(first, (), chain))
    assert read(second, chain=chain) == wanted


@pytest.mark.parametrize("label", ["(1)", "(12)", "(a)", "a)", "3)", "2.", "(ii)", "iv)"])
@pytest.mark.parametrize("tex", [r"\bar{h} = W^\top \bar{y}", "x_1 = y"])
def test_labels_are_no_part_of_a_relation(label, tex):
    assert read(f"{label} {tex}", words=["ii", "iv"]) == read(tex)


def test_two_sources_of_one_link():
    """Both sides of a link stand in one text, so that columns and spans are right."""
    chain = Chain()
    list(statements("a = b + c", (), chain))
    (link,) = statements("= d e", (), chain)
    assert isinstance(link, Link)
    assert link.source[link.left.start : link.left.end] == "b + c"
    assert link.source[link.right.start : link.right.end] == "d e"
    assert (link.left, link.right) == (parse("b + c"), parse("d e"))


def test_what_is_unreadable_says_where():
    (broken,) = statements(r"x = y + \foo", (), Chain())
    assert isinstance(broken, Broken)
    assert (broken.error.message, broken.error.column, broken.error.token) == (r"\foo is not known", 8, "foo")


def test_words_of_the_scope():
    assert read("enc = 1", words=["enc"]) == ["enc = 1"]
    (link,) = statements("enc = 1", ["enc"], Chain())
    assert link.left == parse("enc", ["enc"]) != parse("enc")
