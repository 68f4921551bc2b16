"""Images to an encoder: self-supervised pretraining."""

import os

# Read by OpenMP when torch is loaded, so it stands here. Threads that wait for each other sleep and
# don't spin: on a machine that others
# use too, spinning made a step of two threads 3-5 times as long.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
