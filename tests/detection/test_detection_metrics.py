"""Average precision and recall: against pycocotools, and against counting by hand."""

import contextlib
import io

import numpy as np
import pandas as pd
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from starmass.detection.boxes import SIDES, fixed_boxes
from starmass.detection.metrics import METRICS, OVERLAPS, Matches, match, overlaps, score_boxes


def random_boxes(random, count, images, classes):
    low, extent = random.uniform(0, 60, (count, 2)), random.uniform(4, 30, (count, 2))
    table = pd.DataFrame(np.hstack([low, low + extent]), columns=SIDES)
    drawn = {"row": random.integers(images, size=count), "class": random.choice(classes, count)}
    return table.assign(**drawn)


def scene(seed, images=12, classes=("a", "b", "c")):
    """True boxes, and predictions: some near a true box, some anywhere, more than 100 in one."""
    random = np.random.default_rng(seed)
    truth = random_boxes(random, 40, images, classes)
    near = truth.sample(30, random_state=seed)
    near = near.assign(**{s: near[s] + random.normal(0, 1.5, len(near)) for s in SIDES})
    more = random_boxes(random, 200, images, classes)
    crowded = random_boxes(random, 150, 1, classes[:1])
    predicted = pd.concat([near, near, more, crowded], ignore_index=True)
    score = np.round(random.uniform(size=len(predicted)), 2)  # some are equal
    return truth, predicted.assign(score=score)


def as_coco(table, classes):
    """Boxes in COCO's own form."""
    for at, line in enumerate(table.to_dict("records")):
        width, height = line["x_max"] - line["x_min"], line["y_max"] - line["y_min"]
        score = {"score": line["score"]} if "score" in line else {}
        yield {
            "id": at + 1, "image_id": line["row"], "category_id": classes.index(line["class"]),
            "bbox": [line["x_min"], line["y_min"], width, height], "area": width * height,
            "iscrowd": 0, **score,
        }  # fmt: skip


def judged(truth, predicted, images, classes):
    """Return COCO's numbers in our order."""
    categories = [{"id": at, "name": name} for at, name in enumerate(classes)]
    with contextlib.redirect_stdout(io.StringIO()):
        known = COCO()
        known.dataset = {
            "images": [{"id": int(one)} for one in images],
            "categories": categories,
            "annotations": [*as_coco(truth, classes)],
        }
        known.createIndex()
        judge = COCOeval(known, known.loadRes([*as_coco(predicted, classes)]), "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return judge.stats[[0, 1, 2, 6, 7, 8]]


def ours(truth, predicted, images, classes, **options):
    options = {"draws": 1, **options}
    return score_boxes(truth, predicted, images, images, classes=classes, **options)


@pytest.mark.filterwarnings("ignore")
def test_numbers_are_those_of_coco():
    for seed in range(6):
        classes = ["a", "b", "c"]
        truth, predicted = scene(seed)
        if seed == 1:
            truth = truth[truth["class"] != "b"]  # of which there are predictions
        if seed == 2:
            predicted = predicted[predicted["class"] != "c"]
        images = np.arange(14)  # the last two have no boxes
        table = ours(truth, predicted, images, classes)
        got = table[table["class"] == ""].set_index("metric")["value"]
        np.testing.assert_allclose(
            got[list(METRICS)], judged(truth, predicted, images, classes), rtol=0, atol=1e-9
        )
        assert 0.01 < got["AP"] < 0.9 and got["AR1"] < got["AR10"]


def by_hand(truth, predicted, least):
    """Average precision of one class by trying every score as the lowest that counts."""
    used, right = set(), []
    ordered = predicted.sort_values("score", ascending=False, kind="stable")
    for line in ordered.to_dict("records"):
        best, chosen = least, None
        for at, true in truth[truth["row"] == line["row"]].iterrows():
            width = min(line["x_max"], true["x_max"]) - max(line["x_min"], true["x_min"])
            height = min(line["y_max"], true["y_max"]) - max(line["y_min"], true["y_min"])
            common = max(width, 0) * max(height, 0)
            areas = [
                (one["x_max"] - one["x_min"]) * (one["y_max"] - one["y_min"])
                for one in (line, true)
            ]
            value = common / (sum(areas) - common)
            if at not in used and value >= best:
                best, chosen = value, at
        used.add(chosen)
        right.append(chosen is not None)
    total = 0.0
    for recall in np.linspace(0, 1, 101):
        precisions = [
            sum(right[:cut]) / cut
            for cut in range(1, len(right) + 1)
            if sum(right[:cut]) / len(truth) >= recall
        ]
        total += max(precisions, default=0) / 101
    return total


def test_precision_is_that_of_counting():
    for seed in range(4):
        random = np.random.default_rng(seed)
        truth = random_boxes(random, 5, 3, ["a"])
        predicted = pd.concat([truth.assign(x_max=truth["x_max"] + 2), truth.iloc[:2]])
        predicted = predicted.assign(score=random.permutation(len(predicted)) / 10)
        table = ours(truth, predicted, np.arange(3), ["a"]).set_index(["metric", "class"])
        for name, at in (("AP50", 0), ("AP75", 5)):
            want = by_hand(truth, predicted, OVERLAPS[at])
            assert table.loc[(name, "a"), "value"] == pytest.approx(want, abs=1e-12)


def test_a_weight_is_as_good_as_a_copy():
    truth, predicted = scene(0, images=3, classes=("a",))
    scored = predicted.assign(score=np.linspace(0.1, 0.9, len(predicted)))
    copies = [
        pd.concat([t[t["row"] == row].assign(row=at) for at, row in enumerate((0, 0, 1))])
        for t in (truth, scored)
    ]
    weighted = Matches.of(truth, scored, np.arange(3)).measure(np.array([2, 1, 0]))
    copied = Matches.of(copies[0], copies[1], np.arange(3)).measure(np.ones(3))
    np.testing.assert_allclose(weighted, copied, atol=1e-12)


def test_a_box_is_found_once_and_by_the_highest_score():
    box, beside = np.array([[0.0, 0, 10, 10]]), np.array([[0.0, 0, 10, 10], [0.0, 0, 10, 9]])
    found = match(overlaps(beside[::-1], box))
    assert found[0].tolist() == [True, False]
    assert found[-1].tolist() == [False, True]  # 0.9 is below 0.95
    assert not match(overlaps(beside, np.zeros((0, 4)))).any()


def test_intervals_hold_the_value_and_objects_are_drawn_whole():
    truth, predicted = scene(3)
    images = np.arange(12)
    table = ours(truth, predicted, images, ["a", "b", "c"], draws=100)
    assert (table["low"] <= table["high"]).all() and table["low"].notna().all()
    overall = table[table["class"] == ""]
    assert (overall["low"] <= overall["value"]).all()
    assert (overall["value"] <= overall["high"]).all()
    one = score_boxes(truth, predicted, images, np.zeros(12), classes=["a"], draws=5)
    np.testing.assert_allclose(one["low"], one["value"])  # all images are of a single object
    assert table.equals(ours(truth, predicted, images, ["a", "b", "c"], draws=100))


def test_a_perfect_detector_and_one_that_looks_at_no_image():
    truth = pd.DataFrame({"row": [0, 1, 2, 3], "class": "a"})
    truth = truth.assign(x_min=[0, 0, 0, 50.0], y_min=0.0, x_max=[9, 10, 11, 60.0], y_max=10.0)
    table = ours(truth, truth.assign(score=1.0), np.array([3]), ["a"])
    assert np.allclose(table["value"], 1) and (table["boxes"] == 1).all()
    nothing = ours(truth, truth.assign(score=1.0)[:0], np.arange(4), ["a"])
    assert (nothing["value"] == 0).all() and (nothing["boxes"] == 4).all()
    fixed = fixed_boxes(truth, np.arange(3), np.array([3]))
    assert fixed[[*SIDES, "score"]].to_numpy().tolist() == [[0, 0, 10, 10, 1]]
    assert (ours(truth, fixed, np.array([3]), ["a"])["value"] == 0).all()
    assert np.allclose(ours(truth, fixed.assign(row=1), np.array([1]), ["a"])["value"], 1)
