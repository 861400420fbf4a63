"""The page of runs: whole, escaped, of the right numbers, and asking for nothing."""

from __future__ import annotations

import base64
import io
import json
import math
import re
import shlex
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from chromium import PROGRAM, browser
from PIL import Image

import bwtheory.training.command
from bwtheory.cli import main
from bwtheory.report import pictures
from bwtheory.report.charts import MOST_POINTS, Axis, Chart, Line, thinned
from bwtheory.report.commands import repeating_command
from bwtheory.report.folders import Study, find
from bwtheory.report.page import render, write_report
from bwtheory.report.runs import evaluate, names_of, read
from bwtheory.tasks.task import band_errors
from bwtheory.training.command import start_runs
from bwtheory.training.config import TrainingConfig, with_preset
from bwtheory.training.run import RunDirectory

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
HOSTILE = "<script>alert('1')</script> \"x' & ü \u202e </style> {{ 7*7 }} -->"
TINY = {"epochs": 12, "hidden_features": 16, "hidden_layers": 2, "log_every": 2}


class Page(HTMLParser):
    """A page as elements, with what is wrong with it as HTML or would load something."""

    def __init__(self, content: bytes | str):
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.wrong: list[str] = []
        self.text = ""
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self.feed(content if isinstance(content, str) else content.decode("utf-8"))
        self.close()
        self.wrong += [f"{tag} is not closed" for tag in self.open]
        ids = [attributes["id"] for _, attributes in self.elements if "id" in attributes]
        self.wrong += [f"id {name} twice" for name in set(ids) if ids.count(name) > 1]
        self.wrong += [f"a style loads {url}" for style in self.styles for url in re.findall(r"url\(|@import", style)]

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.elements.append((tag, attributes))
        if tag not in VOID:
            self.open.append(tag)
        if tag in ("link", "iframe", "object", "embed", "base", "form", "audio", "video", "a"):
            self.wrong.append(f"<{tag}>")
        for name, value in attributes.items():
            if name.startswith("on"):
                self.wrong.append(f"{name} in <{tag}>")
            if name in ("src", "href", "xlink:href", "srcset", "action", "data", "poster", "background"):
                self.wrong += [] if (value or "").startswith(("data:image/png;base64,", "#")) else [f"{tag} {name}={value}"]
            if name == "style":
                self.styles.append(value or "")
        if tag == "script":
            self.scripts.append("")
        if tag == "img" and not attributes.get("alt"):
            self.wrong.append("an image without a text alternative")

    def handle_endtag(self, tag):
        if not self.open or self.open[-1] != tag:
            self.wrong.append(f"</{tag}> within {self.open[-3:]}")
        else:
            self.open.pop()
        if tag in ("th", "td"):
            self.text += " | "

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data
        elif self.open and self.open[-1] == "style":
            self.styles.append(data)
        else:
            self.text += data

    @property
    def charts(self) -> list[dict]:
        return [json.loads(script) for script in self.scripts if script.startswith("{")]

    def pictures(self) -> dict[str, np.ndarray]:
        """By their text alternatives."""
        found = {}
        for tag, attributes in self.elements:
            if tag == "img":
                content = base64.b64decode(attributes["src"].partition(",")[2])
                found[attributes["alt"]] = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
        return found

    def rows(self) -> str:
        return re.sub(r"\s+", " ", self.text)


def train(folder: Path, seeds: int = 1, options: dict | None = None, task_options: dict | None = None, **given) -> list[Path]:
    config = with_preset({**TINY, **given, "device": "cpu"}, options, task_options)
    assert start_runs(config, seeds, folder) == 0
    return sorted(folder.iterdir())


def pattern() -> np.ndarray:
    y, x = np.mgrid[0:20, 0:28]
    return (127 + 80 * np.sin(x / 3) + 40 * np.cos(y / 2)).astype(np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Two seeds and another network on one image; a sound, a function, and a scan that nobody knows the truth of."""
    out = tmp_path_factory.mktemp("reported")
    Image.fromarray(pattern()).save(out / "picture.png")
    train(out / "runs", 2, source=str(out / "picture.png"), log_details=True)
    train(out / "runs", source=str(out / "picture.png"), activation="siren")
    train(out / "others", source="kinks", task="univariate")
    train(out / "others", source="chirp", task="audio", task_options={"seconds": 0.05})
    np.save(out / "scan.npy", np.random.default_rng(0).random((6, 16)))
    train(out / "others", source=str(out / "scan.npy"), task="ct", task_options={"sinogram": True, "angles": 6})
    return out


@pytest.fixture(scope="module")
def page(folder) -> Page:
    out, size = write_report([folder / "runs"], folder / "page.html")
    assert size == out.stat().st_size
    return Page(out.read_bytes())


def copied(run: Path, to: Path) -> Path:
    shutil.copytree(run, to)
    return to


def with_summary(run: Path, **changes) -> Path:
    """The run with other values in its summary, as somebody could write it."""
    directory = RunDirectory(run)
    directory.save_summary(directory.read_summary() | changes)
    return run


def test_the_page_is_whole_and_loads_nothing(page):
    assert page.wrong == []
    assert {tag for tag, _ in page.elements} >= {"img", "svg", "table", "script", "details", "select", "input"}
    policy = next(a["content"] for tag, a in page.elements if tag == "meta" and a.get("http-equiv"))
    assert policy.startswith("default-src 'none';")


def test_every_kind_of_task_has_a_page(folder):
    out, _ = write_report([folder / "others"], folder / "others.html")
    found = Page(out.read_bytes())
    assert found.wrong == []
    for title in ("univariate, kinks", "audio, chirp", "ct, scan"):
        assert title in found.text
    titles = [
        attributes["aria-label"].split(":")[0] for tag, attributes in found.elements if tag == "svg" and "role" in attributes
    ]
    assert titles.count("What was learned") == 2 and "Relative residual" in titles
    assert "What scan-ct-bw-relu-seed40 has learned" in found.pictures()
    assert "The true image" not in found.pictures()  # nobody knows it


def test_the_numbers_are_those_of_the_runs(folder, page):
    runs = [folder / "runs" / f"picture-signal-{name}" for name in ("bw-relu-seed40", "bw-relu-seed41", "siren-seed40")]
    truth = pattern() / 255
    psnrs = []
    for folder_of_run in runs:
        run, problem = evaluate(read(folder_of_run, "x"), {})
        assert run is not None and problem == ""
        image = run.values.reshape(20, 28, 1)
        psnr = -10 * math.log10(((image[..., 0] - truth) ** 2).mean())
        psnrs.append(psnr)
        assert f"{folder_of_run.name} | {psnr:.2f} |" in page.rows()
        bands = band_errors(image, truth[..., None])
        (spectrum,) = [c for c in page.charts if c["x"]["label"].startswith("octave")]
        (line,) = [each for each in spectrum["lines"] if each["name"] == folder_of_run.name]
        assert line["points"] == [[k, float(f"{band:.6g}")] for k, band in enumerate(bands)]
        drawn = page.pictures()[f"What {folder_of_run.name} has learned"]
        assert np.array_equal(drawn[..., 0], np.rint(255 * image[..., 0].clip(0, 1)))
        (curve,) = [c for c in page.charts if c["y"]["label"] == "PSNR, dB"]
        (line,) = [each for each in curve["lines"] if each["name"] == folder_of_run.name]
        logged = RunDirectory(folder_of_run).read_metrics()
        assert line["points"] == [[row["epoch"], float(f"{row['psnr']:.6g}")] for row in logged if row["epoch"] > 0]
    mean, deviation = np.mean(psnrs[:2]), np.std(psnrs[:2], ddof=1)
    seeds = page.rows().partition("standard deviation")[2].partition("Settings that differ")[0]
    stated = re.search(r"40, 41 \| ([\d.]+) ± ([\d.]+) \|", seeds)
    digits = len(stated[2].partition(".")[2])
    assert (stated[1], stated[2]) == (f"{mean:.{digits}f}", f"{deviation:.{digits}f}")
    assert np.array_equal(page.pictures()["The true image"][..., 0], pattern())


def test_settings_that_differ_and_only_those(page):
    table = page.text.partition("Settings that differ")[2].partition("signal, picture")[0]
    assert table.strip().split(" | ")[:5] == ["setting", "activation", "c", "lr", "omega_0"]
    assert "hidden_features" not in table and "epochs" not in table and "siren" in table


def test_error_maps_share_a_scale(folder, page):
    """An error has one colour on the whole page, and the largest of all is the brightest colour."""
    truth = pattern() / 255
    colours: dict[int, set] = {}
    largest, brightest = 0.0, None
    for name in ("bw-relu-seed40", "bw-relu-seed41", "siren-seed40"):
        run, _ = evaluate(read(folder / "runs" / f"picture-signal-{name}", "x"), {})
        error = np.abs(run.values.reshape(20, 28) - truth)
        (drawn,) = [p for alt, p in page.pictures().items() if alt.startswith(f"Absolute error of picture-signal-{name}")]
        assert drawn.shape == (20, 28, 3)
        for value, colour in zip(error.ravel(), drawn.reshape(-1, 3)):
            colours.setdefault(round(200 * math.log10(value)), set()).add(tuple(colour))
            if value > largest:
                largest, brightest = value, tuple(colour)
    # A step of 1/200 of a decade is at most a quarter of one of 256 colours on at most 12 decades: two colours meet in it.
    assert max(len(found) for found in colours.values()) <= 2
    assert brightest == (253, 231, 37)


def test_between_the_pixels_the_places_are_right(folder, monkeypatch):
    """Three points along a pixel: the middle one is the pixel's, the others a third of a pixel away."""
    run, _ = evaluate(read(folder / "runs" / "picture-signal-siren-seed40", "x"), {})
    window = slice(4, 12), slice(10, 22)
    values = pictures.between_pixels(run, window, 3)
    pixels = run.values.reshape(20, 28, 1)[window]
    assert np.allclose(values[1::3, 1::3], pixels, atol=1e-4)  # float32 coordinates, and slopes below 100
    asked = []
    monkeypatch.setattr(type(run), "at", lambda self, x: asked.append(x) or np.zeros((len(x), 1)))
    pictures.between_pixels(run, window, 3)
    x, y = asked[0][:, 0].reshape(24, 36), asked[0][:, 1].reshape(24, 36)
    assert np.allclose(x[0], -1 + 2 * (10 + (np.arange(36) - 1) / 3) / 27, atol=1e-12)
    assert np.allclose(y[:, 0], -1 + 2 * (4 + (np.arange(24) - 1) / 3) / 19, atol=1e-12)


def test_large_pictures_are_made_smaller_and_say_so():
    side = 2 * pictures.LONGEST_SIDE + 3
    pixels = np.zeros((side, 5, 1))
    pixels[6:9] = 1.0
    found = pictures.of_values(pixels, "x")
    assert found.shrunk == 3 and found.height == -(-side // 3) and found.width == 2
    drawn = Image.open(io.BytesIO(base64.b64decode(found.uri.partition(",")[2])))
    assert np.asarray(drawn)[:4, 0].tolist() == [0, 0, 255, 0]
    assert pictures.block_means(np.ones((7, 8, 2)), 3).tolist() == np.ones((3, 3, 2)).tolist()


def test_the_crop_is_where_most_detail_is():
    image = np.zeros((100, 120, 1))
    image[60:80:2, 90:110] = 1.0
    rows, columns = pictures.most_detailed(image)
    assert rows.start <= 60 and rows.stop >= 80 and columns.start <= 90 and columns.stop >= 110
    assert pictures.most_detailed(np.zeros((5, 7, 1))) == (slice(0, 5), slice(0, 7))


def test_what_is_hostile_in_a_folder_is_text(folder, tmp_path):
    """Names of folders, sources, notes, settings, versions, tables: all of it is shown, nothing of it is obeyed."""
    run = copied(folder / "runs" / "picture-signal-bw-relu-seed40", tmp_path / "runs" / HOSTILE.replace("/", "∕"))
    config = json.loads((run / "config.json").read_text())
    name = {key: HOSTILE for key in ("source", "settings_from", "device_name", "torch", "commit", "kernel")}
    for file in ("checkpoint.pt", "weights.safetensors"):
        (run / file).unlink()  # of the configuration before
    (run / "config.json").write_text(json.dumps(config | {"settings_from": HOSTILE, "source": HOSTILE}))
    with_summary(run, **name, notes=[HOSTILE, {"a": HOSTILE}], oracle=HOSTILE, stopping=[HOSTILE])
    copied(folder / "runs" / "picture-signal-siren-seed40", tmp_path / "runs" / "plain")
    table = f"# {HOSTILE}\n\n| {HOSTILE} |\n|---|\n| <img src=x onerror=alert(1)> |\n\n- [x](javascript:alert(1)) ![y](http://a/b.png)\n"
    table += "\n<iframe src='http://a'></iframe>\n\n<http://a.b>\n\n[r]: http://a 'b'\n[r]\n"
    (tmp_path / "table.md").write_text(table)
    out, _ = write_report([tmp_path], tmp_path / "page.html")
    found = Page(out.read_bytes())
    assert found.wrong == []
    own = sum(tag == "script" for tag, _ in found.elements)
    assert own == len(found.charts) + 1
    assert found.text.count(HOSTILE) >= 6 and "{{ 7*7 }}" in found.text and "49" not in found.text.partition("At a glance")[0]
    assert any(line["name"] == run.name for chart in found.charts for line in chart["lines"])
    assert "<img src=x onerror=alert(1)>" in found.text and "<iframe" in found.text
    allowed = {
        "class",
        "id",
        "style",
        "src",
        "alt",
        "width",
        "height",
        "data-name",
        "type",
        "hidden",
        "open",
        "lang",
        "charset",
    }
    allowed |= {
        "name",
        "content",
        "http-equiv",
        "role",
        "tabindex",
        "scope",
        "viewbox",
        "value",
        "min",
        "max",
        "step",
        "transform",
    }
    allowed |= {"x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "points", "text-anchor", "transform"}
    for tag, attributes in found.elements:
        assert {name for name in attributes if not name.startswith("aria-")} <= allowed, (tag, attributes)


@pytest.mark.parametrize("value", ["text", [], {}, [None, "x"], {"rows": [1], "columns": "x", "psnr": {}}, True, 10**400, -1])
def test_values_of_another_kind_are_no_crash(folder, tmp_path, value):
    """Somebody may have written them: a summary with its hash, and a log without one."""
    run = copied(folder / "runs" / "picture-signal-siren-seed40", tmp_path / "run")
    names = ("worst_block", "wrong_levels", "largest_level_error", "band_errors", "bits_per_pixel", "png_bits_per_pixel")
    names += ("oracle", "stopping", "notes", "off_grid_psnr", "grid_psnr", "source", "device_name", "commit", "settings_from")
    directory = RunDirectory(run)
    summary = {**directory.read_summary(), **dict.fromkeys(names, value)}
    summary.pop("metrics_sha256")
    directory.save_summary(summary)
    lines = [json.dumps({"epoch": n, **dict.fromkeys(("loss", "psnr", "ssim", "band_errors"), value)}) for n in (1, 2, 30)]
    (run / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    (run / "weights.safetensors").unlink()
    (run / "checkpoint.pt").unlink()
    found = Page(write_report([run], tmp_path / "page.html")[0].read_bytes())
    assert found.wrong == [] and "The network cannot be evaluated" in found.rows()


def test_names_that_are_no_text(folder, tmp_path):
    name = b"run-\xff-seed40".decode("utf-8", "surrogateescape")
    try:
        run = copied(folder / "runs" / "picture-signal-siren-seed40", tmp_path / name)
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    found = Page(write_report([run], tmp_path / "page.html")[0].read_bytes())
    assert found.wrong == [] and "run-\\udcff-seed40" in found.text


def damaged(run: Path, how: str) -> None:
    if how == "config":
        (run / "config.json").write_text("{")
    elif how == "summary":
        (run / "summary.json").write_text((run / "summary.json").read_text()[:100])
    elif how == "log":
        (run / "metrics.jsonl").write_bytes((run / "metrics.jsonl").read_bytes()[:-9])
    elif how == "no log":
        (run / "metrics.jsonl").unlink()
    elif how == "weights":
        (run / "checkpoint.pt").unlink()
        (run / "weights.safetensors").write_bytes(b"nothing")
    elif how == "source":
        config = json.loads((run / "config.json").read_text())
        (run / "config.json").write_text(json.dumps(config | {"source": "/nowhere/picture.png"}))
        (run / "checkpoint.pt").unlink()
    elif how == "other data":
        other = run.parent / "other.png"
        Image.fromarray(255 - pattern()).save(other)
        config = json.loads((run / "config.json").read_text())
        (run / "config.json").write_text(json.dumps(config | {"source": str(other)}))
    elif how == "unfinished":
        (run / "summary.json").unlink()
        (run / "weights.safetensors").unlink()
    elif how == "score":
        with_summary(run, psnr=77.0)


@pytest.mark.parametrize(
    "how, sentence",
    [
        ("config", "config.json is damaged"),
        ("summary", "summary.json is damaged"),
        ("log", "metrics.jsonl is damaged"),
        ("no log", "there are no curves"),
        ("weights", "The network cannot be evaluated:"),
        ("source", "The network cannot be evaluated:"),  # the weights are those of another configuration
        ("unfinished", "Unfinished: epoch 12 of 12 is the last one logged."),
        ("score", "Its summary says 77.00 dB; evaluated on this machine it has"),
    ],
)
def test_damage_is_said_and_the_others_are_shown(folder, tmp_path, how, sentence):
    broken = copied(folder / "runs" / "picture-signal-bw-relu-seed40", tmp_path / "runs" / "broken")
    copied(folder / "runs" / "picture-signal-siren-seed40", tmp_path / "runs" / "whole")
    damaged(broken, how)
    found = Page(write_report([tmp_path / "runs"], tmp_path / "page.html")[0].read_bytes())
    assert found.wrong == []
    assert sentence in found.rows()
    assert "What whole has learned" in found.pictures()
    if how in ("unfinished", "score", "no log", "log"):
        assert "What broken has learned" in found.pictures()


@pytest.mark.parametrize("gone", [True, False])
def test_data_that_are_gone_or_changed(folder, tmp_path, gone):
    """The network is not compared with other data than its own."""
    Image.fromarray(pattern()).save(tmp_path / "picture.png")
    (run,) = train(tmp_path / "runs", source=str(tmp_path / "picture.png"))
    if gone:
        (tmp_path / "picture.png").unlink()
    else:
        Image.fromarray(255 - pattern()).save(tmp_path / "picture.png")
    found = Page(write_report([run], tmp_path / "page.html")[0].read_bytes())
    assert found.wrong == []
    expected = "There is no image file" if gone else "are not those it was trained on, their SHA-256 differs"
    assert f"There is nothing to compare it with: {'' if not gone else expected}" in found.rows() and expected in found.rows()
    assert "The true image" not in found.pictures()
    with Image.open(run / "reconstruction.png") as kept:  # of the run itself
        assert np.array_equal(found.pictures()[f"What {run.name} has learned"], np.asarray(kept.convert("RGB")))


def test_a_picture_that_is_none_is_left_out(folder, tmp_path):
    for content in (b"GIF89a", b"\x89PNG\r\n\x1a\nnothing", b""):
        (tmp_path / "x.png").write_bytes(content)
        assert pictures.of_file(tmp_path / "x.png", "x") is None
    assert pictures.of_file(tmp_path / "none.png", "x") is None


def test_nothing_readable_is_an_error(folder, tmp_path, capsys):
    broken = copied(folder / "runs" / "picture-signal-bw-relu-seed40", tmp_path / "broken")
    damaged(broken, "config")
    (tmp_path / "empty").mkdir()
    for words, sentence in (
        ([str(broken)], "None of 1 runs can be read; the first:"),
        ([str(tmp_path / "empty")], "holds neither a run nor a folder of compare or reproduce"),
        ([str(tmp_path / "nothing")], "is no folder"),
        ([str(folder / "runs"), "--out", "page.pdf"], "should end with .html"),
        (
            [str(folder / "runs"), "--out", str(tmp_path / "no" / "page.html")],
            "is not a folder in which page.html can be written",
        ),
        ([], "A run is missing"),
    ):
        assert main(["report", *words]) == 2
        said = capsys.readouterr().err
        assert sentence in said and said.count("\n") == 1
    assert not (broken / "report.html").exists()


def test_foreign_code_is_refused_and_not_imported(folder, tmp_path, capsys, monkeypatch):
    run = copied(folder / "runs" / "picture-signal-bw-relu-seed40", tmp_path / "runs" / "foreign")
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(config | {"activation": "evil_module:Evil"}))
    (tmp_path / "evil_module.py").write_text("open('ran', 'w')\n")
    monkeypatch.chdir(tmp_path)
    assert main(["report", str(tmp_path / "runs")]) == 2
    assert "runs code of your Python path or the current folder, evil_module:Evil" in capsys.readouterr().err
    assert not (tmp_path / "ran").exists() and not (tmp_path / "runs" / "report.html").exists()


def test_the_command_writes_where_it_says(folder, tmp_path, capsys):
    assert main(["report", str(folder / "runs"), "--out", str(tmp_path / "page.html")]) == 0
    size = (tmp_path / "page.html").stat().st_size
    assert f"page.html, {size / 1e3:.3g} kB" in capsys.readouterr().out
    run = copied(folder / "runs" / "picture-signal-siren-seed40", tmp_path / "run")
    assert main(["report", str(run)]) == 0 and (run / "report.html").exists()


def test_folders_are_found_once_and_named_apart(folder, tmp_path):
    first, second = (tmp_path / name / "run-seed40" for name in ("a", "b"))
    for run in (first, second):
        copied(folder / "runs" / "picture-signal-siren-seed40", run)
    runs, studies = find([tmp_path / "a", second, first])
    assert runs == [first, second] and studies == []
    assert names_of(runs) == ["a/run-seed40", "b/run-seed40"]
    assert names_of([first]) == ["run-seed40"]


def test_studies_are_on_the_page_without_the_runs_that_only_tuned(folder, tmp_path):
    study = tmp_path / "compared" / "signal"
    copied(folder / "runs" / "picture-signal-siren-seed40", study / "runs" / "steps-siren")
    copied(folder / "runs" / "picture-signal-siren-seed40", study / "runs" / "trial0-siren")
    (study / "protocol.json").write_text("{}")
    (study / "table.md").write_text(
        "# A comparison\n\n## Equal steps\n\n| | PSNR |\n| --- | --- |\n| SIREN | 12.3 |\n\n- a note\n"
    )
    Image.fromarray(pattern()).save(study / "figure.png")
    found = Page(write_report([tmp_path / "compared"], tmp_path / "page.html")[0].read_bytes())
    assert found.wrong == [] and "12.3" in found.text and "a note" in found.text
    assert "steps-siren" in found.text and "trial0" not in found.text
    assert any(alt.startswith("The figure of signal") for alt in found.pictures())
    heads = [tag for tag, _ in found.elements if re.fullmatch("h[1-6]", tag)]
    assert heads.count("h1") == 1


def test_many_runs_have_pictures_of_each_setting_first(folder, tmp_path):
    config = TrainingConfig(source="camera")
    from bwtheory.report.page import MOST_SHOWN, _shown
    from bwtheory.report.panels import Panel
    from bwtheory.report.runs import Run

    panels = [Panel(Run(f"a-seed{n}", tmp_path, config), 0) for n in range(MOST_SHOWN)]
    panels += [Panel(Run("b", tmp_path, config), 1), Panel(Run("c", tmp_path, config), 2)]
    shown = [panel.run.name for panel in _shown(panels)]
    assert shown == [f"a-seed{n}" for n in range(MOST_SHOWN - 2)] + ["b", "c"]


def test_an_empty_study_is_a_page():
    found = Page(render([], [Study(Path("nothing"), "", None)]))
    assert found.wrong == []


COMMANDS = [
    "train signal --image camera --activation bw-relu",
    "train signal --image camera --activation siren --omega-0 30 --seed 42 --epochs 7 --shrink 8 --device cpu",
    "train signal --image camera --c 5 --learnable-c --linear-layers --weight-decay 1e-9 --stop-rule held-out --held-out 0.1",
    "train signal --image camera --faithful",
    "train superres --image camera --factor 2 --noise 0.01 --coords isotropic --double",
    "train ct --image camera --angles 30 --activation finer --option first_bias_scale=3 --faithful",
    "train inpaint --image camera --missing 0.5 --activation wire --sigma-0 4 --data-seed 3",
    "train denoise --image camera --noisy --noise-std 0.1 --activation gauss",
    "train univariate --target kinks --samples 9 --optimizer sgd --lr 0.01 --decay-epochs 50",
    "train audio --audio chirp --seconds 0.1 --activation relu-rff --option sigma=3 --input-scale 7",
    "train signal --image camera --gauss-newton-after 5 --epochs 9 --stop-at-loss 1e-9 --hidden-layers 2 --activation gelu",
]


@pytest.mark.parametrize("words", COMMANDS)
def test_the_command_repeats_the_run(words, monkeypatch):
    """What it says is parsed by the command line itself, and is the same configuration."""
    started: list[TrainingConfig] = []
    monkeypatch.setattr(bwtheory.training.command, "start_runs", lambda first, *others: started.append(first) or 0)
    assert main(shlex.split(words)) == 0
    command = repeating_command(started[0])
    assert command is not None and command.startswith("bwtheory train ")
    assert main(shlex.split(command)[1:]) == 0
    assert started[1] == started[0]


def test_no_command_is_made_up():
    """A preset's switch that is off again has no flag; neither has an option that is no number."""
    assert repeating_command(TrainingConfig(source="kinks", task="univariate", skip=False)) is None
    assert repeating_command(TrainingConfig(source="camera", task_options={"unknown": 1})) is None
    assert repeating_command(TrainingConfig(source="x", options={"name": "text"}, activation="a:B")) is None
    spaced = repeating_command(with_preset({"source": "/a b/'c'.png", "device": "auto"}))
    assert shlex.split(spaced)[4] == "/a b/'c'.png"


def test_a_chart_keeps_what_it_can_draw():
    points = [(0, 1.0), (1, 2.0), (2, math.nan), (3, math.inf), (4, None), (5, "6"), (6, True), (10, 0.5)]
    chart = Chart("t", "x", "y", [Line("a", 0, points), Line("b", 1, [(1, -1.0)])], x_log=True, y_log=True)
    assert [(line.name, line.points) for line in chart.drawable] == [("a", [(1, 2.0), (10, 0.5)])]
    root = Page(f"<p>{chart.svg()}</p>")
    assert root.wrong == []
    drawn = next(a["points"] for tag, a in root.elements if tag == "polyline").split()
    first, last = ([float(n) for n in place.split(",")] for place in drawn)
    assert first[0] < last[0] and first[1] < last[1]  # downwards on the screen


@pytest.mark.parametrize("low, high, log", [(0, 1, False), (-3e-7, 5e9, False), (7, 7, False), (1e-12, 1, True), (3, 5, True)])
def test_ticks_are_few_inside_and_in_order(low, high, log):
    axis = Axis([low, high], log, 0, 100, margin=0.05)
    ticks = axis.ticks()
    assert 2 <= len(ticks) <= 10
    places = [axis(number) for number, _ in ticks]
    assert places == sorted(places) and places[0] >= -1e-6 and places[-1] <= 100 + 1e-6
    assert len({label for _, label in ticks}) == len(ticks)


def test_long_curves_are_thinned_with_both_ends():
    points = [(n, n) for n in range(100_000)]
    kept = thinned(points)
    assert kept[0] == (0, 0) and kept[-1] == points[-1] and len(kept) <= MOST_POINTS + 1
    assert kept == sorted(set(kept)) and len([p for p in kept if p[0] < 1000]) > 50
    assert thinned(points[:MOST_POINTS]) == points[:MOST_POINTS]


@pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium here")
def test_in_a_browser(folder, tmp_path):
    """No complaints, no request but the file itself, on a phone nothing is wider than the screen, and keys work."""
    out, _ = write_report([folder / "runs", folder / "others"], tmp_path / "page.html")
    with browser() as page:
        for width in (1200, 390):
            page.open(out, width)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.evaluate("[...document.images].every((i) => i.complete && i.naturalWidth > 0)")
        assert not page.evaluate("document.querySelector('.viewer').hidden")
        page.evaluate("document.querySelector('.viewer input').focus()")
        before = page.evaluate("getComputedStyle(document.querySelector('.pair')).getPropertyValue('--at')")
        page.press("ArrowRight")
        after = page.evaluate("getComputedStyle(document.querySelector('.pair')).getPropertyValue('--at')")
        assert (before.strip(), after.strip()) == ("50%", "51%")
        page.evaluate("zoom = document.querySelector('.zoom'); zoom.value = '4'; zoom.dispatchEvent(new Event('change'))")
        assert page.evaluate("document.querySelector('.pair img').getBoundingClientRect().width") == 4 * 28
        page.evaluate("document.querySelector('.drawing').focus()")
        page.press("ArrowLeft")
        page.press("End")
        reading = page.evaluate("document.querySelector('.reading').textContent")
        assert "picture-signal-siren-seed40: " in reading and reading.startswith("octave")
        page.open(out, 1200, prefers_color_scheme="dark")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 24, 28)"
        assert page.complaints == []
        assert {address for address in page.requests if not address.startswith("data:")} == {out.resolve().as_uri()}
