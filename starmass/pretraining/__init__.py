"""Images to an encoder: self-supervised pretraining."""

import os

# OpenMP reads this when torch is loaded, so it is set here. It makes waiting threads sleep instead
# of spin: on a machine that others use too, spinning made a step of two threads 3-5 times as long.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
