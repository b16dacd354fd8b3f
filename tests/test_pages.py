"""The pages in a real browser: headless Chromium lays them out, a script that only this test adds measures them."""

from __future__ import annotations

import html
import json
import re
import subprocess

import pytest

import derive
from derive.cli import main

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--virtual-time-budget=3000",
]  # fmt: skip
MEASURE = """<script>
const box = e => { const r = e.getBoundingClientRect(); return [r.left, r.right, r.top, r.bottom].map(Math.round) };
const tables = [...document.querySelectorAll("table.align")].map(t => [...t.rows].map(r => [...r.cells].map(box)));
const formulas = [...document.querySelectorAll("math")].map(box);
const circles = [...document.querySelectorAll("circle")].map(box);
const fractions = [...document.querySelectorAll("mfrac")].map(f => [box(f.children[0]), box(f.children[1])]);
document.body.innerHTML = "<pre>" + JSON.stringify({tables, formulas, circles, fractions}) + "</pre>";
</script>"""


def laid_out(page, tmp_path):
    """Boxes of the formulas as Chromium lays them out."""
    path = tmp_path / "measured.html"
    path.write_text(page.read_text().replace("</body>", f"{MEASURE}</body>"))
    command = ["chromium", *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1100,2000", "--dump-dom", path.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return json.loads(html.unescape(re.search(r"<pre>(.*?)</pre>", done.stdout, re.S)[1]))


@pytest.mark.browser
@pytest.mark.parametrize("name", ["residual", "lstm_scalar", "rnn"])
def test_pages_show_aligned_mathematics(name, tmp_path):
    assert main(["solve", name, "-o", str(tmp_path), "--format", "html"]) == 0
    seen = laid_out(tmp_path / f"{name}.html", tmp_path)
    assert len(seen["tables"]) >= 3 and len(seen["circles"]) > 3
    for rows in seen["tables"]:
        assert len({row[1][0] for row in rows}) == 1, "the signs of equality stand under each other"
        assert len({row[0][1] for row in rows}) == 1, "left sides end where they begin"
    assert all(right > left and bottom > top for left, right, top, bottom in seen["formulas"]), "no formula is empty"
    assert all(above[3] <= below[3] and above[2] < below[2] for above, below in seen["fractions"]), "fractions are stacked"
    assert max(right for _, right, _, _ in seen["formulas"]) <= 1100, "nothing runs off the page"


def test_gallery_has_what_is_measured():
    assert {"residual", "lstm_scalar", "rnn"} <= set(derive.gallery())
