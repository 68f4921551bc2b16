"""Whitening and nearest neighbours at the paper's size, in starmass and in plain scikit-learn:
python benchmarks/evaluation.py
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time

SIDES = ("starmass", "scikit-learn")


def measure(side: str, training: int, testing: int, width: int) -> dict:
    import numpy as np

    generator = np.random.default_rng(0)
    mixing = generator.normal(size=(width, width)).astype(np.float32) * np.geomspace(
        1, 1e-2, width, dtype=np.float32
    )
    features = generator.normal(size=(training + testing, width)).astype(np.float32) @ mixing
    labels = features[:, 0] / features[:, 0].std() + 0.1 * generator.normal(size=len(features))
    train, test = np.arange(training), np.arange(training, training + testing)
    groups = np.arange(len(features)) // 30
    if side == "starmass":
        from starmass.evaluation.regression import predict
    else:
        from sklearn.decomposition import PCA
        from sklearn.neighbors import KNeighborsRegressor
    start, used = time.perf_counter(), time.process_time()
    if side == "starmass":
        predicted = predict(
            features, labels, groups, train, test, regressor="knn", neighbours=5, whitening="all"
        ).values
    else:
        whiten = PCA(whiten=True).fit(features[train])
        regressor = KNeighborsRegressor(5, weights="distance").fit(
            whiten.transform(features[train]), labels[train]
        )
        predicted = regressor.predict(whiten.transform(features[test]))
    facts = {"seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - used}
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "side": side,
        **facts,
        "memory_mb": memory,
        "check": float(np.mean(predicted)),
        "first": predicted[:5].tolist(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--training", type=int, default=24000)
    parser.add_argument("--testing", type=int, default=8000)
    parser.add_argument("--width", type=int, default=1024)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--side", choices=SIDES, help="measure one side in this process and print JSON"
    )
    options = parser.parse_args()
    size = (options.training, options.testing, options.width)
    if options.side:
        print(json.dumps(measure(options.side, *size)))
        return
    threads = str(options.threads)
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    forwarded = [
        f"--{name}={value}"
        for name, value in zip(("training", "testing", "width"), size, strict=True)
    ]
    for _ in range(options.repeats):  # the sides take turns, each in a process of its own
        for side in SIDES:
            command = [sys.executable, __file__, f"--side={side}", *forwarded]
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, check=True
            )
            found = json.loads(done.stdout)
            print(
                f"{side:>13}: {found['seconds']:.1f} s ({found['cpu_seconds']:.1f} s of CPU),"
                f" {found['memory_mb']:.0f} MB at most;"
                f" first predictions {', '.join(f'{value:.6f}' for value in found['first'])}",
                flush=True,
            )


if __name__ == "__main__":
    main()
