"""Every hyperparameter of a run, declared once.

The form, the command-line flags, the JSON file and the error messages are all made from the
fields of `RunConfig`: type, bounds, default, label, one line of help and the usual values.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from msgspec import Meta

from mnistop.engine.errors import ConfigError
from mnistop.engine.hyperparameters import (
    LARGEST_PIXEL,
    Hyperparameter,
    as_text,
    is_pixel_range,
    parse_hidden,
    parse_pixel_range,
    parse_resize,
    parse_samples,
    setting,
)

PixelRange = Literal["auto"] | tuple[float, float]
"""The stored values of black and of white; `auto` to find them in the pixels."""

Resize = Literal["off"] | tuple[int, int]
"""Height and width that images are resized to; `off` leaves them as they are."""

SOURCES = {
    "bundled": "sources.read_bundled",
    "digits": "sources.read_digits",
    "openml": "readers.openml.read_openml",
}
"""The data sources that have a name; all others are paths. Each one's module in
`mnistop.engine.data`, and the function there that reads it."""

USUAL_RATES = {"manual": 0.1, "sgd": 0.1, "adam": 0.001, "adamw": 0.001, "rmsprop": 0.001}
"""Learning rates at which each optimizer learns MNIST well; that of `sgd` is without momentum."""

LOADED_BY = ("source", "samples", "pixel_range", "resize", "split")
"""The hyperparameters that decide which images are loaded, and in which form."""
SPLIT_BY = ("val_fraction", "split_seed", "stratify")
"""Those that decide which of these images are kept for validation."""

Split = Literal["given", "random"]
"""Whose choice the validation and test images are: that of the source, or chance."""


def split_before(source: str) -> Split:
    """Return the split of settings from before there was a choice."""
    return "given" if source in ("bundled", "digits") else "random"  # they have but one part


@dataclass(frozen=True)
class RunConfig:
    """All that decides a run: the same values give the same bits on the same machine.

    Values may be given as their texts.

    Raises:
        ConfigError: a sentence for each value that is wrong.
    """

    source: Annotated[str, Meta(min_length=1)] = setting(
        "bundled",
        "source",
        f"Where the images come from: {', '.join(SOURCES)}, or a path: CSV, folders of pictures, "
        "NumPy or IDX files, and more.",
        tuple(SOURCES),
        format=f"{', '.join(SOURCES)}, or the path of a folder or file",
    )
    samples: Annotated[int, Meta(ge=2)] | None = setting(
        1000,
        "samples",
        "How many of the first images to use; the others test the finished model. all uses every "
        "one but a source's test images.",
        (500, 1000, 2000, 4000, None),
        by_factors=True,
        format="a whole number from 2 up, or all",
        parse=parse_samples,
    )
    pixel_range: Literal["auto"] | tuple[float, float] = setting(
        "auto",
        "pixel range",
        "The stored pixel values of black and white, as in 0 16; auto finds them where they are "
        "clear.",
        ("auto", (0.0, 1.0), (0.0, 16.0), (0.0, 255.0), (0.0, 4095.0), (0.0, 65535.0), (-1.0, 1.0)),
        format=f"auto, or two numbers from {-LARGEST_PIXEL:g} to {LARGEST_PIXEL:g}, black and "
        "white, the lower one first",
        parse=parse_pixel_range,
        is_possible=is_pixel_range,
    )
    resize: (
        Literal["off"]
        | tuple[Annotated[int, Meta(ge=1, le=1024)], Annotated[int, Meta(ge=1, le=1024)]]
    ) = setting(
        "off",
        "resize",
        "Height and width that images are resized to, as in 28 28; off leaves them as they are.",
        ("off", (8, 8), (14, 14), (28, 28), (32, 32), (64, 64)),
        format="off, or height and width, two whole numbers from 1 to 1,024",
        parse=parse_resize,
    )
    split: Literal["given", "random"] = setting(
        "given",
        "split",
        "given keeps a source's own validation and test images apart; random draws the validation "
        "images from all.",
    )
    val_fraction: Annotated[float, Meta(gt=0, lt=1)] = setting(
        0.2,
        "validation share",
        "The fraction of the images that is held out of training for validation.",
        (0.1, 0.2, 0.3, 0.5),
    )
    split_seed: Annotated[int, Meta(ge=0, lt=2**32)] = setting(
        42, "split seed", "Decides which images are kept for validation.", (0, 1, 2, 42)
    )
    stratify: Literal["off", "on"] = setting(
        "off",
        "stratify",
        "on takes the same share of each class for validation; off leaves it to chance.",
    )
    sampler: Literal["shuffle", "balanced"] = setting(
        "shuffle",
        "sampler",
        "shuffle trains on every image once an epoch; balanced draws as many, all classes equally "
        "often, so rare images repeatedly.",
    )
    class_weights: Literal["none", "balanced"] = setting(
        "none",
        "class weights",
        "balanced weights each image in the loss by how rare its class is; none weights all alike.",
    )
    seed: Annotated[int, Meta(ge=0, lt=2**32)] = setting(
        0,
        "seed",
        "Decides the first weights, the shuffling, the dropout and the shifts.",
        (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    )
    epochs: Annotated[int, Meta(ge=1, le=1_000_000)] = setting(
        100,
        "epochs",
        "How many times training goes through all training images.",
        (10, 20, 50, 100, 200, 500, 1000),
        by_factors=True,
    )
    batch_size: Annotated[int, Meta(ge=1, le=1_000_000)] = setting(
        32,
        "batch size",
        "How many images each weight update is computed from.",
        (1, 4, 8, 16, 32, 64, 128, 256, 512),
        by_factors=True,
    )
    hidden: Annotated[tuple[Annotated[int, Meta(ge=1, le=65_536)], ...], Meta(max_length=32)] = (
        setting(
            (128,),
            "hidden layers",
            "Neurons of each hidden layer, as in 128 or 256 128; none makes a single-layer model.",
            ((), (32,), (64,), (128,), (256,), (256, 128), (512, 256)),
            by_factors=True,
            format="up to 32 whole numbers from 1 to 65,536 separated by spaces, or none",
            parse=parse_hidden,
        )
    )
    activation: Literal["relu", "tanh", "sigmoid", "gelu", "silu"] = setting(
        "relu",
        "activation",
        "The nonlinearity after each hidden layer; without one, more layers add nothing.",
    )
    optimizer: Literal["manual", "sgd", "adam", "adamw", "rmsprop"] = setting(
        "manual",
        "optimizer",
        "How a gradient becomes an update: manual is SGD written by hand, w -= lr * gradient.",
    )
    lr: Annotated[float, Meta(gt=0, le=1000)] = setting(
        0.1,
        "learning rate",
        "How far each update goes: too high and the loss swings, too low and it barely falls.",
        (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0),
        by_factors=True,
    )
    momentum: Annotated[float, Meta(ge=0, lt=1)] = setting(
        0.9,
        "momentum",
        "How much of the last update the next one keeps; used by the sgd optimizer only.",
        (0.0, 0.5, 0.8, 0.9, 0.95, 0.99),
    )
    weight_decay: Annotated[float, Meta(ge=0, le=100)] = setting(
        0.0,
        "weight decay",
        "How strongly every update pulls the weights towards zero.",
        (0.0, 0.00001, 0.0001, 0.001, 0.01),
        by_factors=True,
    )
    dropout: Annotated[float, Meta(ge=0, lt=1)] = setting(
        0.0,
        "dropout",
        "The share of hidden activations that is switched off at random in each training step.",
        (0.0, 0.1, 0.2, 0.3, 0.5),
    )
    schedule: Literal["constant", "cosine", "step"] = setting(
        "constant",
        "schedule",
        "How the learning rate changes: cosine falls to zero, step falls to a tenth at 1/2 "
        "and at 3/4 of the epochs.",
    )
    shift: Annotated[int, Meta(ge=0, le=64)] = setting(
        0,
        "shift",
        "Training images are moved by up to this many pixels each way, differently in each epoch.",
        (0, 1, 2, 3, 4),
    )
    adversarial_epsilon: Annotated[float, Meta(ge=0, le=1)] = setting(
        0.0,
        "adversarial epsilon",
        "Half of the loss is on images perturbed by FGSM this much, for a robust model; 0 is off.",
        (0.0, 0.025, 0.05, 0.1, 0.125, 0.2),
    )
    early_stopping: Annotated[int, Meta(ge=0, le=1_000_000)] = setting(
        0,
        "early stopping",
        "Stop when the validation loss has not improved for this many epochs; 0 is off.",
        (0, 5, 10, 20, 50),
    )
    clip_norm: Annotated[float, Meta(ge=0, le=1_000_000)] = setting(
        0.0,
        "gradient clipping",
        "The gradient is scaled down to this norm when it is longer; 0 is off.",
        (0.0, 0.5, 1.0, 5.0),
    )
    threads: Literal["auto"] | Annotated[int, Meta(ge=1, le=1024)] = setting(
        "auto",
        "threads",
        "Processor threads for the arithmetic; auto takes one for small models, where it is "
        "fastest, and more for large ones.",
        ("auto", 1, 2, 4, 8),
        format="auto, or a whole number from 1 up and at most 1,024",
        parse=str.lower,
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = setting(
        "auto", "device", "Where to compute: auto takes cuda or mps where there is one, else cpu."
    )

    def __post_init__(self) -> None:
        problems: dict[str, str] = {}
        for name, each in HYPERPARAMETERS.items():
            try:
                object.__setattr__(self, name, each.read(getattr(self, name)))
            except ConfigError as error:
                problems |= error.problems
        if problems:
            raise ConfigError(problems)

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return iter(vars(self).items())

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """A configuration from typed values or their texts; what is left out is the default.

        Raises:
            ConfigError: a sentence for each value that is wrong, and each name that is none.
        """
        known = {name: value for name, value in values.items() if name in NAMES}
        unknown = {name: _unknown(name) for name in values if name not in NAMES}
        try:
            made = cls(**known)
        except ConfigError as error:
            raise ConfigError(error.problems | unknown) from None
        if unknown:
            raise ConfigError(unknown)
        return made

    def texts(self) -> dict[str, str]:
        """Return all settings as texts by name."""
        return {name: as_text(value) for name, value in self}

    def changes(self) -> dict[str, str]:
        """Return what differs from the defaults, the notebook's run, as texts by name."""
        return {
            name: as_text(value) for name, value in self if value != HYPERPARAMETERS[name].default
        }

    def without_effect(self) -> frozenset[str]:
        """Names of the hyperparameters that change nothing beside the others."""
        names = set()
        if self.optimizer != "sgd":
            names.add("momentum")
        if not self.hidden:
            names |= {"activation", "dropout"}
        return frozenset(names)


HYPERPARAMETERS = {field.name: Hyperparameter.of(field) for field in dataclasses.fields(RunConfig)}

NAMES = tuple(HYPERPARAMETERS)
"""All hyperparameters, in the order in which they are shown."""

PRESETS: dict[str, dict[str, Any]] = {
    "notebook": {},
    "too high": {"lr": 3.0},
    "too low": {"lr": 0.0003},
    "single layer": {"hidden": ()},
    "Adam": {"optimizer": "adam", "lr": 0.001},
    "shifted": {"shift": 2},
    "adversarial": {"adversarial_epsilon": 0.1},
    "all the data": {"samples": None, "epochs": 30},
}
"""Named starting points: what each changes of the notebook's run."""


def label_of(name: str) -> str:
    """Return the label of a hyperparameter; a recorded run's own setting is its own label."""
    return HYPERPARAMETERS[name].label if name in HYPERPARAMETERS else name


def _unknown(name: str) -> str:
    import difflib

    near = difflib.get_close_matches(name, NAMES, n=1)
    hint = f"; did you mean {near[0]}?" if near else "."
    return f"There is no hyperparameter {name}{hint}"
