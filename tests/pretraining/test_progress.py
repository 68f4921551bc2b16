"""What a run shows: records that survive a restart, curves for TensorBoard, a bar on a terminal and
plain lines elsewhere.
"""

import io
import json
import logging

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from starmass.console import job
from starmass.pretraining import progress
from starmass.pretraining.progress import Journal, progress_shown


def test_a_restart_drops_what_lies_after_its_checkpoint(tmp_path):
    path = tmp_path / "metrics.jsonl"
    journal = Journal(path, 0)
    for step in (1, 2, 3):
        journal.write({"step": step})
    path.write_text(path.read_text() + '{"step": 4, "los')
    Journal(path, 2).write({"step": 3, "again": True})
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {"step": 1},
        {"step": 2},
        {"step": 3, "again": True},
    ]


def record(step):
    return {"step": step, "loss": 9.5 - step, "rankme": 3.0, "images_per_second": 20.0}


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def show(tmp_path, monkeypatch):
    """A function that shows three steps of five, each of 8 images, and returns what standard error
    got.
    """

    def show(screen, step=0):
        monkeypatch.setattr(progress.sys, "stderr", screen)
        with (
            job(tmp_path / "log.txt"),
            progress_shown(
                True, 5, step, 8, tmp_path / "metrics.jsonl", tmp_path / "curves"
            ) as shown,
        ):
            for number in range(step + 1, 4):
                shown.advance()
                shown.write(record(number))
            logging.getLogger("starmass").warning("mind this")
        return screen.getvalue()

    return show


def test_a_terminal_gets_a_bar_and_the_log_lines(show, tmp_path):
    screen = show(Terminal())
    assert (
        "loss 6.500, RankMe 3.0" in screen
        and "24.0/40.0" in screen
        and "mind this" in screen
        and "step 1 of 5" not in screen
    )
    assert (tmp_path / "log.txt").read_text().splitlines()[2:] == [
        "step 3 of 5: loss 6.500, RankMe 3.0, 20 images/s, 00:00 left",
        "mind this",
    ]


def test_elsewhere_there_are_lines_only(show):
    assert [line[:11] for line in show(io.StringIO()).splitlines()] == [
        "step 1 of 5",
        "step 2 of 5",
        "step 3 of 5",
        "mind this",
    ]


def points(folder):
    events = EventAccumulator(str(folder))
    events.Reload()
    return [(event.step, event.value) for event in events.Scalars("loss")]


def test_curves_go_on_after_a_restart_and_begin_anew_with_a_new_run(show, tmp_path):
    show(io.StringIO())
    assert points(tmp_path / "curves") == [(1, 8.5), (2, 7.5), (3, 6.5)]
    show(io.StringIO(), step=1)
    assert (
        points(tmp_path / "curves") == [(1, 8.5), (2, 7.5), (3, 6.5)]
        and len(list((tmp_path / "curves").iterdir())) == 2
    )
    show(io.StringIO())
    assert len(list((tmp_path / "curves").iterdir())) == 1


def test_other_ranks_show_nothing(tmp_path):
    with progress_shown(False, 5, 0, 8, tmp_path / "metrics.jsonl", tmp_path / "curves") as shown:
        assert shown is None
    assert not list(tmp_path.iterdir())
