"""Where results lie. Folder = stage, and each stage has a folder of its own for every name."""

from pathlib import PurePosixPath

DUMPS = "results/dumps"
MAPS = "results/maps"
OBSERVED = "results/observed"
FRACTALS = "results/fractals"
PRETRAINING = "results/pretraining"
EVALUATION = "results/evaluation"
TABLES = "results/tables"
FIGURES = "results/figures"
OBJECTS = "results/objects"
IMAGES = "results/images"
DETECTION = "results/detection"


class UsersFile(str):
    """A file that the user made, which no rule makes and no module prefix moves."""

    __slots__ = ()


def teacher(encoder: str, seed: int) -> str:
    """Path of a pretrained encoder."""
    return f"{PRETRAINING}/{encoder}/seed-{seed}/teacher.safetensors"


def curves(teacher_path: str) -> str:
    """Path of the curves of a pretraining, beside its encoder."""
    return str(PurePosixPath(teacher_path).with_name("curves.png"))


def catalogue(simulation: str) -> str:
    """Path of the table of a simulation's samples."""
    return f"{MAPS}/{simulation}/catalogue.csv"


def samples(study: str) -> str:
    """Path of the table of a study's maps."""
    return f"{EVALUATION}/{study}/samples.csv"


def split(study: str, name: str) -> str:
    """Path of a split of a study."""
    return f"{EVALUATION}/{study}/{name}/split.csv"


def features(study: str, split_name: str, name: str, seed: int) -> str:
    """Path of the features of a study's maps, as they are shown in a split."""
    return f"{EVALUATION}/{study}/{split_name}/features/{name}/seed-{seed}.h5"


def training_maps(study: str, split_name: str, preprocessing: str) -> str:
    """Path of the training maps of a split, shown in some way."""
    return f"{EVALUATION}/{study}/{split_name}/training_maps/{preprocessing}.h5"


def predictions(study: str, split_name: str, method: str, seed: int, few: str = "") -> str:
    """Path of a method's predictions; ``few`` is ``few_labels/`` for those from few labels."""
    return f"{EVALUATION}/{study}/{split_name}/{few}predictions/{method}/seed-{seed}.csv"


def image_set(name: str, file: str) -> str:
    """Path of a file of a set of images that others made."""
    return f"{IMAGES}/{name}/{file}"


def object_file(name: str, file: str) -> str:
    """Path of a file of an observed object."""
    return f"{OBJECTS}/{name}/{file}"


def detection(name: str, file: str) -> str:
    """Path of a file of a detector."""
    return f"{DETECTION}/{name}/{file}"
