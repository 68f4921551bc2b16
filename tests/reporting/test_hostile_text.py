"""Labels and names of the config are text in every output, whatever they hold."""

import re
import shutil
import subprocess
from html.parser import HTMLParser
from types import SimpleNamespace

import jinja2
import matplotlib.cbook
import numpy as np
import pandas as pd
import pytest
from configs import default_config
from docutils.core import publish_parts
from matplotlib.text import Text

from starmass.config.whole import read_config
from starmass.errors import InputError
from starmass.reporting import style
from starmass.reporting.ablation import draw_ablation
from starmass.reporting.figures.embedding import draw_embedding
from starmass.reporting.figures.few_labels import draw_few_labels
from starmass.reporting.figures.regression import Line, Panel, draw_regression
from starmass.reporting.tables import build_table
from starmass.reporting.typesetting import (
    Grid,
    Page,
    escape_markdown,
    escape_mathtext,
    escape_rst,
    html,
    latex,
    markdown,
    plain,
)

HOSTILE = (
    "_hidden",
    "x\n\n.. raw:: html\n\n   <script>alert(1)</script>\n\ny",
    '<script>alert(1)</script> & <b title="\'">',
    "&lt;b&gt; &amp; &#60;",
    "[click](javascript:alert(1)) ![i](x) [ref]: http://x",
    "a|b `c` *d* _e_ __f__ ~~g~~ |h| `i <http://j>`_ k_ [1]_ :sup:`l`",
    "# m",
    "1. n",
    r"\input{/etc/passwd} \\ \% {o} ^^41",
    "50% of $x^2$ & y_1 #2 {p} ~ q",
    "a\n\\end{document}\nb",
    "[r] -- --- ''s'' \"t\" ,,u",
    "*v",
    "{{ w }} {% if x %}",
    "αβγ ΑΓΩ ς Łódź é e\u0301 ß 星の質量 Ж ą 😀 ∂",
    "$ $$ \\$ y",
    "",
)
NAME = "_s_"


class Reader(HTMLParser):
    """The text of a page, and the tags on it."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.words, self.rows = set(), "", [[]]
        self.feed(page)
        self.words = " ".join(self.words.split())

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.words += " " if tag in ("p", "td", "th", "li", "caption") else ""

    def handle_data(self, data):
        self.words += data


def page_of(texts):
    grids = [Grid(f"In {text}", [text, "R²"], [[text, "0.5"], ["other", text]]) for text in texts]
    return Page(f"Of {texts[0]}", [f"Says {text}." for text in texts], grids, list(texts))


def unescaped(text):
    """Read Markdown as CommonMark says: a backslash before a sign of ASCII takes its meaning."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", text)


def test_html_and_captions_show_the_text():
    page = page_of(HOSTILE)
    read = Reader(html(page))
    assert not read.tags & {"script", "b", "a", "img", "i"}
    for text in HOSTILE:
        assert read.words.count(plain(text)) >= 5, text
        caption = f"**Ablation.** Varied: {escape_rst(text)}; all else {escape_rst(text)}."
        body = publish_parts(caption, writer="html")["body"]
        shown = Reader(body)
        assert shown.tags == {"p", "strong"}, body
        assert shown.words == f"Ablation. Varied: {plain(text)}; all else {plain(text)}."


def test_markdown_keeps_its_tables_and_shows_the_text():
    text = markdown(page_of(HOSTILE))
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(rows) == 4 * len(HOSTILE)
    assert {len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) for row in rows} == {3}
    for hostile in HOSTILE:
        escaped = escape_markdown(hostile)
        assert unescaped(escaped) == plain(hostile)
        # What could begin something: code, emphasis, HTML, an entity, a link, mathematics, a list.
        bare = re.sub(r"\\.", "", escaped)
        assert not re.search(r"[`*<~$|]|&#?\w+;|\]\(|(?<![^\W_])_|_(?![^\W_])|^#|^\d+\. ", bare)
    assert (
        escape_markdown("0.80 [0.70, 0.90] of few_labels.csv")
        == "0.80 [0.70, 0.90] of few_labels.csv"
    )


def test_latex_compiles_for_real(tmp_path):
    """With every engine that is here; pdfLaTeX prints the numbers of letters that it lacks."""
    text = latex(page_of([*HOSTILE, "".join(map(chr, range(0xA1, 0x180)))]), "demo")
    for line in text.splitlines():
        if not line.startswith("%"):
            assert not re.search(r"(?<!\\)\\(input|end\{document)", line), line
    assert r"$\alpha$$\beta$$\gamma$ A$\Gamma$$\Omega$" in text and "[U+661F U+306E" in text
    (tmp_path / "table.tex").write_text(text, encoding="utf-8")
    document = r"""\documentclass{article}\usepackage{booktabs}
\begin{document}\listoftables\input{table.tex}\clearpage\typeout{the end}\end{document}"""
    engines = [
        name for name in ("pdflatex", "lualatex", "xelatex", "tectonic") if shutil.which(name)
    ]
    if not engines:
        pytest.skip("no LaTeX is installed: apt-get install texlive-latex-recommended")
    for engine in engines:
        (tmp_path / f"{engine}.tex").write_text(document)
        options = [] if engine == "tectonic" else ["-interaction=nonstopmode", "-halt-on-error"]
        for _ in range(2):  # the list of tables is read when it is run again
            done = subprocess.run(
                [engine, *options, f"{engine}.tex"],
                cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout[-2000:]
            assert engine == "tectonic" or "the end" in done.stdout


def test_figures_show_the_text_and_all_of_a_legend():
    methods = {f"m{place}": text for place, text in enumerate(HOSTILE) if text}
    rows = [
        {"split": NAME, "method": method, "label": label, "fraction": fraction, "r2": 0.5}
        | {"r2_low": 0.4, "r2_high": 0.6, "r2_draw_lowest": 0.4, "r2_draw_highest": 0.6}
        | {"n_train_protostars": 10 * fraction, "value": HOSTILE[int(10 * fraction)]}
        | {"base": HOSTILE[1], "varied": "x", "beam_pc": np.nan, "r2_difference": 0.0}
        | {"r2_difference_low": 0.0, "r2_difference_high": 0.0}
        for method, label in methods.items()
        for fraction in (0.1, 1.0)
    ]
    table = pd.DataFrame(rows).assign(finest_cell_pc=0.004, accretion_radius_pc=0.01)
    random = np.random.default_rng(0)
    stars = pd.DataFrame(
        {"simulation": ["_a", NAME, "b_c"] * 3, "sink_id": range(9), "axis": "x", "part": "train"}
        | {f"{plane}_{axis}": random.random(9) for plane in ("pc", "tsne") for axis in (1, 2)}
        | {"mass_msun": 1.0, "age_yr": 1e4, "same_protostar": 0, "same_simulation": 1}
        | {"pc_1_share": 0.5, "pc_2_share": 0.2}
    )
    numbers = np.linspace(-1, 1, 6)
    panels = [
        Panel(label, numbers, numbers, {"r2": 0.5, "rmse_dex": 0.1}) for label in HOSTILE[3:6]
    ]
    line = Line(NAME, random.random((6, 3)), numbers, np.arange(6) < 4, panels)
    with style.journal_style():
        few = draw_few_labels(table, "text")
        drawn = {
            "few": few,
            "ablation": draw_ablation(table, HOSTILE[9], "text"),
            "embedding": draw_embedding(stars, NAME, {"mass": "viridis", "age": "cividis"}),
            "regression": draw_regression([line], "viridis"),
        }
        for figure in drawn.values():
            figure.draw_without_rendering()
    keys = [text.get_text() for text in few.legends[0].get_texts()]
    assert len(keys) == len(methods)
    for key, label in zip(keys, methods.values(), strict=True):
        assert not matplotlib.cbook.is_math_text(key)
        assert key.replace("\n", " ") == escape_mathtext(label)
    legends = [axes.get_legend() for axes in drawn["embedding"].axes]
    (names,) = [[text.get_text() for text in legend.get_texts()] for legend in legends if legend]
    assert names == ["_a", NAME, "b_c"]
    labels = {text.get_text() for text in drawn["ablation"].findobj(Text)}
    assert escape_mathtext(HOSTILE[9]) in {label.replace("\n", " ") for label in labels}


@pytest.mark.parametrize("target", [None, "errors", "redshift"])
def test_every_caption_of_the_report_is_read_without_a_complaint(root, target):
    """Names may end with an underscore, which reStructuredText takes for a link."""
    entry = {"format": "toycloud", "generator": "flame", "normalise_pixels": target is None}
    config = {"study": NAME, "maps": {"simulations": {NAME: entry}}}
    name = escape_rst(NAME)
    words = {key: escape_rst(HOSTILE[1]) for key in ("label", "base")}
    words |= dict.fromkeys(("features", "split", "images"), name)
    words |= {"kinds": {name: "row"}, "simulations": {name: "toycloud"}}
    words |= {"number": 7, "beside": 3}
    words |= {"segments": 6, "attention_mass": 0.6, "gas": target is None, "brightness": name}
    own = {"name": escape_rst(HOSTILE[1]), "unit": name, "kind": "number", "metrics": target}
    words |= {"target": own} if target else {}
    snakemake = SimpleNamespace(
        config=config,
        wildcards=SimpleNamespace(
            ablation=NAME, images=NAME, simulation=NAME, study=NAME, encoder=NAME, seed="0"
        ),
        params=SimpleNamespace(config=entry, caption=words),
    )
    environment = jinja2.Environment(
        trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )  # as Snakemake's report has it
    captions = [
        path for path in (root / "workflow/report").glob("*.rst") if path.stem != "workflow"
    ]
    assert len(captions) >= 17
    of_targets = {"confusion", "scatter"}
    for path in captions:
        if path.stem in of_targets and target is None:
            continue
        text = environment.from_string(path.read_text()).render(snakemake=snakemake)
        body = publish_parts(text, writer="html")["body"]
        assert "system-message" not in body and "problematic" not in body, (path.name, body)
        read = Reader(body)
        assert read.tags <= {"p", "strong", "tt", "span", "code"}, (path.name, read.tags)
        if any(word in path.read_text() for word in ("wildcards", '["features"]', '["split"]')):
            assert NAME in read.words, path.name


def test_a_label_goes_through_the_table_in_all_its_forms(tmp_path, comparison, root):
    label = " ".join(HOSTILE)
    comparison(tmp_path, label=label)
    outputs = {kind: tmp_path / f"demo.{kind}" for kind in ("csv", "md", "tex", "html")}
    names = ("metrics", "differences", "mass_bins", "overstatement")
    build_table(
        study="demo",
        **{name: tmp_path / f"{name}.csv" for name in names},
        published=root / "resources/table1_published.csv",
        counterparts={},
        splits={"random": "row", "protostar": "protostar"},
        methods=["dinov2_knn"],
        simulations={"cloud": "sfumato"},
        outputs=outputs,
    )
    assert set(pd.read_csv(outputs["csv"])["label"]) == {label}
    read = Reader(outputs["html"].read_text())
    assert read.words.count(plain(label)) >= 4 and "script" not in read.tags
    assert outputs["md"].read_text().count(escape_markdown(label)) >= 4


def test_what_no_page_shows_is_refused():
    default = default_config()
    methods = default["evaluation"]["methods"]
    for text, words in (
        ("bell \x07", r"control character \(U\+0007\)"),
        ("right \u202e to left", r"control character \(U\+202E\)"),
        ("a </SCRIPT> b", "'</SCRIPT' would end the script"),
        ("a <!-- b", "'<!--' would end the script"),
    ):
        methods["mean"] = {**methods["mean"], "label": text}
        with pytest.raises(InputError, match=rf"'evaluation\.methods\.mean\.label': .*{words}"):
            read_config(default)
    methods["mean"]["label"] = "two\nlines and\ta tab"
    read_config(default)
