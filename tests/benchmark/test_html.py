"""The page of a benchmark, and its summary in notebooks; in a browser where there is one."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from html import escape
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from filexchange.benchmark.reporting.html import page
from filexchange.benchmark.results import Place, Results

Make = Callable[..., Results]
Browse = Callable[..., dict[str, Any]]

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
# They keep Chromium from looking for anything, and from a sandbox that containers do not allow.
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-quic"),
    *("--disable-dev-shm-usage", "--enable-logging=stderr", "--dump-dom"),
)
HOSTILE = "</script><img src=x onerror=\"window.hacked=1\"><b title='a'>&amp;"
# Runs in the page, after its own script; what `probe` returns is found in what Chromium prints.
PROBE = """<script>{
const all = (selector) => [...document.querySelectorAll(selector)];
const texts = (selector) => all(selector).map((each) => each.textContent);
const points = (id) => all(`#${id} g[data-way]`).length;
const choose = (name, value) => {
  const select = document.querySelector(`select[name="${name}"]`);
  select.value = value;
  select.dispatchEvent(new Event("change"));
};
const probe = () => { %s };
const found = { ...probe(), requests: performance.getEntriesByType("resource").length,
  images: all("img").length, hacked: window.hacked ?? null, inner: innerWidth,
  overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  paper: getComputedStyle(document.body).backgroundColor };
const out = document.createElement("pre");
out.id = "probe";
out.textContent = JSON.stringify(found);
document.body.append(out);
}</script>"""


class _Probe(HTMLParser):
    """Finds the text of the element that a probe wrote."""

    def __init__(self) -> None:
        super().__init__()
        self.is_inside = False
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.is_inside = ("id", "probe") in attrs

    def handle_data(self, data: str) -> None:
        self.text += data if self.is_inside else ""


def _framed(text: str, width: int) -> str:
    """Return a page that holds another, since no window is as narrow as a telephone."""
    take = "probe.textContent = this.contentDocument.getElementById('probe').textContent"
    frame = f'<iframe width="{width}" height="800" onload="{take}" srcdoc="{escape(text)}">'
    return f'<!DOCTYPE html><meta charset="utf-8"><pre id="probe"></pre>{frame}</iframe>'


@pytest.fixture
def browse(tmp_path: Path) -> Browse:
    """Return a function that opens a page and returns what a script finds in it."""
    if BROWSER is None:
        pytest.skip("there is no Chromium")
    program: str = BROWSER

    def run(text: str, script: str, *flags: str, width: int | None = None) -> dict[str, Any]:
        probed = text.replace("</body>", PROBE % script + "</body>")
        file = tmp_path / "page.html"
        file.write_text(probed if width is None else _framed(probed, width), encoding="utf-8")
        done = subprocess.run(
            [program, *FLAGS, f"--user-data-dir={tmp_path / 'user'}", *flags, file.as_uri()],
            capture_output=True,
            encoding="utf-8",
            check=True,
            timeout=60,
        )
        parser = _Probe()
        parser.feed(done.stdout)
        assert parser.text, done.stderr
        found: dict[str, Any] = json.loads(parser.text)
        # Errors of scripts, and what the page forbids itself to load.
        assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
        assert found["requests"] == found["images"] == 0
        return found

    return run


def test_the_page_refers_to_nothing_outside(make_results: Make) -> None:
    text = page(make_results())
    assert re.findall(r"https?://[^\"'\s]*", text) == ["http://www.w3.org/2000/svg"]
    assert set(re.findall(r'(?:src|href)="([^"]*)"', text)) == {"data:,"}
    assert "@import" not in text
    assert "url(" not in text
    assert "default-src 'none'" in text


def test_the_page_has_words_facts_and_failures_without_a_script(make_results: Make) -> None:
    text = page(make_results(directories=("/dev/shm", "/data")))
    body = text[text.index("<body>") : text.index('<script type="application/json"')]
    for words in ("to exchange: <b>npy</b>", "A Processor", "numpy 2.4.1", "ext4 on /dev/sda1"):
        assert words in body
    assert "no filter &lt;lzf&gt; &amp; no luck" in body


def test_the_plots_show_every_way_and_obey(browse: Browse, make_results: Make) -> None:
    results = make_results(
        sizes=(64_000, 16_000_000), directories=("/dev/shm", "/data"), caches=("warm", "cold")
    )
    found = browse(
        page(results),
        """
        const seen = { sizes: points("size-plot"), speeds: points("speed-plot") };
        seen.disk = points("disk-plot");
        seen.lines = all("#size-plot .series").length;
        seen.front = document.querySelector(".front").getAttribute("d").match(/V/g).length;
        seen.winners = texts("#winners td");
        seen.bySize = texts("#sizes tr").length;
        const first = () => document.querySelector("#cases tbody tr").textContent;
        seen.fastest = first();
        document.querySelector('#cases [data-column="way"]').click();
        seen.alphabetic = first();
        document.querySelector('#cases [data-column="way"]').click();
        seen.reversed = first();
        seen.sorted = texts('#cases th[aria-sort="descending"]');
        all("#legend button").find((each) => each.textContent === "npy").click();
        seen.without = points("speed-plot");
        seen.pressed = all('#legend [aria-pressed="false"]').length;
        all("#legend button")[0].click();
        seen.again = points("speed-plot");
        document.querySelector("#speed-plot g[data-way]").dispatchEvent(new Event("pointerenter"));
        seen.tip = document.getElementById("tip").textContent;
        seen.faded = all(".is-faded").length > 10;
        const plot = document.querySelector("#disk-plot svg");
        plot.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" }));
        plot.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" }));
        seen.keyed = document.querySelector("#tip b").textContent;
        choose("time of", "slice");
        seen.timed = document.querySelector("#size-plot figcaption").textContent;
        choose("directory", "/data");
        choose("cache", "cold");
        seen.caption = document.querySelector("#winners caption").textContent;
        seen.cold = points("speed-plot");
        choose("input", "field-64kB");
        seen.small = document.querySelector("#winners caption").textContent;
        return seen;
        """,
        "--window-size=1400,1000",
    )
    assert found["overflow"] == 0
    # Ten formats and three transports, at two sizes.
    assert found["sizes"] == 26
    assert found["lines"] == 13
    assert found["speeds"] == 15  # and two floors
    assert found["disk"] == 10
    assert found["front"] == 2
    assert found["winners"][:2] == ["fastest round trip", "npy = raw"]
    assert found["bySize"] == 3
    assert found["fastest"].startswith("queue")
    assert found["alphabetic"].startswith("dd")
    assert found["reversed"].startswith("zarr:zstd")
    assert found["sorted"] == ["way ▼"]
    assert (found["without"], found["pressed"], found["again"]) == (14, 1, 15)
    assert found["tip"].startswith("npy field-16000kBwrite6.")
    assert found["faded"]
    assert found["keyed"] == "raw"
    assert "1% slice" in found["timed"]
    assert found["caption"] == "field-16000kB, /data, cold"
    assert found["cold"] == 11  # transports are warm, and memory has no page cache
    assert found["small"] == "field-64kB, /data, cold"


def test_the_page_fits_a_telephone_in_the_dark(browse: Browse, make_results: Make) -> None:
    found = browse(
        page(make_results(sizes=(64_000, 16_000_000))),
        """
        const inside = (each) => each.getBoundingClientRect().right <= innerWidth;
        return { plots: all("figure svg").length, inside: all("figure svg").every(inside) };
        """,
        "--blink-settings=preferredColorScheme=0",
        width=400,
    )
    assert found["inner"] == 400
    assert found["overflow"] == 0
    assert (found["plots"], found["inside"]) == (3, True)
    assert found["paper"] == "rgb(20, 23, 26)"


def test_names_are_text_whatever_is_in_them(browse: Browse, make_results: Make) -> None:
    medians = {HOSTILE: {"write": 1.0, "read": 1.0, "round_trip": 2.0}, "bad": HOSTILE}
    results = make_results(medians)
    hostile = replace(
        results,
        inputs=(replace(results.inputs[0], name=HOSTILE, dtype=HOSTILE),),
        places=(Place(HOSTILE, HOSTILE, HOSTILE),),
        machine=replace(results.machine, processor=HOSTILE, packages={HOSTILE: HOSTILE}),
        cases=tuple(
            replace(each, case=each.case._replace(input=HOSTILE, directory=HOSTILE))
            for each in results.cases
        ),
    )
    found = browse(
        page(hostile), "return { winner: texts('#winners td')[1], facts: texts('dd').join() };"
    )
    assert found["hacked"] is None
    assert found["winner"] == HOSTILE
    assert HOSTILE in found["facts"]


@pytest.mark.parametrize("medians", [{"npy": "it failed"}, {"npy": {"slice": 1.0}}])
def test_there_may_be_little_to_show(
    medians: dict[str, object], browse: Browse, make_results: Make
) -> None:
    found = browse(page(make_results(medians)), "return { words: texts('.advice')[0] };")
    assert ("nothing was measured" in found["words"]) == (medians["npy"] == "it failed")


def test_text_has_contrast_in_both_schemes() -> None:
    style = files("filexchange.benchmark.reporting").joinpath("page", "page.css").read_text("utf-8")
    light, dark = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    for scheme in (light, dark):
        colors = dict(re.findall(r"--(\w+): (#\w{6})", scheme))
        for ink in ("ink", "quiet", "accent", "bad"):
            for paper in ("paper", "panel"):
                assert _contrast(colors[ink], colors[paper]) >= 4.5, (ink, paper)


def _contrast(one: str, other: str) -> float:
    """Return the contrast ratio that WCAG 2 defines."""

    def luminance(color: str) -> float:
        parts = (int(color[start : start + 2], 16) / 255 for start in (1, 3, 5))
        red, green, blue = (
            part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_notebooks_show_words_and_winners(make_results: Make) -> None:
    one = make_results()._repr_html_()
    assert "to exchange: <b>npy</b>" in one
    assert "<td>fastest round trip</td><td>npy = raw</td>" in one
    several = make_results(caches=("warm", "cold"))._repr_html_()
    assert "Winners of 2 comparisons" in several
    assert "<script" not in one + several


def test_notebooks_show_names_as_text(make_results: Make) -> None:
    results = make_results({HOSTILE: {"round_trip": 1.0}, "bad": HOSTILE})
    shown = replace(results, places=(Place("/dev/shm", HOSTILE, HOSTILE),))._repr_html_()
    assert "<img" not in shown
    assert "&lt;img" in shown
