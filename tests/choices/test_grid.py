"""The grid: each cell is what Hydra composes, and what makes no sense is said in one line."""

import itertools
import json
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from lpbench import registry
from lpbench.choices import grid, hydra_session
from lpbench.declared.declarations import Choice
from lpbench.declared.kinds import Flag
from lpbench.errors import ConfigError

EXTENSION = Path(__file__).parents[1] / "extension"
TOY = ["problem=toy", "algorithm=toy_descent", "format=toy_grid"]


@pytest.fixture(autouse=True, scope="module")
def toys() -> Iterator[None]:
    registry.load_plugins(EXTENSION)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "lpbench.problems.identity.problem_key", lambda choices: str(choices["path"]), raising=False
        )
        yield


@pytest.fixture
def conf(tmp_path: Path) -> Callable[..., Path]:
    """Writes a --config-dir: path=text."""

    def write(files: dict[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return write


def composed(*cells: list[str], config_dir: Path | None = None) -> list[dict[str, Any]]:
    """What Hydra's own compose gives for the overrides of each cell."""
    found = []
    with hydra_session.session(config_dir):
        for overrides in cells:
            values = OmegaConf.to_container(compose(hydra_session.CONFIG, overrides=overrides), resolve=True)
            assert isinstance(values, dict)
            found.append({str(key): value for key, value in values.items() if key != "grid"})
    return found


def raws(*overrides: str, config_dir: Path | None = None) -> list[dict[str, Any]]:
    """The flat choices of each cell, as Hydra composes them; runtime keys included."""
    return [
        {**raw, "seed": seed} if "seed" in raw else raw
        for block in grid.read(list(overrides), config_dir)
        for raw, seeds, _ in block.groups()
        for seed in seeds
    ]


def same(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> bool:
    """Equal as multisets, types included (json writes 1 and 1.0 differently)."""
    texts = [sorted(json.dumps(raw, sort_keys=True) for raw in many) for many in (found, expected)]
    return texts[0] == texts[1]


# -- each cell is Hydra's --------------------------------------------------------------------------

_NAMES = {
    "problem": ["least_squares", "logistic_regression", "family_s", "family_q", "family_e"],
    "dataset": ["gaussian", "digits", "diabetes"],
    "algorithm": ["sgd", "lp_sgd", "halp", "swalp"],
    "format": ["fixed", "float", "none", "fp8_e4m3"],
}
_SCALARS = {
    "precision": ["4", "8", "12"],
    "dimension": ["8", "64", "null"],
    "noise": ["0", "1", "0.5", "1e-3"],
    "epochs": ["1", "30", "2.5"],
    "step_size": ["auto", "0.1/L", "0.25", "'min(0.1/L, 1)'", "2**-7"],
    "limit": ["auto", "4*w_max", "1"],
    "steps": ["null", "100", "60*d/alpha"],
    "k": ["d", "4"],
    "subnormals": ["true", "false", "True"],
    "rounding": ["stochastic", "nearest_even"],
    "target": ["3", "'a b'", "column"],
    "path": ["data/x.csv", "'odd, name'", "/tmp/a-b_c"],
    "tail": ["0.5", "1"],
    "timeout": ["5", "null"],
}


def _choice(key: str, values: list[str]) -> st.SearchStrategy[tuple[str, str, list[str]]]:
    """(override, key, the overrides of its elements) with one or several values."""

    def written(picked: list[str], form: int) -> tuple[str, str, list[str]]:
        text = ",".join(picked)
        if form and "null" not in picked:  # Hydra's choice() does not take null
            text = f"choice({text})"
        return f"{key}={text}", key, [f"{key}={value}" for value in picked]

    most = 1 if key == "timeout" else 2
    return st.builds(
        written,
        st.lists(st.sampled_from(values), min_size=1, max_size=most),
        st.integers(0, most - 1),
    )


def _range(key: str) -> st.SearchStrategy[tuple[str, str, list[str]]]:
    def written(start: int, count: int, stride: int) -> tuple[str, str, list[str]]:
        stop = start + count * stride
        return (
            f"{key}=range({start},{stop},{stride})",
            key,
            [f"{key}={i}" for i in range(start, stop, stride)],
        )

    return st.builds(written, st.integers(2, 5), st.integers(1, 3), st.integers(1, 3))


_override = st.one_of(
    *(_choice(key, names) for key, names in _NAMES.items()),
    *(_choice(key, values) for key, values in _SCALARS.items()),
    *(_range(key) for key in ("seed", "data_seed", "batch_size", "precision")),
    st.just(("++noise=7", "noise", ["++noise=7"])),
    st.just(("+random_bits=7", "random_bits", ["+random_bits=7"])),
    st.just(("~tail", "tail", ["~tail"])),
    st.just(("~dataset", "dataset", ["~dataset"])),
)


@given(st.lists(_override, min_size=1, max_size=5, unique_by=lambda item: item[1]))
@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_every_cell_is_what_hydra_composes(items: list[tuple[str, str, list[str]]]) -> None:
    cells = [list(cell) for cell in itertools.product(*(elements for _, _, elements in items))]
    found = raws(*(override for override, _, _ in items))
    assert len(found) == len(cells)
    if len(cells) > 4:  # composing takes a tenth of a second: look at the corners
        picked = [cells[0], cells[len(cells) // 2], cells[-1]]
        texts = {json.dumps(raw, sort_keys=True) for raw in found}
        assert {json.dumps(raw, sort_keys=True) for raw in composed(*picked)} <= texts
    else:
        assert same(found, composed(*cells))


def test_every_pair_of_problem_and_data() -> None:
    """All groups against each other: where yamls are laid over one another without Hydra."""
    found = raws("problem=glob(family*)", "dataset=digits,gaussian", "algorithm=lp_sgd")
    pairs = itertools.product(("family_e", "family_q", "family_s"), ("digits", "gaussian"))
    cells = [[f"problem={problem}", f"dataset={dataset}", "algorithm=lp_sgd"] for problem, dataset in pairs]
    assert same(found, composed(*cells))


def test_what_lpbench_s_yamls_give_is_composed_once_and_a_folder_s_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ["problem=family_q", "format=float,fixed"]
    first = raws(*asked)
    (tmp_path / "format").mkdir()
    yaml = tmp_path / "format" / "mine.yaml"
    for precision in (5, 6):
        yaml.write_text(f"# @package _global_\nformat: fixed\nprecision: {precision}\n")
        assert [raw["precision"] for raw in raws("format=mine", config_dir=tmp_path)] == [precision]
    monkeypatch.setattr("hydra.compose", lambda *_, **__: pytest.fail("composed"))
    assert raws(*asked) == first


def test_seeds_vary_fastest_and_the_rest_in_the_order_given() -> None:
    found = raws("seed=range(2)", "precision=8,4", "format=float,fixed")
    order = [(raw["precision"], raw["format"], raw["seed"]) for raw in found]
    assert order == list(itertools.product((8, 4), ("float", "fixed"), (0, 1)))


def test_glob_and_other_sweeps() -> None:
    assert [raw["format"] for raw in raws("format=glob(fp8_e*)")] == ["fp8_e4m3", "fp8_e5m2"]
    assert [raw["precision"] for raw in raws("precision=sort(12,4,8)")] == [4, 8, 12]
    assert [raw["noise"] for raw in raws("noise=range(0,0.3,0.1)")] == [0.0, 0.1, 0.2]
    assert sorted(raw["seed"] for raw in raws("seed=shuffle(range(4))")) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("range(12,3,-4)", list(range(12, 3, -4))),
        ("range(stop=9,start=3,step=2)", list(range(3, 9, 2))),
        ("range(5)", list(range(5))),
        ("sort(range(12,3,-4))", sorted(range(12, 3, -4))),
        ("sort(range(12,3,-4),reverse=true)", sorted(range(12, 3, -4), reverse=True)),
        ("sort(range(3,12,4),reverse=true)", sorted(range(3, 12, 4), reverse=True)),
        ("sort(range(3,12,4))", sorted(range(3, 12, 4))),
        ("sort(range(5,1,-3))", sorted(range(5, 1, -3))),
        ("sort(sort(range(12,3,-4)),reverse=true)", [12, 8, 4]),
        ("sort(shuffle(range(20)))", list(range(20))),
        ("sort(choice(12,4,8))", [4, 8, 12]),
        ("sort(12,4,8,reverse=true)", [12, 8, 4]),
        ("tag(a,b,sort(range(12,3,-4)))", [4, 8, 12]),
        ("tag(choice(8,4))", [8, 4]),
        ("int(range(4,6,0.5))", [int(4 + i / 2) for i in range(4)]),
        ("int(sort(choice(8.5,4.5)))", [4, 8]),
        ("sort(int(8.5,4.5))", [4, 8]),
        ("int(choice(4.9,true))", [int(4.9), int(True)]),
        ("choice(4)", [4]),
        ("8,4", [8, 4]),
        ("sort(8)", [8]),
    ],
)
def test_functions_give_what_python_gives(value: str, expected: list[int]) -> None:
    assert [raw["seed"] for raw in raws(f"seed={value}")] == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("range(0,1,0.1)", [i / 10 for i in range(10)]),
        ("range(0,0.9,0.3)", [0.0, 0.3, 0.6]),  # in binary, three times 0.3 is less than 0.9
        ("range(1,0,-0.25)", [1.0, 0.75, 0.5, 0.25]),
        ("sort(range(0.5,0,-0.2))", [0.1, 0.3, 0.5]),
        ("sort(range(0,0.3,0.1),reverse=true)", [0.2, 0.1, 0.0]),
        ("float(range(3))", [0.0, 1.0, 2.0]),
        ("float(choice(1,2.5))", [1.0, 2.5]),
    ],
)
def test_functions_of_decimals_take_them_as_written(value: str, expected: list[float]) -> None:
    assert [raw["noise"] for raw in raws(f"noise={value}")] == expected


def test_functions_of_words() -> None:
    assert [raw["format"] for raw in raws("format=sort(float,block,fixed)")] == ["block", "fixed", "float"]
    assert [raw["format"] for raw in raws("format=glob([fp8_e*,bf16],exclude=*e4*)")] == ["bf16", "fp8_e5m2"]
    assert [raw["target"] for raw in raws("target=str(range(2))")] == ["0", "1"]
    assert [raw["subnormals"] for raw in raws("subnormals=bool(choice(1,0))")] == [True, False]
    assert sorted(raw["precision"] for raw in raws("precision=shuffle(8,4,6)")) == [4, 6, 8]


@pytest.mark.parametrize(
    "overrides",
    [
        ("precision=4", "precision=8"),
        ("precision=4", "seed=1", "++precision=4"),
        ("~noise", "noise=2"),
        ("format=fixed", "+format=float"),
        ("workers=1", "workers=1"),
    ],
)
def test_a_key_given_twice_is_refused(overrides: tuple[str, ...]) -> None:
    key = grid.key_of(overrides[0])
    both = f"{overrides[0]!r} and {overrides[-1]!r}"
    with pytest.raises(
        ConfigError, match=re.escape(f"{key} is given twice: {both}; to sweep write {key}=VALUE")
    ):
        grid.check_once(overrides)
    grid.check_once(("+experiment=demo", "+experiment=default", "precision=4", "seed=1"))
    assert grid.latest(overrides) == list(overrides[1:])  # what a manifest of an earlier lpbench means


def test_a_later_override_replaces_an_earlier_one() -> None:
    assert [raw["precision"] for raw in raws("precision=4,6", "precision=8")] == [8]
    assert [raw["noise"] for raw in raws("~noise", "noise=2")] == [2.0]


def test_what_is_given_beside_an_experiment_replaces_its_own(conf: Callable[..., Path]) -> None:
    folder = conf({"experiment/mine.yaml": "# @package _global_\ngrid: [precision=4, 'seed=range(3)']\n"})
    found = raws("+experiment=mine", "precision=8", config_dir=folder)
    assert [(raw["precision"], raw["seed"]) for raw in found] == [(8, 0), (8, 1), (8, 2)]


def test_whole_numbers_may_be_written_as_floats() -> None:
    assert raws("n_samples=1e5")[0]["n_samples"] == 100_000


# -- the user's own folder -------------------------------------------------------------------------


def test_the_users_yaml_wins(conf: Callable[..., Path]) -> None:
    folder = conf({"problem/family_s.yaml": "# @package _global_\nproblem: family_s\ndimension: 5\nk: 5\n"})
    (found,) = raws("problem=family_s", config_dir=folder)
    assert (found["dimension"], found["k"], found["dataset"]) == (5, 5, "gaussian")
    assert raws("problem=family_s")[0]["dimension"] == 256


def test_the_users_options_are_listed(conf: Callable[..., Path]) -> None:
    folder = conf({"format/fp99.yaml": "# @package _global_\nformat: fp99\n"})
    found = {raw["format"] for raw in raws("format=glob(*)", config_dir=folder)}
    assert {"fp99", "fixed"} <= found


def test_a_group_of_the_users_own(conf: Callable[..., Path]) -> None:
    folder = conf(
        {
            "size/small.yaml": "# @package _global_\ndimension: 4\nepochs: 1\n",
            "size/large.yaml": "# @package _global_\ndimension: 4096\n",
        }
    )
    found = raws("+size=small,large", "precision=4,8", config_dir=folder)
    cells = [[f"+size={size}", f"precision={bits}"] for size in ("small", "large") for bits in (4, 8)]
    assert same(found, composed(*cells, config_dir=folder))
    with pytest.raises(ConfigError, match=r"\+size=small"):
        raws("size=small", config_dir=folder)


@pytest.mark.parametrize(
    "text",
    [
        "# @package _global_\ndefaults:\n  - override /format: float\nproblem: mine\n",
        "# @package _global_\nproblem: mine\nn_samples: ${dimension}\nnoise: ${k}\nk: 3\n",
        "# @package _global_\nproblem: mine\nnoise: 1\n",
    ],
)
def test_yamls_that_do_more_than_set_keys(conf: Callable[..., Path], text: str) -> None:
    folder = conf({"problem/mine.yaml": text})
    found = raws("problem=family_q,mine", "dimension=4,8", "seed=range(2)", config_dir=folder)
    cells = [
        [f"problem={problem}", f"dimension={dimension}", f"seed={seed}"]
        for problem, dimension, seed in itertools.product(("family_q", "mine"), (4, 8), range(2))
    ]
    assert same(found, composed(*cells, config_dir=folder))


def test_interpolation_on_the_command_line() -> None:
    found = raws("dimension=4,8", "k=${dimension}", "noise=${k}", "seed=1,2", "data_seed=${seed}")
    assert [(r["k"], r["noise"], r["data_seed"]) for r in found] == [
        (4, 4.0, 1),
        (4, 4.0, 2),
        (8, 8.0, 1),
        (8, 8.0, 2),
    ]
    (cell,) = grid.expand(["problem=family_s", "dimension=8", "k=${dimension}", "noise=${k}"]).cells
    assert type(cell.choices["noise"]) is float
    with pytest.raises(ConfigError, match="nothing"):
        raws("k=${nothing}")


def test_config_dir_must_be_a_folder(conf: Callable[..., Path]) -> None:
    folder = conf({"file": ""})
    for path in (folder / "file", folder / "nowhere"):
        with pytest.raises(ConfigError, match=r"--config-dir .* is not a folder"):
            grid.read([], path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# @package _global_\nproblem: mine\nprecison: 4\n", "unknown key 'precison'"),
        ("problem: mine\n", "# @package _global_"),
        ("noise: 3\n", "# @package _global_"),
        ("# @package _global_\nproblem: [mine\n", "mine.yaml"),
    ],
)
def test_a_yaml_that_is_wrong(conf: Callable[..., Path], text: str, message: str) -> None:
    folder = conf({"problem/mine.yaml": text})
    with pytest.raises(ConfigError) as refused:
        raws("problem=family_s,mine", config_dir=folder)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("text", "came"), [("many", "'many'"), ("'8'", "'8'"), ("[4, 8]", "[4, 8]")])
def test_a_yaml_with_a_value_that_is_not_allowed(conf: Callable[..., Path], text: str, came: str) -> None:
    """Refused as an override is, and for that combination alone."""
    folder = conf({"problem/mine.yaml": f"# @package _global_\nproblem: family_q\nprecision: {text}\n"})
    found = grid.expand(["problem=family_s,mine"], folder)
    assert len(found.cells) == 1
    assert found.invalid == [("problem=mine", f"precision must be a whole number in 2..64, got {came}")]


# -- experiments -----------------------------------------------------------------------------------

_UNION = """# @package _global_
batch_size: 2
grid:
  - ["precision=4,8", format=fixed, "seed=range(2)"]
  - [precision=12, format=float]
"""


def test_an_experiment_is_a_union_of_grids(conf: Callable[..., Path]) -> None:
    folder = conf({"experiment/mine.yaml": _UNION})
    found = raws("+experiment=mine", config_dir=folder)
    cells = [(raw["precision"], raw["format"], raw["seed"]) for raw in found]
    assert cells == [(4, "fixed", 0), (4, "fixed", 1), (8, "fixed", 0), (8, "fixed", 1), (12, "float", 0)]
    assert {raw["batch_size"] for raw in found} == {2}
    assert raws("experiment=mine", config_dir=folder) == found


def test_the_users_overrides_replace_those_of_an_experiment(conf: Callable[..., Path]) -> None:
    folder = conf({"experiment/mine.yaml": _UNION})
    found = raws("precision=6", "+experiment=mine", "seed=5", "tail=0.1", config_dir=folder)
    cells = [(raw["precision"], raw["format"], raw["seed"], raw["tail"]) for raw in found]
    assert cells == [(6, "fixed", 5, 0.1), (6, "float", 5, 0.1)]


def test_a_grid_of_one_list(conf: Callable[..., Path]) -> None:
    folder = conf({"experiment/mine.yaml": "# @package _global_\ngrid: [precision=4, 'seed=range(3)']\n"})
    assert [raw["seed"] for raw in raws("+experiment=mine", config_dir=folder)] == [0, 1, 2]


@pytest.mark.parametrize(
    "text", ["epochs: 3\n", "grid: []\n", "grid: precision=4\n", "grid: [[precision=4], 3]\n"]
)
def test_an_experiment_without_a_grid(conf: Callable[..., Path], text: str) -> None:
    folder = conf({"experiment/mine.yaml": text})
    with pytest.raises(ConfigError, match="experiment 'mine': grid must be a list of overrides"):
        grid.read(["+experiment=mine"], folder)


def test_an_experiment_cannot_name_another(conf: Callable[..., Path]) -> None:
    folder = conf({"experiment/mine.yaml": "grid: [+experiment=demo]\n"})
    with pytest.raises(ConfigError, match="cannot name another experiment"):
        grid.read(["+experiment=mine"], folder)


def test_no_arguments_are_the_default_experiment() -> None:
    assert raws() == raws("+experiment=default")


# -- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("fromat=fixed", "unknown key 'fromat'. Did you mean 'format'?"),
        ("precison=4", "unknown key 'precison'. Did you mean 'precision'?"),
        ("+precison=4", "Did you mean 'precision'?"),
        ("~precison", "Did you mean 'precision'?"),
        ("+experimnt=demo", "Did you mean 'experiment'?"),
        ("format=flot", "unknown format 'flot'. Did you mean 'float'?"),
        ("format=fixed,flot", "unknown format 'flot'. Did you mean 'float'?"),
        ("+experiment=dmo", "unknown experiment 'dmo'. Did you mean 'demo'?"),
        ("format=glob(q*)", "'format=glob(q*)': no value"),
        ("format=[fixed,float]", "to sweep write format=VALUE,VALUE"),
        ("format@x=fixed", "packages and Hydra's own settings"),
        ("hydra.run.dir=x", "packages and Hydra's own settings"),
        ("precision=4,", "cannot read override 'precision=4,': a value is missing after the last comma"),
        ("step_size=min(0.1/L,1)", """is quoted twice: 'step_size="min(0.1/L,1)"'"""),
        ("step_size=(1+2)/L", """is quoted twice: 'step_size="(1+2)/L"'"""),
        ("precision=4 format=fixed", "each override is an argument of its own"),
        ("demo", "cannot read override 'demo': write KEY=VALUE"),
        ("=3", "write KEY=VALUE"),
        ("", "write KEY=VALUE"),
        ("epochs=interval(1,2)", "an interval has no list of values; write range(start,stop,step)"),
        ("seed=range(2000000)", "more than 1,000,000 values of one key"),
        ("seed=range(3,3)", "no value"),
        ("seed=range(0,10,0)", "range(0,10,0): the step must not be 0"),
        ("noise=range(0,1,0.0)", "the step must not be 0"),
        ("noise=range(0,inf)", "start, stop and step must be finite"),
        ("noise=range(0,1,1e-300)", "more than 1,000,000 values of one key"),
        ("seed=range(a,b)", "range(a,b) is not what range takes: write range(start,stop,step)"),
        ("seed=sort(8,a)", "sort(8,a) is not what sort takes: write sort(8,4,reverse=true)"),
        ("seed=sort(1,range(3))", "sort(1,range(3)) is not what sort takes"),
        ("seed=choice(1,range(3))", "a function is no value of a list; write the values themselves"),
        ("seed=1,range(3)", "a function is no value of a list; write the values themselves"),
        ("seed=choice(range(3))", "choice(range(3)): nesting choices is not supported"),
        ("seed=int(two)", "int(two): invalid literal for int() with base 10: 'two'"),
        ("seed=tag(a)", "tag(a): Last argument to tag() must be a choice(), range() or interval()"),
        ("seed=tag(a,interval(1,2))", "an interval has no list of values"),
        ("seed=int(interval(1,2))", "an interval has no list of values"),
        ("format=sort(glob(*))", "sort(glob(*)) is not what sort takes"),
        ("seed=extend_list(1)", "there is no function 'extend_list'. Choose from: bool, choice, float, glob"),
        ("seed=rnage(3)", "there is no function 'rnage'. Did you mean 'range'?"),
        ("step_size=min(1,2)", """is quoted twice: 'step_size="min(1,2)"'"""),
        ("~precision=4,8", "a deletion cannot be swept"),
        ("~solution", "'solution' does not exist"),
        ("+noise=3", "+noise: the key is there already (1.0)"),
        ("workers=1,2", "workers is a run-time choice and cannot be swept, got 2 values"),
        ("executor=rya", "unknown executor 'rya'. Did you mean 'ray'?"),
        ("precision=8,1", "precision must be a whole number in 2..64, got 1"),
        ("step_size=0.1,0", "step_size must be a finite number > 0, got 0"),
        ("step_size=0.1/l", "unknown name 'l'"),
        ("epochs=inf", "epochs must be a finite number > 0, got inf"),
        ("dimension=0", "dimension must be a whole number >= 1, got 0"),
        ("dimension=", "dimension must be a whole number >= 1, got ''"),
        ("rounding=stochastik", "Did you mean 'stochastic'?"),
        ("timeout=0", "timeout must be a finite number > 0, got 0"),
    ],
)
def test_refused_in_one_line(override: str, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        grid.expand([*TOY, override], EXTENSION)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
    assert refused.value.exit_code == 2


# -- cells -----------------------------------------------------------------------------------------


def test_expansion() -> None:
    found = grid.expand([*TOY, "seed=range(3)", "precision=4,8", "timeout=5", "workers=2"], EXTENSION)
    assert [(c.choices["precision"], c.choices["seed"]) for c in found.cells] == list(
        itertools.product((4, 8), range(3))
    )
    assert found.axes == {"seed": [0, 1, 2], "precision": [4, 8]}
    given = {key: value for key, value in found.runtime.items() if value is not None}
    assert given == {"timeout": 5.0, "workers": 2, "runs_dir": "runs", "executor": "local"}
    assert (found.invalid, found.collapsed) == ([], 0)
    assert len({c.group_id for c in found.cells}) == 2


def test_equal_cells_collapse() -> None:
    found = grid.expand(
        [
            "problem=toy",
            "algorithm=toy_exact,toy_descent",
            "format=toy_grid",
            "precision=4,8",
            "seed=range(2)",
        ],
        EXTENSION,
    )
    assert len(found.cells) == 6
    assert found.collapsed == 2
    assert found.axes["precision"] == [4, 8, 64]
    assert found.axes["format"] == ["none", "toy_grid"]


def test_values_that_nothing_reads_are_no_axis() -> None:
    found = grid.expand([*TOY, "regularization=0.1,0.2", "precision=4"], EXTENSION)
    assert (len(found.cells), found.collapsed, found.axes) == (1, 1, {})


def test_combinations_that_make_no_sense_are_listed() -> None:
    found = grid.expand([*TOY, "k=2,3", "dimension=4,9", "seed=range(5)"], EXTENSION)
    assert [text.split()[3:] for text, _ in found.invalid] == [["k=2", "dimension=9"], ["k=3", "dimension=4"]]
    assert all("k must divide dimension" in message for _, message in found.invalid)
    assert len(found.cells) == 10


def test_nothing_makes_sense() -> None:
    found = grid.expand(["problem=toy_labels", "dataset=toy_numbers", "algorithm=toy_exact"], EXTENSION)
    assert found.cells == []
    assert found.invalid == [
        (
            "problem=toy_labels dataset=toy_numbers algorithm=toy_exact",
            "toy_labels: toy_numbers has no labels",
        )
    ]


def test_the_guard_sees_the_size_before_any_cell_is_made() -> None:
    def refuse(size: int) -> None:
        raise ConfigError(f"{size} cells")

    with pytest.raises(ConfigError, match="1000000000 cells"):
        grid.expand([*TOY, "seed=range(100000)", "data_seed=range(10000)"], EXTENSION, guard=refuse)


def test_runtime_choices_are_one_for_all(conf: Callable[..., Path]) -> None:
    folder = conf({"experiment/mine.yaml": "# @package _global_\ngrid: [[timeout=5, seed=1], [seed=2]]\n"})
    with pytest.raises(ConfigError, match=r"timeout is 5\.0 in one part of the grid and 600\.0 in another"):
        grid.expand(["+experiment=mine"], folder)


def test_ids_do_not_depend_on_how_a_cell_is_asked_for() -> None:
    whole = grid.expand([*TOY, "seed=range(3)", "precision=4,8", "step_size=0.1/L,0.5"], EXTENSION)
    alone = grid.single(
        {
            "problem": "toy",
            "algorithm": "toy_descent",
            "format": "toy_grid",
            "seed": 2,
            "precision": 8,
            "step_size": 0.5,
        },
        EXTENSION,
    )
    from lpbench.choices.cell import make_cell

    assert make_cell(alone) == whole.cells[-1]


# -- one cell --------------------------------------------------------------------------------------


def test_a_choice_of_a_plug_in_that_comes_later_has_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "late" not in grid.single({})
    monkeypatch.setitem(registry.choices, "late", ("algorithm late", Choice("late", Flag(), True)))
    assert grid.single({})["late"] is True


def test_single_is_the_command_line_with_one_cell() -> None:
    found = grid.single(
        {"problem": "family_s", "dimension": 16, "format": "float", "step_size": "0.1/L", "k": None}
    )
    assert found == raws("problem=family_s", "dimension=16", "format=float", "step_size=0.1/L")[0]
    assert grid.single({}) == raws("seed=0")[0]


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"format": "flot"}, "unknown format 'flot'. Did you mean 'float'?"),
        ({"precison": 4}, "unknown key 'precison'. Did you mean 'precision'?"),
        ({"experiment": "demo"}, "unknown key 'experiment'"),
        ({"precision": "8"}, "precision must be a whole number in 2..64, got '8'"),
    ],
)
def test_single_refuses_in_one_line(choices: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        grid.single(choices)
    assert message in str(refused.value)


# -- Hydra's process-wide state --------------------------------------------------------------------


def test_hydra_is_left_as_it_was_found(conf: Callable[..., Path]) -> None:
    folder = conf({"mine.yaml": "answer: 42\n"})
    assert not GlobalHydra.instance().is_initialized()
    raws("precision=4")
    with pytest.raises(ConfigError):
        raws("precision=1")
    assert not GlobalHydra.instance().is_initialized()
    with initialize_config_dir(str(folder), version_base="1.3"):
        raws("precision=4")
        assert compose("mine").answer == 42


def test_threads() -> None:
    found: dict[int, list[dict[str, Any]]] = {}

    def work(precision: int) -> None:
        found[precision] = raws(f"precision={precision}", "format=fixed,float")

    threads = [threading.Thread(target=work, args=(precision,)) for precision in (4, 6, 8, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {p: [raw["precision"] for raw in many] for p, many in found.items()} == {
        p: [p, p] for p in (4, 6, 8, 10)
    }


@pytest.mark.slow
def test_a_hundred_thousand_cells() -> None:
    found = grid.expand(
        [*TOY, "seed=range(100)", "precision=range(3,13)", "step_size=range(1,101)"], EXTENSION
    )
    assert len(found.cells) == len({cell.cell_id for cell in found.cells}) == 100_000
