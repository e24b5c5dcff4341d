"""Cells that torch trains: the compiled engine's weights where nothing is rounded, and modules as users write them."""

import textwrap

import nets
import numpy as np
import pytest

import lpbench
from lpbench.cells.points import stops
from lpbench.cells.run import CALL_SECONDS, run_cell
from lpbench.choices.cell import make_cell
from lpbench.choices.grid import single
from lpbench.errors import ConfigError
from lpbench.store import load_cells
from lpbench.sweeps.plan import make_plan
from lpbench.sweeps.sweep import run_plan

MODULES = """
    import math

    import torch
    from torch import nn
    from torch.nn import functional as F


    class Dropped(nn.Module):
        '''Dropout and batch normalisation.'''

        def __init__(self, inputs, classes, dimension=16):
            super().__init__()
            self.layers = nn.Sequential(
                nn.Flatten(), nn.Linear(math.prod(inputs), dimension), nn.BatchNorm1d(dimension), nn.ReLU(),
                nn.Dropout(0.2), nn.Linear(dimension, classes),
            )

        def forward(self, x):
            return self.layers(x)


    class Tied(nn.Module):
        '''An embedding whose weights are those of the output.'''

        def __init__(self, tokens, classes, dimension=16):
            super().__init__()
            assert tokens == classes
            self.embedding = nn.Embedding(tokens, dimension)
            self.hidden = nn.Linear(dimension, dimension)
            self.output = nn.Linear(dimension, classes, bias=False)
            self.output.weight = self.embedding.weight

        def forward(self, x):
            return self.output(torch.tanh(self.hidden(self.embedding(x))))


    class Frozen(nn.Module):
        '''A backbone that does not train.'''

        def __init__(self, inputs, classes):
            super().__init__()
            self.backbone = nn.Linear(inputs, 32)
            self.backbone.requires_grad_(False)
            self.head = nn.Linear(32, classes)

        def forward(self, x):
            return self.head(torch.relu(self.backbone(x)))


    class Gru(nn.Module):
        def __init__(self, tokens, classes, dimension=16):
            super().__init__()
            self.embedding = nn.Embedding(tokens, dimension)
            self.gru = nn.GRU(dimension, dimension, batch_first=True)
            self.output = nn.Linear(dimension, classes)

        def forward(self, x):
            return self.output(self.gru(self.embedding(x))[0])


    def several(inputs, classes):
        '''A function that makes a module, which gives a tuple.'''
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.hidden, self.output = nn.Linear(inputs, 16), nn.Linear(16, classes)

            def forward(self, x):
                hidden = torch.relu(self.hidden(x))
                return self.output(hidden), hidden

        return Net()


    class Needs(nn.Module):
        def __init__(self, inputs, vocabulary):
            super().__init__()


    class Wide(nn.Module):
        def __init__(self, inputs):
            super().__init__()
            self.output = nn.Linear(inputs, 7)

        def forward(self, x):
            return self.output(x)


    class Fails(nn.Module):
        '''Takes the first batches.'''

        def __init__(self, inputs, classes):
            super().__init__()
            self.hidden, self.output = nn.Linear(inputs, 8), nn.Linear(8, classes)
            self.hidden.register_forward_pre_hook(self.count)
            self.seen = 0

        def count(self, module, args):
            self.seen += module.training
            if self.seen > 2:
                raise RuntimeError("out of luck")

        def forward(self, x):
            return self.output(torch.relu(self.hidden(x)))


    def nothing(inputs, classes):
        return None


    def pairs():
        '''Arrays.'''
        random = torch.Generator().manual_seed(0)
        X, y = torch.randn(40, 3, generator=random), torch.randint(0, 2, (40,), generator=random)
        return (X[:30], y[:30]), (X[30:], y[30:])


    def loaders():
        '''The same, in batches, and as a dataset.'''
        (X, y), (test_X, test_y) = pairs()
        train = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X, y), batch_size=7)
        return train, torch.utils.data.TensorDataset(test_X, test_y)


    def empty():
        return [], []


    def one():
        return pairs()[0]


    def real():
        (X, y), test = pairs()
        return (X, y + 0.5), test
"""
ROLES = {**nets.ALL, "engine": "torch", "device": "cpu", "steps": 4}


def written(path, text):
    path.write_text(textwrap.dedent(text))
    return path


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    """A file of modules and of data."""
    return written(tmp_path_factory.mktemp("own") / "mine.py", MODULES)


PLAINLY = {
    "sgd": {},
    "adamw": {"algorithm": "adamw", "step_size": 0.01, "second_momentum": 0.99},
    "cosine": {"schedule": "cosine", "warmup": 1},
}
# An update knows nothing of layers: all networks with one, and each of the others with one of them.
QUICK = {*((name, "sgd") for name in nets.NETS), ("mlp", "adamw"), ("cnn 1-d", "cosine")}


@pytest.mark.parametrize(
    ("name", "more"),
    [
        pytest.param(name, more, marks=[pytest.mark.slow] * ((name, more) not in QUICK))
        for name in nets.NETS
        for more in PLAINLY
    ],
)
def test_without_rounding_both_engines_are_one(name, more, in_python):
    choices = {**nets.PLAIN, "steps": 3, "weight_decay": 0.01, "loss_scale": 4.0, **PLAINLY[more]}
    problem = nets.data(name)
    compiled = nets.run(nets.training(problem, stride=1, **choices))
    torched = nets.run(nets.by_torch(problem, **choices))
    assert np.allclose(compiled.losses, torched.losses, rtol=1e-12, atol=0)
    for found, expected in zip(nets.weights(torched), nets.weights(compiled), strict=True):
        assert np.allclose(found, expected, rtol=1e-11, atol=1e-12)
    for column, found in compiled.observe(compiled.points.steps.size).items():
        if column not in ("saturation_rate", "stall_rate"):
            assert np.allclose(found, torched.observe(found.size)[column], rtol=1e-10, equal_nan=True), column


@pytest.mark.parametrize("more", [{}, {"algorithm": "swalp", "average_start": 1, "average_every": 2}])
def test_pauses_change_no_bit(more):
    problem = nets.data("cnn 1-d")
    whole, cut = (nets.run(nets.by_torch(problem, **{**ROLES, **more}), pauses) for pauses in (10**6, 1))
    assert whole.record.tobytes() == cut.record.tobytes()
    assert whole.losses.tobytes() == cut.losses.tobytes()


def test_a_module_whose_time_nobody_knows_is_asked_to_stop_after_a_few_steps():
    cell = nets.by_torch(nets.data("mlp"), **ROLES | {"steps": 100})
    stride = max(1, int(CALL_SECONDS / cell.step_seconds))
    assert np.diff(stops(cell.points.steps, stride)[0], prepend=0).max() <= 8


def test_an_average_is_judged_and_training_goes_on_from_the_weights():
    problem = nets.data("mlp")
    plain = nets.run(nets.by_torch(problem, **ROLES))
    averaged = nets.run(
        nets.by_torch(problem, **ROLES | {"algorithm": "swalp", "average_start": 2, "average_every": 1})
    )
    assert plain.losses.tobytes() == averaged.losses.tobytes()
    assert plain.record[-1].tolist() != averaged.record[-1].tolist()


def test_workers_and_order_change_no_digest(mine, tmp_path):
    grid = [
        "problem=module", f"module={mine}:Dropped", "dataset=digits", "n_samples=60", "batch_size=16", "steps=12",
        "recipe=all", "format=block", "even_points=3", "seed=range(3)",
    ]  # fmt: skip
    found = []
    for name, workers in (("one", 1), ("two", 2)):
        run_plan(
            make_plan(grid if workers == 1 else [*grid[:-1], "seed=2,0,1"], name=name, runs_dir=tmp_path),
            workers,
        )
        cells = load_cells(tmp_path / name)
        assert set(cells["status"]) == {"ok"}
        found.append(dict(zip(cells["cell_id"], cells["digest"], strict=True)))
    assert found[0] == found[1]
    assert len(set(found[0].values())) == 3
    assert cells["digest_holds"].str.contains("1 thread").all()


USED = {
    "Dropped": {"dataset": "digits"},
    "Tied": {"dataset": "text", "n_samples": 40},
    "Frozen": {"dataset": "breast_cancer"},
    "Gru": {"dataset": "tags", "n_samples": 60},
    "several": {"dataset": "breast_cancer"},
}


@pytest.mark.parametrize("name", USED)
def test_modules_as_users_write_them(mine, tmp_path, name):
    more = {"format": "block", "recipe": "all", "batch_size": 8, "steps": 40, "even_points": 2}
    given = USED[name]
    row = lpbench.run(problem="module", module=f"{mine}:{name}", **given, **more)
    assert row["status"] == "ok", row["error"]
    losses = row["trace"]["train_loss"]
    assert losses.iloc[-1] < losses.iloc[0]
    assert row["weights"] > 0
    assert row["bits_per_step"] > 0
    plain = lpbench.run(problem="module", module=f"{mine}:{name}", **given, **more, algorithm="sgd")
    assert plain["bits_per_step"] > 3 * row["bits_per_step"]


@pytest.mark.parametrize("name", ["pairs", "loaders"])
def test_data_of_ones_own(mine, name):
    row = lpbench.run(
        problem="module", module=f"{mine}:several", data=f"{mine}:{name}", batch_size=5, epochs=2
    )
    assert row["status"] == "ok", row["error"]
    assert (row["n_samples"], row["steps"], row["dataset"]) == (30, 12, None)


def test_the_same_data_in_two_ways_is_the_same_run(mine):
    found = [
        lpbench.run(problem="module", module=f"{mine}:several", data=f"{mine}:{name}", batch_size=5, epochs=1)
        for name in ("pairs", "loaders")
    ]
    assert found[0]["digest"] == found[1]["digest"]
    assert found[0]["cell_id"] != found[1]["cell_id"]


def test_a_module_that_raises_in_a_step_names_the_layer(mine):
    row = lpbench.run(
        problem="module", module=f"{mine}:Fails", dataset="breast_cancer", batch_size=16, steps=5
    )
    assert row["status"] == "failed"
    assert "step 2, layer hidden: RuntimeError: out of luck" in row["error"]


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        (["module=MINE:Nothing"], "has no Nothing. Did you mean 'nothing'"),
        (["module=MINE:nothing"], "a torch.nn.Module is needed, got NoneType"),
        (["module=MINE:Needs"], "Needs needs vocabulary; it is called with those of inputs, classes that it names"),
        (["module=MINE:Wide"], "the module gives (2, 7) for a batch, and is to give logits: (2, 2)"),
        (["module=MINE:Gru"], "needs tokens"),
        (["module=absent.py:Net"], "there is no file absent.py"),
        (["module=no.such.package:Net"], "no.such.package:Net"),
        (["module=MINE"], "give FILE.py:NAME or package.module:NAME"),
        ([], "problem=module needs module=FILE.py:NAME"),
        (["module=MINE:several", "data=MINE:empty"], "the training data has 0 samples"),
        (["module=MINE:several", "data=MINE:one"], "samples are to be numbers and classes whole numbers"),
        (["module=MINE:several", "data=MINE:real"], "classes whole numbers, got float32 and float32"),
        (["module=MINE:several", "full_precision=hiden"], "no layer is called 'hiden'"),
        (["module=MINE:several", "engine=compiled"], "engine=compiled does not train problem=module; torch does"),
        (["module=MINE:several", "device=cuda"], "torch sees no CUDA device"),
        (["problem=lstm", "dataset=digits"], "and digits has samples; these datasets fit: tags, text"),
        (["problem=mlp", "dataset=tags"], "takes samples, and tags has sequences of tokens"),
        (["problem=resnet"], "a sample of breast_cancer is 30 numbers: use problem=mlp"),
        (["problem=logistic_regression", "dataset=text"], "needs classes to predict, which text does not have"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(mine, choices, said, monkeypatch):
    if "device=cuda" in choices:
        import torch

        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    given = ["problem=module", "dataset=breast_cancer", *(one.replace("MINE", str(mine)) for one in choices)]
    with pytest.raises(ConfigError) as caught:
        make_cell(single(dict(one.split("=", 1) for one in given)))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_does_not_import_says_why(tmp_path):
    file = tmp_path / "broken.py"
    file.write_text("import no_such_thing\n")
    with pytest.raises(ConfigError, match=r"broken.py does not import: ModuleNotFoundError"):
        make_cell(single({"problem": "module", "module": f"{file}:Net", "dataset": "digits"}))


@pytest.mark.parametrize("error", ["RuntimeError", "SystemExit"])
def test_a_package_that_does_not_import_says_why(tmp_path, monkeypatch, error):
    package = tmp_path / f"broken_by_{error}"
    package.mkdir()
    (package / "__init__.py").write_text(f"raise {error}('nope')\n")
    (package / "nets.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match=rf"broken_by_{error}.nets:Net: {error}: nope"):
        make_cell(single({"problem": "module", "module": f"{package.name}.nets:Net", "dataset": "digits"}))


def test_a_file_counts_by_content(mine, tmp_path):
    def cell(path):
        return make_cell(
            single({"problem": "module", "module": f"{path}:Frozen", "dataset": "breast_cancer"})
        )

    moved, edited = tmp_path / "moved.py", tmp_path / "edited.py"
    moved.write_text(mine.read_text())
    edited.write_text(mine.read_text() + "\n# another\n")
    assert cell(moved).cell_id == cell(mine).cell_id
    assert cell(edited).cell_id != cell(mine).cell_id


def test_a_relative_file_is_found_from_anywhere(mine, tmp_path, monkeypatch):
    monkeypatch.chdir(mine.parent)
    cell = make_cell(
        single({"problem": "module", "module": "mine.py:Frozen", "dataset": "breast_cancer", "steps": 1})
    )
    monkeypatch.chdir(tmp_path)
    assert cell.located["module"] == f"{mine.parent}/mine.py:Frozen"
    assert run_cell(cell).row["status"] == "ok"


@pytest.mark.parametrize(
    "choices",
    [
        {"problem": "resnet", "dimension": 4},
        {"problem": "lstm", "dimension": 8},
        {"problem": "transformer", "dimension": 8},
    ],
)
def test_networks_that_ship_train(choices):
    row = lpbench.run(
        **choices, n_samples=64, batch_size=16, steps=8, recipe="all", format="block", even_points=2
    )
    assert row["status"] == "ok", row["error"]
    assert row["trace"]["train_loss"].iloc[-1] < row["trace"]["train_loss"].iloc[0]


@pytest.mark.parametrize(
    "given",
    [
        {"problem": "transformer", "dimension": 8, "depth": 1},
        {"problem": "mlp", "dataset": "digits", "dimension": 8, "engine": "torch"},
    ],
)
def test_operands_of_products_are_rounded_in_cells(given):
    more = {"n_samples": 32, "batch_size": 8, "steps": 6, "even_points": 1}
    row, plain = (
        lpbench.run(**given, **more, **chosen) for chosen in ({"recipe": "mxfp8"}, {"algorithm": "sgd"})
    )
    assert row["status"] == "ok", row["error"]
    assert row["trace"]["train_loss"].iloc[-1] < row["trace"]["train_loss"].iloc[0]
    assert row["bits_per_step"] < plain["bits_per_step"]
    assert "operands" in set(row["tensors"]["role"])


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("mlp", "block"),
        ("wide", "mxfp4"),
        ("cnn 2-d", "int8_row"),
    ],
)
def test_both_engines_round_the_same_operands(name, form, in_python):
    """To the nearest there are no random numbers; one scale for all that is summed does not see what fills it up."""
    problem = nets.data(name)
    choices = {
        **nets.ALL, "gradient_format": "none", "momentum_format": "none", "master_format": "none",
        "round_at": "products", "full_precision": "first", "rounding": "nearest_even", "format": form,
    }  # fmt: skip
    compiled = nets.run(nets.training(problem, stride=1, **choices))
    torched = nets.run(nets.by_torch(problem, **choices))
    plain = nets.run(nets.by_torch(problem, **nets.PLAIN))
    assert np.allclose(compiled.losses, torched.losses, rtol=1e-11, atol=0)
    assert not np.allclose(compiled.losses, plain.losses, rtol=1e-4, atol=0)


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["mxfp4", "nvfp4"])
def test_both_engines_have_the_same_blocks(recipe):
    """Of channels that are those that the compiled engine fills up to."""
    more = {
        "dataset": "digits",
        "n_samples": 32,
        "batch_size": 8,
        "steps": 6,
        "even_points": 1,
        "dimension": 16,
    }
    more |= {"recipe": recipe, "error_format": "same(rounding=nearest_even)", "compute_dtype": "float64"}
    rows = [lpbench.run(problem="cnn", **more, engine=engine) for engine in ("compiled", "torch")]
    for name in ("train_loss", "test_loss", "gradient_norm"):
        assert np.allclose(*(row["trace"][name] for row in rows), rtol=1e-11, equal_nan=True)


STATES = """
    import os
    import random

    import numpy as np
    import torch
    from torch import nn


    class Quiet(nn.Module):
        def __init__(self, inputs, classes):
            super().__init__()
            self.output = nn.Linear(inputs, classes)

        def forward(self, x):
            return self.output(x)


    class Loud(Quiet):
        '''Sets what is everybody's.'''

        def __init__(self, inputs, classes):
            torch.set_default_dtype(torch.float64)
            super().__init__(inputs, classes)

        def forward(self, x):
            torch.set_num_threads(2)
            os.chdir("/")
            random.seed(1), np.random.seed(1), torch.manual_seed(1)
            found = super().forward(x)
            if self.training is False:
                torch.set_grad_enabled(False)
            return found


    class Draws(Quiet):
        '''By generators other than torch's.'''

        def __init__(self, inputs, classes):
            super().__init__(inputs, classes)
            with torch.no_grad():
                self.output.weight.copy_(torch.from_numpy(np.random.randn(classes, inputs)))

        def forward(self, x):
            return super().forward(x * random.random() if random.random() < 0.5 else x)


    class Leaves(Quiet):
        def __init__(self, inputs, classes):
            raise SystemExit("done")


    class Still(Quiet):
        def __init__(self, inputs, classes):
            super().__init__(inputs, classes)
            self.requires_grad_(False)


    def draws():
        X = np.random.standard_normal((20, 3))
        return (X, np.arange(20) % 2), (X, np.arange(20) % 2)


    def leaves():
        raise SystemExit("done")


    def negative():
        X = np.full((20, 3), -1)
        return (X, np.arange(20) % 2), (X, np.arange(20) % 2)


    def infinite():
        X = np.full((20, 3), np.inf)
        return (X, np.arange(20) % 2), (X, np.arange(20) % 2)


    def lists():
        return ([[1.0], [2.0], [3.0]], [0, 1, 0]), ([[1.0]], [1])
"""


@pytest.fixture(scope="module")
def states(tmp_path_factory):
    return written(tmp_path_factory.mktemp("states") / "states.py", STATES)


def short(module, **more):
    given = {} if "data" in more else {"dataset": "breast_cancer"}
    return lpbench.run(
        problem="module", module=str(module), **given, batch_size=8, steps=6, even_points=3, **more
    )


def test_what_one_module_sets_the_next_does_not_see(states):
    import os
    import random

    import torch

    def process():
        return (
            torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_num_threads(), os.getcwd(),
            random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist(),
        )  # fmt: skip

    before, quiet = process(), short(f"{states}:Quiet")
    loud = short(f"{states}:Loud")
    assert loud["status"] == "ok", loud["error"]
    assert short(f"{states}:Quiet")["digest"] == quiet["digest"]
    assert process() == before


@pytest.mark.parametrize("more", [{}, {"data": "draws"}])
def test_what_is_drawn_from_other_generators_repeats(states, more):
    given = {key: f"{states}:{value}" for key, value in more.items()}
    first = short(f"{states}:Draws", **given)
    np.random.seed(7)
    states.write_text(states.read_text() + "\n")  # as another process would: nothing is remembered
    again = short(f"{states}:Draws", **given)
    assert first["status"] == "ok", first["error"]
    assert first["digest"] == again["digest"]
    assert first["cell_id"] != again["cell_id"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"module": "Leaves"}, "the module cannot be made: SystemExit: done"),
        ({"module": "Quiet", "data": "leaves"}, "leaves: SystemExit: done"),
        (
            {"module": "Quiet", "data": "negative"},
            "whole numbers are tokens, 0, 1, ...; got -1: give floating-point",
        ),
        (
            {"module": "Quiet", "data": "lists"},
            "the training data is no pair of arrays, no Dataset and no batches",
        ),
    ],
)
def test_what_code_of_ones_own_may_do_is_one_line(states, given, said):
    with pytest.raises(ConfigError) as caught:
        short(**{key: f"{states}:{value}" for key, value in given.items()})
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_module_that_does_not_train_says_so(states):
    assert "no parameter of Still asks for a gradient" in short(f"{states}:Still")["error"]


def test_files_of_two_folders_have_the_neighbours_of_theirs(tmp_path):
    found = []
    for width in (3, 5):
        folder = tmp_path / str(width)
        folder.mkdir()
        (folder / "widths_of_it.py").write_text(f"WIDTH = {width}\n")
        (folder / "net.py").write_text(
            "from torch import nn\nfrom widths_of_it import WIDTH\n\n\n"
            "def net(inputs, classes):\n"
            f"    return nn.Sequential(nn.Linear(inputs, WIDTH), nn.Linear(WIDTH, classes))  # {width}\n"
        )
        found.append(short(f"{folder}/net.py:net")["weights"])
    assert found == [30 * 3 + 3 + 3 * 2 + 2, 30 * 5 + 5 + 5 * 2 + 2]


def test_sums_of_torch_are_in_the_order_that_a_digest_holds_for():
    """In a process that loads torch for the cell, whatever it does first."""
    import subprocess
    import sys

    code = (
        "import lpbench; print(lpbench.run(problem='lstm', n_samples=32, batch_size=16, steps=1, dimension=4)"
        "['digest_holds'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("MKL_CBWR=AVX2")
