"""The command line: formats, statuses, one clear message and never a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import derive
from derive.cli import main

VALUES = {"w_x": 0.1, "w_h": 1, "w_y": 2, "h^{(0)}": 1, "x": [10, 10], "y": [5, 5]}


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    try:
        status = main(list(arguments))
    except SystemExit as stop:  # argparse
        status = int(stop.code or 0)
    out, err = capsys.readouterr()
    return status, out, err


def test_list(capsys):
    status, out, _ = run(capsys, "list")
    assert status == 0 and all(name in out for name in derive.gallery())
    assert [n["name"] for n in json.loads(run(capsys, "list", "--json")[1])["networks"]] == derive.gallery()


def test_doctor(capsys):
    status, out, _ = run(capsys, "doctor")
    assert status == 0 and "sympy" in out and "pdflatex" in out


def test_solve_json_with_values(capsys, tmp_path):
    at = tmp_path / "values.json"
    at.write_text(json.dumps(VALUES))
    status, out, _ = run(capsys, "solve", "linear_rnn", "--at", str(at), "--format", "json")
    data = json.loads(out)
    assert status == 0 and data["network"] == "linear_rnn" and data["loss"] == "L"
    assert data["forward"]["L"] == pytest.approx(2) and data["forward"]["h"] == pytest.approx([2, 3])
    gradients = {g["symbol"]: g for g in data["gradients"]}
    assert gradients["w_h"]["value"] == pytest.approx(8) and gradients["h^{(0)}"]["value"] == pytest.approx(0)
    assert gradients["w_h"]["latex"] == r"\sum_{t=1}^T \bar{h}^{(t)} h^{(t-1)}"
    assert data["crosscheck"]["passed"] and data["crosscheck"]["points"] == 5 and set(data["crosscheck"]["per_gradient"]) == set(gradients)


def test_solve_json_without_values(capsys):
    data = json.loads(run(capsys, "solve", "residual", "--format", "json")[1])
    assert "forward" not in data and all("value" not in g for g in data["gradients"])
    nodes = {n["symbol"]: n for n in data["nodes"]}
    assert nodes["z"] == {"symbol": "z", "shape": ["n"], "equation": "W^{(1)} x + b^{(1)}", "adjoint": r"\bar{h} \odot \sigma'(z)"}
    assert {g["symbol"]: g["shape"] for g in data["gradients"]}["W^{(2)}"] == ["d", "n"]


def test_formats_and_folder(capsys, tmp_path):
    status, out, _ = run(capsys, "solve", "residual", "log_regression", "-o", str(tmp_path / "new"), "--format", "tex,html,md,json")
    assert status == 0
    names = {p.name for p in (tmp_path / "new").iterdir()}
    assert names == {f"{n}.{f}" for n in ("residual", "log_regression") for f in ("tex", "html", "md", "json")}
    assert len(out.splitlines()) == len(names)


@pytest.mark.tex
def test_pdf(capsys, tmp_path):
    assert run(capsys, "solve", "residual", "-o", str(tmp_path), "--format", "pdf")[0] == 0
    assert (tmp_path / "residual.pdf").read_bytes().startswith(b"%PDF")


def test_pdf_without_tex_says_so(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    status, _, err = run(capsys, "solve", "log_regression", "-o", str(tmp_path), "--format", "tex,pdf")
    assert status == 0 and "no pdflatex" in err and (tmp_path / "log_regression.tex").exists()


def test_wrt_and_styles(capsys):
    status, out, _ = run(capsys, "solve", "residual", "--wrt", "W^{(2)},x", "--notation", "delta", "--layers", "subscript", "--detail", "answer", "--format", "md")
    assert status == 0 and r"\delta_{W_2} &= \delta_y h^{\top}" in out and r"\delta_{W_1}" not in out


def test_layer_is_asked_for_jacobians(capsys):
    assert r"\operatorname{diag}\bigl(\sigma'(W x)\bigr) W" in run(capsys, "solve", "layer")[1]
    status, _, err = run(capsys, "solve", "layer", "--format", "json")
    assert status == 2 and "no loss" in err and "Jacobian" in err


NETWORK = "def net(x: Scalar, w: Scalar):\n    L = (w * x - 1) ** 2\n    return L\n"

BAD: list[tuple[list[str], str]] = [
    (["solve", "nosuch"], "no network 'nosuch'"),
    (["solve", "missing.py"], "missing.py"),
    (["solve", "x.tex"], "x.tex: No such file"),
    (["solve", "residual", "--wrt", "q"], "no quantity 'q'"),
    (["solve", "residual", "--format", "docx"], "docx"),
    (["solve", "residual", "--format", "tex,html"], "-o DIR"),
    (["solve", "residual", "--format", "pdf"], "-o DIR"),
    (["solve", "residual", "--at", "nosuch.json"], "nosuch.json"),
    (["solve", "residual", "--points", "0"], "at least 1"),
    (["solve", "residual", "--notation", "dots"], "invalid choice"),
    (["sheet", "nosuch.toml"], "nosuch.toml"),
    (["frobnicate"], "invalid choice"),
    ([], "COMMAND"),
]


@pytest.mark.parametrize(("arguments", "words"), BAD, ids=lambda x: " ".join(x) if isinstance(x, list) else "")
def test_bad_calls_end_with_status_2(capsys, arguments, words):
    status, out, err = run(capsys, *arguments)
    assert status == 2 and words in err and "Traceback" not in err and out == ""


BAD_VALUES = {
    "not json": "{", "a list": "[1]", "unknown name": '{"q": 1}', "missing": '{"x": 1}', "a word": '{"x": "one", "w": 1}', "ragged": '{"x": [[1], [1, 2]], "w": 1}',
    "wrong rank": '{"x": [1, 2], "w": 1}', "not finite": '{"x": NaN, "w": 1}', "computed": '{"x": 1, "w": 1, "L": 3}', "null": '{"x": null, "w": 1}',
    "nested object": '{"x": {"a": 1}, "w": 1}',
}  # fmt: skip


@pytest.mark.parametrize("text", BAD_VALUES.values(), ids=BAD_VALUES.keys())
def test_bad_values_end_with_status_2(capsys, tmp_path, text):
    (tmp_path / "net.py").write_text(NETWORK)
    (tmp_path / "v.json").write_text(text)
    status, out, err = run(capsys, "solve", str(tmp_path / "net.py"), "--at", str(tmp_path / "v.json"))
    assert status == 2 and err.startswith("derive: ") and len(err.splitlines()) == 1 and out == ""


BAD_ASSIGNMENTS = {
    "not toml": "title =", "no problem": 'title = "x"', "unknown key": 'titel = "x"\n[[problem]]\nnetwork = "residual"',
    "neither": '[[problem]]\ntitle = "x"', "both": '[[problem]]\nnetwork = "residual"\nsource = "x"', "no such network": '[[problem]]\nnetwork = "nosuch"',
    "bad source": '[[problem]]\nsource = "def f(x: Scalar):\\n    return y"', "bad wrt": '[[problem]]\nnetwork = "residual"\nwrt = ["q"]',
    "bad jacobian": '[[problem]]\nnetwork = "layer"\n[[problem.jacobian]]\nof = "y"', "bad given": '[[problem]]\nnetwork = "relu_sparsity"\ngiven = ["z1 = 0"]',
    "bad values": '[[problem]]\nnetwork = "linear_rnn"\nvalues = { x = [1] }', "bad paths": '[[problem]]\nnetwork = "lstm"\npaths = "W_f"', "bad type": "title = 3\n[[problem]]\nnetwork = 'layer'",
    "bad choice": 'time = "sideways"\n[[problem]]\nnetwork = "residual"', "a problem that is no table": "problem = [1]",
}  # fmt: skip


@pytest.mark.parametrize("text", BAD_ASSIGNMENTS.values(), ids=BAD_ASSIGNMENTS.keys())
def test_bad_assignments_end_with_status_2(capsys, tmp_path, text):
    (tmp_path / "a.toml").write_text(text)
    status, _, err = run(capsys, "sheet", str(tmp_path / "a.toml"), "-o", str(tmp_path / "out"), "--format", "tex")
    assert status == 2 and "a.toml" in err and "Traceback" not in err
    assert not (tmp_path / "out").exists(), "nothing is written before everything is checked"


def test_failed_check_is_status_1(capsys, tmp_path):
    from derive import ops

    object.__setattr__(ops.sigmoid, "derivative", lambda x, y: y * (2 - y))
    try:
        (tmp_path / "net.py").write_text("def net(x: Scalar, w: Scalar):\n    L = sigmoid(w * x)\n    return L\n")
        status, _, err = run(capsys, "solve", str(tmp_path / "net.py"), "-o", str(tmp_path / "out"))
    finally:
        object.__setattr__(ops.sigmoid, "derivative", lambda x, y: y * (1 - y))
    assert status == 1 and "gradient of" in err and "entry" in err and not (tmp_path / "out").exists()


def test_module_runs(tmp_path):
    (tmp_path / "net.py").write_text(NETWORK)
    done = subprocess.run([sys.executable, "-m", "derive", "solve", str(tmp_path / "net.py"), "--format", "md"], capture_output=True, text=True, cwd=Path(__file__).parent.parent)
    assert done.returncode == 0 and r"\bar{w}" in done.stdout


def test_values_by_any_spelling(capsys, tmp_path):
    at = tmp_path / "v.json"
    rng = np.random.default_rng(0)
    shapes = {"x": (2,), "W^{(1)}": (3, 2), "b_1": (3,), "W2": (2, 3), "b^(2)": (2,), "r": (3,), "s": (2,)}
    at.write_text(json.dumps({k: rng.uniform(size=n).tolist() for k, n in shapes.items()}))
    assert run(capsys, "solve", "residual", "--at", str(at), "--format", "json")[0] == 0
