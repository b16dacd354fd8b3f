"""derive check: exit statuses, the JSON that others rely on, files of every kind, one message for what can't be used."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

import derive
from derive.cli import main

RIGHT = "Backwards:\n$$\\bar{y} = y - s$$\n$$\\bar{h} = W^{(2)\\top}\\bar{y} + r$$\n"
WRONG = RIGHT + "$$\\bar{z} = \\bar{h} \\odot \\sigma'(z) = \\bar{h} - \\sigma'(z)$$\n"
SCOPE = "problem = 'residual'\n"

LINE_KEYS = {"n", "display", "tex", "verdict", "reason", "expected", "slip", "counterexample"}
VERDICTS = {"proved", "agrees", "refuted", "undecided", "unreadable", "definition"}
KINDS = {"sign", "factor", "transpose", "order", "time", "symbol", "bar", "term", "argument", "inverse", "shape", "value"}


def run(capsys, *arguments: object) -> tuple[int, str, str]:
    try:
        status = main([str(a) for a in arguments])
    except SystemExit as stop:  # argparse
        status = int(stop.code or 0)
    out, err = capsys.readouterr()
    return status, out, err


def hand(tmp_path, text: str | bytes, name: str = "hand.txt"):
    path = tmp_path / name
    path.write_bytes(text.encode("utf-8") if isinstance(text, str) else text)
    return path


# -- JSON -----------------------------------------------------------------------------------------------------------


def test_json_has_what_others_rely_on(capsys, tmp_path):
    status, out, err = run(capsys, "check", hand(tmp_path, WRONG), "--problem", "residual", "--json")
    data = json.loads(out)
    assert status == 1 and err == "" and list(data) == ["lines", "first_wrong", "summary"]
    assert (
        set(data["summary"]) == VERDICTS and sum(data["summary"].values()) == len(data["lines"]) == 4 and data["first_wrong"] == 4
    )
    for k, line in enumerate(data["lines"]):
        assert set(line) >= LINE_KEYS and line["n"] == k + 1 and line["verdict"] in VERDICTS and isinstance(line["reason"], str)
    assert [line["display"] for line in data["lines"]] == [0, 1, 2, 2]
    assert data["lines"][3]["tex"] == r"\bar{h} \odot \sigma'(z) = \bar{h} - \sigma'(z)"
    wrong = data["lines"][3]
    assert (
        wrong["counterexample"].keys() >= {"sizes", "values", "left", "right"}
        and wrong["counterexample"]["left"] != wrong["counterexample"]["right"]
    )
    assert wrong["slip"] is None or (set(wrong["slip"]) == {"kind", "corrected"} and wrong["slip"]["kind"] in KINDS)
    assert all(line["counterexample"] is None and line["slip"] is None for line in data["lines"][:3])


def test_inline_mathematics_has_no_display(capsys, tmp_path):
    data = json.loads(
        run(
            capsys,
            "check",
            hand(tmp_path, r"Here $\bar{y} = y - s$, a label $(1)$, and $$\bar{E} = 1$$"),
            "--problem",
            "residual",
            "--json",
        )[1]
    )
    assert [line["display"] for line in data["lines"]] == [None, 0]


def test_exit_statuses(capsys, tmp_path):
    assert run(capsys, "check", hand(tmp_path, RIGHT), "--problem", "residual")[0] == 0
    assert run(capsys, "check", hand(tmp_path, WRONG), "--problem", "residual")[0] == 1
    assert run(capsys, "check", hand(tmp_path, r"$$\bar{y} = \forall q$$"), "--problem", "residual")[0] == 0, (
        "unreadable is not refuted"
    )
    assert run(capsys, "check", tmp_path / "none.txt", "--problem", "residual")[0] == 2


def test_the_terminal_report(capsys, tmp_path):
    status, out, _ = run(capsys, "check", hand(tmp_path, WRONG), "--problem", "residual")
    assert status == 1 and out.splitlines()[0] == "hand.txt" and "\x1b" not in out
    assert " 4 lines: 3 hold, 1 doesn't; first wrong: line 4" in " " + out.splitlines()[-1] and "✗   = h̄ - σ′(z)" in out


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("no_color", "coloured"), [(None, True), ("1", False)])
def test_colour_only_on_a_terminal(tmp_path, monkeypatch, no_color, coloured):
    seen = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", Terminal(seen, encoding="utf-8"))
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color:
        monkeypatch.setenv("NO_COLOR", no_color)
    assert main(["check", str(hand(tmp_path, WRONG)), "--problem", "residual"]) == 1
    sys.stdout.flush()
    assert (b"\x1b[31m" in seen.getvalue()) is coloured


def test_a_terminal_without_unicode(tmp_path, monkeypatch):
    seen = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(seen, encoding="ascii"))
    assert main(["check", str(hand(tmp_path, RIGHT)), "--problem", "residual"]) == 0
    sys.stdout.flush()
    assert rb"\u2713" in seen.getvalue()


# -- files ----------------------------------------------------------------------------------------------------------

ENCODED = {
    "CRLF": WRONG.replace("\n", "\r\n").encode(), "CR": WRONG.replace("\n", "\r").encode(), "BOM": b"\xef\xbb\xbf" + WRONG.encode(),
    "UTF-16": WRONG.encode("utf-16"), "UTF-16 big": b"\xfe\xff" + WRONG.encode("utf-16-be"), "Latin-1": ("Übung: Rückwärts\n" + WRONG).encode("latin-1"),
    "no newline": WRONG.strip().encode(), "UTF-32": WRONG.encode("utf-32"), "UTF-32 big": b"\x00\x00\xfe\xff" + WRONG.encode("utf-32-be"),
}  # fmt: skip


@pytest.mark.parametrize("name", ["hand.txt", "hand.tex", "hand.md"])
@pytest.mark.parametrize("data", ENCODED.values(), ids=ENCODED.keys())
def test_every_encoding_gives_the_same_marks(capsys, tmp_path, data, name):
    status, out, err = run(capsys, "check", hand(tmp_path, data, name), "--problem", "residual", "--json")
    assert status == 1 and err == "" and [line["verdict"] for line in json.loads(out)["lines"]] == ["proved"] * 3 + ["refuted"]


@pytest.mark.parametrize(
    "data", [b"", b"\n \n", b"\xef\xbb\xbf", b"only words, and $5.\n"], ids=["empty", "blank", "mark alone", "words"]
)
def test_nothing_to_judge(capsys, tmp_path, data):
    path = hand(tmp_path, data)
    status, out, err = run(capsys, "check", path, "--problem", "residual")
    assert status == 0 and "nothing to judge: no relation was found" in out and err == ""
    assert json.loads(run(capsys, "check", path, "--json")[1]) == {
        "lines": [],
        "first_wrong": None,
        "summary": dict.fromkeys(VERDICTS, 0),
    }


UNUSABLE = {
    "missing": (None, "No such file"), "folder": ("folder", "is a folder"), "binary": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "not a text file"),
    "half UTF-16": (b"\xff\xfe\x00", "not a text file"), "no mark": (WRONG.encode("utf-16-le"), "holds zero bytes"), "a zero byte": (WRONG.encode() + b"\x00", "zero bytes"), "noise": (bytes(range(1, 256)) * 20, "not a text file"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "words"), UNUSABLE.values(), ids=UNUSABLE.keys())
def test_unusable_files_end_with_one_message(capsys, tmp_path, content, words):
    path = tmp_path / "hand.tex"
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    status, out, err = run(capsys, "check", path, "--problem", "residual", "--json")
    assert (
        status == 2
        and out == ""
        and words in err
        and "hand.tex" in err
        and err.startswith("derive: ")
        and len(err.splitlines()) == 1
    )


@pytest.mark.parametrize(
    ("target", "words"), [("nowhere", "No such file"), ("hand.tex", "symbolic links")], ids=["dangling", "a loop"]
)
def test_links_that_lead_nowhere(capsys, tmp_path, target, words):
    (tmp_path / "hand.tex").symlink_to(tmp_path / target)
    for arguments in (["check", tmp_path / "hand.tex"], ["check", hand(tmp_path, RIGHT), "--scope", tmp_path / "hand.tex"]):
        status, out, err = run(capsys, *arguments)
        assert status == 2 and out == "" and words in err and len(err.splitlines()) == 1


def test_a_file_that_never_ends(capsys, tmp_path):
    if not Path("/dev/zero").exists():
        pytest.skip("there is no device that never ends")
    for arguments in (["check", "/dev/zero"], ["check", hand(tmp_path, RIGHT), "--scope", "/dev/zero"]):
        status, out, err = run(capsys, *arguments)
        assert status == 2 and out == "" and "/dev/zero: more than" in err


@pytest.mark.parametrize(
    "arguments", [("check", "a\0b"), ("check", "{hand}", "--scope", "a\0b"), ("check", "{hand}", "--problem", "a\0b.tex")]
)
def test_names_that_no_file_has(capsys, tmp_path, arguments):
    path = str(hand(tmp_path, RIGHT))
    status, out, err = run(capsys, *(path if a == "{hand}" else a for a in arguments))
    assert status == 2 and out == "" and "is not a path" in err and len(err.splitlines()) == 1


def test_standard_input(capsys, monkeypatch):
    for data, expected in ((WRONG.encode(), 1), (b"\xef\xbb\xbf" + RIGHT.replace("\n", "\r\n").encode(), 0)):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))
        assert run(capsys, "check", "-", "--problem", "residual")[0] == expected
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\x00\x01"), encoding="utf-8"))
    status, _, err = run(capsys, "check", "-", "--problem", "residual")
    assert status == 2 and "standard input: not a text file" in err
    monkeypatch.setattr(sys, "stdin", io.StringIO(RIGHT))
    assert run(capsys, "check", "-", "--problem", "residual")[0] == 0


# -- problems and scopes --------------------------------------------------------------------------------------------


def test_the_scope_names_the_problem(capsys, tmp_path):
    scope = hand(tmp_path, SCOPE, "scope.toml")
    assert run(capsys, "check", hand(tmp_path, WRONG), "--scope", scope)[0] == 1
    assert run(capsys, "check", hand(tmp_path, RIGHT), "--scope", scope)[0] == 0


def test_a_problem_beside_the_scope(capsys, tmp_path):
    (tmp_path / "sub").mkdir()
    hand(tmp_path / "sub", "$x, w, L \\in \\mathbb{R}$\n$$L = w x^2$$\n".replace(", L", ""), "p.tex")
    scope = hand(tmp_path / "sub", "problem = 'p.tex'\n", "scope.toml")
    assert run(capsys, "check", hand(tmp_path, r"$$\bar{w} = x^2$$"), "--scope", scope)[0] == 0
    assert run(capsys, "check", hand(tmp_path, r"$$\bar{w} = 2 x$$"), "--problem", tmp_path / "sub" / "p.tex")[0] == 1


BAD_SCOPES = {
    "missing": (None, "No such file"), "not TOML": ("problem =", "not TOML"), "unknown key": ("colour = 'red'", "'colour' is not a setting"), "wrong type": ("vectors = 3", "vectors takes a text"),
    "wrong choice": ("vectors = 'sideways'", "vectors is one of column, row"), "unknown problem": ("problem = 'nosuch'", "no network 'nosuch'"),
    "problem not there": ("problem = 'nosuch.tex'", "nosuch.tex"),
    "part without from": ("[[part]]\nproblem = 'residual'", "needs from ="), "part that begins nowhere": ("[[part]]\nfrom = 'Chapter 9'", "'Chapter 9' begins nowhere"),
    "a list of parts": ("part = [1]", "[[part]]"), "parts in parts": ("[[part]]\nfrom = 'B'\n[[part.part]]\nfrom = 'B'", "a part has no parts"),
    "part from a number": ("[[part]]\nfrom = 3", "from takes a text"), "base in quotes": ("index_base = '1'", "index_base takes a whole number, without quotes, not '1'"),
    "base that is none": ("index_base = 2", "index_base is 0 or 1"), "base that is a float": ("index_base = 1.0", "index_base takes a whole number"), "a truth value": ("index_base = true", "whole number"),
    "log a number": ("log = 10", "log takes a text"), "a list for a text": ("problem = ['residual']", "problem takes a text"), "a sign that is a number": ("elementwise = [1]", "not a sign"),
    "a table for a text": ("[alias]\nq = {a = 1}", "every value is a text"), "a date": ("[declare]\nx = 2020-01-01", "every value is a text"), "a value that is a date": ("[values]\nx = 2020-01-01", "not a number"),
    "not a number": ("[values]\nx = nan", "not a number"), "infinite": ("[values]\nx = 1e400", "not a number"), "rows of two lengths": ("[values]\nx = [[1], [2, 3]]", "different lengths"),
    "far too long a T": ("[values]\nT = 1000000000", "T is a whole number from"), "a number of many digits": (f"[values]\nx = {'9' * 5000}", "not TOML: Exceeds the limit (4300 digits)"),
    "lists in lists": (f"x = {'[' * 5000}", "too deep"), "brackets in brackets": (f"[declare]\nx = '{'(' * 1000}'", "1000 signs"), "many axes": (f"[declare]\nx = '{'n x ' * 20}n'", "at most 8"),
    "a nameless alias": ("[alias]\n'' = 'x'", "'' = 'x' has an empty side"), "a function of nothing": ("[functions]\n'q' = ' '", "has an empty side"), "a declaration of nothing": ("[declare]\n'x' = ''", "empty side"),
    "a long name": (f"[alias]\n'{'q' * 30000}' = 'x'", "at most 2000 characters"), "two problems": ("problem = 'residual'\nproblem = 'rnn'", "not TOML"), "a folder": ("problem = '.'", "no network '.'"), "alias that is no text": ("[alias]\n'q' = 3", "every value is a text"), "declare nonsense": ("[declare]\n'A' = 'n by n'", "declare A"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "words"), BAD_SCOPES.values(), ids=BAD_SCOPES.keys())
def test_bad_scopes_end_with_one_message(capsys, tmp_path, text, words):
    scope = tmp_path / "scope.toml"
    if text is not None:
        scope.write_text(text)
    status, out, err = run(capsys, "check", hand(tmp_path, RIGHT), "--scope", scope)
    assert status == 2 and out == "" and words in err and err.startswith("derive: ") and len(err.splitlines()) == 1, err


STRANGE_ALIASES = {
    "a spelling mistake": ({"V": "W_3"}, "'W_3' is no name of the problem, and the document doesn't have it; near it: W1, W2"),
    "as the problem spells it": ({"V": "W3"}, "'W3' is no name of the problem"), "capitals": ({"h": "Z"}, "'Z' is no name of the problem, and the document doesn't have it; near it: z"),
    "a word": ({"g": "nosuch"}, "'nosuch' is no name of the problem"), "a word for a call": ({"g(x)": "nosuch"}, "'nosuch' is no name"), "in a formula": ({"g": "W_1 u"}, "'u' in 'W_1 u' is no name"),
    "an adjoint": ({"g": r"\bar{u}"}, "is not a name of the problem"), "a function": ({"g": "sigmiod"}, "near it: sigmoid"),
}  # fmt: skip


@pytest.mark.parametrize("parted", [False, True], ids=["alone", "with parts"])
@pytest.mark.parametrize(("alias", "words"), STRANGE_ALIASES.values(), ids=STRANGE_ALIASES.keys())
def test_an_alias_of_a_quantity_that_is_not_there(capsys, tmp_path, alias, words, parted):
    text = (
        SCOPE
        + "[alias]\n"
        + "".join(f"'{name}' = '{target}'\n" for name, target in alias.items())
        + "[[part]]\nfrom = 'Back'\n" * parted
    )
    status, out, err = run(
        capsys,
        "check",
        hand(tmp_path, RIGHT + "$$g = 1$$"),
        "--scope",
        hand(tmp_path, text, "s.toml"),
    )
    assert status == 2 and out == "" and (words in err or parted) and "the problem" in err and len(err.splitlines()) == 1, err


ALIASES = {
    "of the problem": {"V": "W_2"}, "as it spells it": {"V": "W2"}, "an entry": {"V": "x_i"}, "an adjoint": {"g": r"\bar y"}, "a formula": {"g": "W_1 x"}, "a function": {"g": "sigmoid"},
    "what the document has": {"r": r"\rho"}, "a letter that this document doesn't need": {"Q": r"\omega"},
}  # fmt: skip


@pytest.mark.parametrize("alias", ALIASES.values(), ids=ALIASES.keys())
def test_an_alias_of_what_there_is(capsys, tmp_path, alias):
    text = SCOPE + "[alias]\n" + "".join(f"'{name}' = '{target}'\n" for name, target in alias.items())
    status, _, err = run(capsys, "check", hand(tmp_path, RIGHT + r"Here $\rho = 1$."), "--scope", hand(tmp_path, text, "s.toml"))
    assert status in (0, 1) and err == ""


@pytest.mark.parametrize(
    "text",
    ["", "\n", "\ufeffproblem = 'residual'\n", "problem = 'residual'\r\n[alias]\r\n'q' = 'y'\r\n", "problem = 'residual'\r"],
    ids=["empty", "blank", "mark", "CRLF", "CR"],
)
def test_scopes_as_editors_write_them(capsys, tmp_path, text):
    status, out, err = run(
        capsys, "check", hand(tmp_path, RIGHT), "--scope", hand(tmp_path, text, "s.toml"), "--problem", "residual"
    )
    assert status == 0 and "2 hold" in out and err == ""


def test_a_scope_that_may_not_be_read(capsys, tmp_path):
    scope = tmp_path / "s.toml"
    scope.symlink_to(scope)  # a loop, which even the superuser can't read
    status, out, err = run(capsys, "check", hand(tmp_path, RIGHT), "--scope", scope)
    assert status == 2 and out == "" and "s.toml" in err and len(err.splitlines()) == 1


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"problem = '\xe9'"], ids=["UTF-16", "Latin-1"])
def test_scopes_in_other_encodings_say_so(capsys, tmp_path, data):
    status, _, err = run(capsys, "check", hand(tmp_path, RIGHT), "--scope", hand(tmp_path, data, "s.toml"))
    assert status == 2 and "s.toml: not a text file in UTF-8" in err


def test_a_scope_that_is_a_folder(capsys, tmp_path):
    status, _, err = run(capsys, "check", hand(tmp_path, RIGHT), "--scope", tmp_path)
    assert status == 2 and "directory" in err and len(err.splitlines()) == 1


def test_bad_calls(capsys, tmp_path):
    path = hand(tmp_path, RIGHT)
    for arguments, words in (
        (["check"], "HAND"), (["check", path, "--problem", "nosuch"], "no network 'nosuch'"), (["check", path, "--problem", tmp_path / "p.py"], "p.py"),
        (["check", path, "-o", tmp_path / "r.docx"], "a report ends in one of"), (["check", path, "-o", tmp_path / "report"], "a report ends in one of"),
    ):  # fmt: skip
        status, out, err = run(capsys, *arguments)
        assert status == 2 and words in err and out == "" and "Traceback" not in err


# -- reports --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("suffix", "words"),
    [
        ("json", '"first_wrong": 4'),
        ("tex", r"\documentclass"),
        ("html", "<!doctype html>"),
        ("txt", "first wrong: line 4"),
        ("md", "~~~~text"),
        ("HTML", "<!doctype html>"),
    ],
)
def test_the_ending_says_the_format(capsys, tmp_path, suffix, words):
    target = tmp_path / "new" / f"report.{suffix}"
    status, out, _ = run(capsys, "check", hand(tmp_path, WRONG), "--problem", "residual", "-o", target)
    assert status == 1 and out.strip() == str(target) and words in target.read_text(encoding="utf-8")
    if suffix == "json":
        assert json.loads(target.read_text(encoding="utf-8"))["summary"]["refuted"] == 1


def test_a_report_and_json(capsys, tmp_path):
    status, out, _ = run(capsys, "check", hand(tmp_path, WRONG), "--problem", "residual", "--json", "-o", tmp_path / "r.txt")
    assert (
        status == 1
        and json.loads(out)["first_wrong"] == 4
        and "first wrong: line 4" in (tmp_path / "r.txt").read_text(encoding="utf-8")
    )


@pytest.mark.tex
def test_a_pdf(capsys, tmp_path):
    assert run(capsys, "check", hand(tmp_path, WRONG), "--problem", "residual", "-o", tmp_path / "r.pdf")[0] == 1
    assert (tmp_path / "r.pdf").read_bytes().startswith(b"%PDF")


def test_a_pdf_without_tex_says_so(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    status, out, err = run(capsys, "check", hand(tmp_path, WRONG), "--problem", "residual", "-o", tmp_path / "r.pdf")
    assert status == 2 and "no pdflatex" in err and out == "" and not (tmp_path / "r.pdf").exists()


def test_the_derivation_is_never_replaced(capsys, tmp_path):
    path = hand(tmp_path, WRONG, "hand.tex")
    status, _, err = run(capsys, "check", path, "--problem", "residual", "-o", path)
    assert status == 2 and "would replace the derivation" in err and path.read_text() == WRONG
    (tmp_path / "d.tex").mkdir()
    assert "is a folder" in run(capsys, "check", path, "--problem", "residual", "-o", tmp_path / "d.tex")[2]


# -- hostile text ---------------------------------------------------------------------------------------------------

HOSTILE = [
    r"$$\bar{y} = \input{/etc/passwd}$$", r"$$\bar{y} = \write18{touch owned}$$", r"$$\bar{y} = y - s + \text{<script>alert(1)</script>}$$", "$$ y = x", "$ $$ $ y = x $$ $", "$$ $$ $$",
    r"\begin{align} y = ", r"$$y = \begin{pmatrix} 1$$", "$$y = " + "{" * 10_000 + "$$", r"$$y = 10^{10^{10}}$$", "$$y = " + "abcdefgh" * 25 + "$$", r"\newcommand{\x}{\x\x} $$y = \x$$",
    r"$$\operatorname{__import__}('os') = 1$$", "$$y = \x1b[31m x$$", "$$y = \u202e x$$", r"\def\a#1{#1#1} $$y = \a{\a{\a{x}}}$$", r"$$y = \frac{1}{$$", r"$$y = x^^5cinput$$", "% only a comment",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=lambda t: t[:20])
@pytest.mark.parametrize("suffix", ["tex", "txt", "md"])
def test_hostile_text_ends_in_a_verdict_or_a_message(capsys, tmp_path, text, suffix):
    path = hand(tmp_path, text, f"hand.{suffix}")
    status, out, err = run(capsys, "check", path, "--problem", "residual", "--json")
    assert status in (0, 1, 2) and (bool(out) != bool(err)) and (status == 2 or json.loads(out)["lines"] is not None)
    for ending in ("tex", "html"):
        if status != 2:
            assert run(capsys, "check", path, "--problem", "residual", "-o", tmp_path / f"r.{ending}")[0] == status
            text = (tmp_path / f"r.{ending}").read_text(encoding="utf-8")
            assert "<script" not in text and "\x1b" not in text
            assert ending == "html" or ("\\input{/" not in text and "\\write18" not in text)
    assert "\x1b" not in run(capsys, "check", path, "--problem", "residual")[1]
    assert not (tmp_path / "owned").exists()


@pytest.mark.tex
def test_hostile_text_compiles(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = "\n\n".join(t for t in HOSTILE if t.count("$$") == 2 and "$$ " not in t)
    assert run(capsys, "check", hand(tmp_path, text), "--problem", "residual", "-o", tmp_path / "r.pdf")[0] in (0, 1)
    assert (tmp_path / "r.pdf").exists() and not (tmp_path / "owned").exists()


# -- problems in LaTeX ----------------------------------------------------------------------------------------------

PROBLEM = r"""
% loss: \mathcal{L}
% time: t = 1..T
$\mathbf{x}_t \in \mathbb{R}^{d}$, $h_0, y \in \mathbb{R}^n$, $W^{[1]} \in \mathbb{R}^{n \times d}$, $W_{i,o} \in \mathbb{R}^{n \times n}$, $b_{\mathrm{out}} \in \mathbb{R}^n$, $\varepsilon \in \mathbb{R}$
\begin{align}
h_t &= \tanh(W^{[1]} \mathbf{x}_t + W_{i,o} h_{t-1} + b_{\mathrm{out}}) \\
\mathcal{L} &= \varepsilon \sum_{t=1}^{T} \tfrac12 \lVert h_t - y \rVert^2
\end{align}
"""
SYMBOLS = {
    r"\mathbf{x}": "x",
    "h_0": "h[0]",
    "y": "y",
    "W^{[1]}": "W1",
    "W_{i,o}": "W_io",
    r"b_{\mathrm{out}}": "b_out",
    r"\varepsilon": "epsilon",
}
VALUES = {
    r"\mathbf{x}_t": [[1, 2], [0, 1]],
    "h_0": [0.5],
    "y": [1],
    "W^{[1]}": [[1, 0.5]],
    "W_{i,o}": [[0.3]],
    r"b_{\mathrm{out}}": [0.1],
    r"\varepsilon": 0.5,
}


def test_symbols_are_written_as_the_problem_writes_them(capsys, tmp_path):
    status, out, _ = run(
        capsys,
        "solve",
        hand(tmp_path, PROBLEM, "p.tex"),
        "--at",
        hand(tmp_path, json.dumps(VALUES), "v.json"),
        "--format",
        "json",
    )
    data = json.loads(out)
    assert status == 0 and data["loss"] == r"\mathcal{L}" and [n["symbol"] for n in data["nodes"]] == ["h", r"\mathcal{L}"]
    gradients = {g["symbol"]: g for g in data["gradients"]}
    assert set(gradients) == set(SYMBOLS) == set(data["crosscheck"]["per_gradient"]) and data["crosscheck"]["passed"]
    assert data["nodes"][0]["equation"] == r"\tanh(W^{[1]} \mathbf{x}_t + W_{i,o} h_{t-1} + b_{\mathrm{out}})"
    assert gradients["W_{i,o}"]["latex"].startswith(r"\sum_{t=1}^T") and "h_{t-1}" in gradients["W_{i,o}"]["latex"]
    assert set(data["forward"]) == {"h", r"\mathcal{L}"} and len(gradients[r"\mathbf{x}"]["value"]) == 2


def test_another_way_of_writing_may_be_asked_for(capsys, tmp_path):
    path = hand(tmp_path, PROBLEM, "p.tex")
    assert "h^{(t-1)}" in run(capsys, "solve", path, "--time", "superscript", "--format", "md")[1]
    assert r"\mathbf" not in run(capsys, "solve", path, "--layers", "superscript", "--format", "md")[1]


def test_the_sheet_of_a_problem_in_latex(capsys, tmp_path):
    path = hand(tmp_path, PROBLEM, "p.tex")
    assert run(capsys, "solve", path, "-o", tmp_path, "--format", "html,md,json")[0] == 0
    assert run(capsys, "solve", path, "-o", tmp_path / "tex", "--format", "tex")[0] == 0
    assert (
        r"\bar{\mathbf{x}}_t" in (tmp_path / "p.md").read_text()
        and r"b_{\mathrm{out}}" in (tmp_path / "tex" / "p.tex").read_text()
    )


def test_a_problem_in_latex_at_the_prompt(tmp_path):
    net = derive.load(hand(tmp_path, PROBLEM, "p.tex"))
    assert r"W_{i,o}^{\top}" in net.solve().to_latex() and r"\mathbf{x}_t" in net._repr_latex_()
    assert net.solve().crosscheck(2).passed
    assert net.check(r"\bar{\mathbf{x}}_t = (W^{[1]})^\top (\bar{h}_t \odot (1 - h_t \odot h_t))").first_wrong is None


@pytest.mark.parametrize(
    ("text", "words"),
    [("no mathematics", "p.tex"), ("$x \\in \\mathbb{R}$\n$$L = q x$$", "q"), ("", "p")],
    ids=["words", "unknown name", "empty"],
)
def test_bad_problems_end_with_one_message(capsys, tmp_path, text, words):
    for command in (["solve"], ["check", hand(tmp_path, RIGHT), "--problem"]):
        status, out, err = run(capsys, *command, hand(tmp_path, text, "p.tex"))
        if command[0] == "solve":
            assert status == 2 and len(err.splitlines()) == 1 and out == ""
        assert "Traceback" not in err
