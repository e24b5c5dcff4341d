"""All that a format, algorithm, problem, dataset, bound, claim, page or executor of one's own imports from lpbench.

Versions of lpbench promise what this module names, and nothing else: where a thing is defined may change.
docs/adding.md and CONTRIBUTING.md build one of each with it. A name loads its home when it is asked for, so that a
dataset does not load numba.
"""

from typing import TYPE_CHECKING

from lpbench import lazy

if TYPE_CHECKING:
    from lpbench.algorithms.base import Algorithm as Algorithm
    from lpbench.algorithms.base import Setup as Setup
    from lpbench.arithmetic.dot import dot as dot
    from lpbench.arithmetic.generator import random_index as random_index
    from lpbench.arithmetic.generator import step_words as step_words
    from lpbench.arithmetic.jit import generic as generic
    from lpbench.arithmetic.jit import inner as inner
    from lpbench.arithmetic.jit import kernel as kernel
    from lpbench.arithmetic.ops import copysign as copysign
    from lpbench.arithmetic.ops import index as index
    from lpbench.arithmetic.ops import like as like
    from lpbench.arithmetic.ops import power_of_two as power_of_two
    from lpbench.arithmetic.ops import reciprocal as reciprocal
    from lpbench.arithmetic.ops import take as take
    from lpbench.arithmetic.ops import where as where
    from lpbench.arithmetic.rounding import round_sum as round_sum
    from lpbench.arithmetic.rounding import round_to_integer as round_to_integer
    from lpbench.arithmetic.vectors import copy as copy
    from lpbench.arithmetic.vectors import fill as fill
    from lpbench.cells.engine import Engine as Engine
    from lpbench.cells.engine import Trajectory as Trajectory
    from lpbench.cells.points import Points as Points
    from lpbench.claims.base import MEASURED as MEASURED
    from lpbench.claims.base import THEORY as THEORY
    from lpbench.claims.base import Claim as Claim
    from lpbench.claims.base import Line as Line
    from lpbench.claims.base import Measure as Measure
    from lpbench.claims.base import Plot as Plot
    from lpbench.claims.base import claims as claims
    from lpbench.claims.base import slope as slope
    from lpbench.claims.base import spread as spread
    from lpbench.claims.cells import Cells as Cells
    from lpbench.convex.drive import begin_loop as begin_loop
    from lpbench.convex.drive import end_loop as end_loop
    from lpbench.convex.drive import iterate as iterate
    from lpbench.convex.drive import loop_length as loop_length
    from lpbench.convex.drive import output as output
    from lpbench.convex.drive import step as step
    from lpbench.convex.gradients import difference as difference
    from lpbench.convex.gradients import full_gradient as full_gradient
    from lpbench.convex.gradients import gradient as gradient
    from lpbench.convex.step_sizes import step_size as step_size
    from lpbench.convex.update import round_step as round_step
    from lpbench.convex.update import sparse_step as sparse_step
    from lpbench.dashboard.charts import style as style
    from lpbench.dashboard.charts.curves import Axes as Axes
    from lpbench.dashboard.charts.curves import Curve as Curve
    from lpbench.dashboard.charts.curves import Key as Key
    from lpbench.dashboard.charts.curves import figure as figure
    from lpbench.dashboard.data import choosing as choosing
    from lpbench.dashboard.data.sweeps import Sweep as Sweep
    from lpbench.dashboard.page import MULTI as MULTI
    from lpbench.dashboard.page import NUMBER as NUMBER
    from lpbench.dashboard.page import SELECT as SELECT
    from lpbench.dashboard.page import SWITCH as SWITCH
    from lpbench.dashboard.page import TEXT as TEXT
    from lpbench.dashboard.page import Control as Control
    from lpbench.dashboard.page import Page as Page
    from lpbench.dashboard.page import Panel as Panel
    from lpbench.datasets import values as values
    from lpbench.datasets.base import CLASSIFICATION as CLASSIFICATION
    from lpbench.datasets.base import REGRESSION as REGRESSION
    from lpbench.datasets.base import Data as Data
    from lpbench.datasets.base import Dataset as Dataset
    from lpbench.datasets.base import Samples as Samples
    from lpbench.datasets.base import Size as Size
    from lpbench.declared.declarations import Choice as Choice
    from lpbench.declared.declarations import Metric as Metric
    from lpbench.declared.kinds import Flag as Flag
    from lpbench.declared.kinds import Formula as Formula
    from lpbench.declared.kinds import Real as Real
    from lpbench.declared.kinds import Whole as Whole
    from lpbench.declared.kinds import Word as Word
    from lpbench.errors import ConfigError as ConfigError
    from lpbench.errors import did_you_mean as did_you_mean
    from lpbench.executors.base import Executor as Executor
    from lpbench.executors.base import Shard as Shard
    from lpbench.executors.base import Stored as Stored
    from lpbench.formats.base import Format as Format
    from lpbench.formats.base import block_length as block_length
    from lpbench.formats.base import check_precision as check_precision
    from lpbench.formats.base import clip as clip
    from lpbench.formats.base import elementwise as elementwise
    from lpbench.formats.base import has_blocks as has_blocks
    from lpbench.formats.base import move as move
    from lpbench.formats.base import quantize as quantize
    from lpbench.formats.base import saturated as saturated
    from lpbench.formats.base import shared_unit as shared_unit
    from lpbench.formats.quantize import to_native as to_native
    from lpbench.problems.base import LOGISTIC as LOGISTIC
    from lpbench.problems.base import SOFTMAX as SOFTMAX
    from lpbench.problems.base import SQUARED as SQUARED
    from lpbench.problems.base import Problem as Problem
    from lpbench.problems.base import Shape as Shape
    from lpbench.problems.empirical import EmpiricalRisk as EmpiricalRisk
    from lpbench.problems.family import Family as Family
    from lpbench.problems.family import noisy_quadratic as noisy_quadratic
    from lpbench.problems.identity import problem_key as problem_key
    from lpbench.registry import algorithms as algorithms
    from lpbench.registry import bounds as bounds
    from lpbench.registry import datasets as datasets
    from lpbench.registry import executors as executors
    from lpbench.registry import formats as formats
    from lpbench.registry import load_plugins as load_plugins
    from lpbench.registry import problems as problems
    from lpbench.terminal import Table as Table
    from lpbench.theory.theorem import DIMENSION_FREE as DIMENSION_FREE
    from lpbench.theory.theorem import EARLIER as EARLIER
    from lpbench.theory.theorem import FINAL_GAP as FINAL_GAP
    from lpbench.theory.theorem import HALP as HALP
    from lpbench.theory.theorem import MEAN_GAP as MEAN_GAP
    from lpbench.theory.theorem import OTHER as OTHER
    from lpbench.theory.theorem import SGD as SGD
    from lpbench.theory.theorem import SVRG as SVRG
    from lpbench.theory.theorem import Bound as Bound
    from lpbench.theory.theorem import Refused as Refused
    from lpbench.theory.theorem import Setting as Setting
    from lpbench.theory.theorem import need as need
    from lpbench.theory.theorem import theorem as theorem

_NAMES = {
    "lpbench.algorithms.base": "Algorithm Setup",
    "lpbench.arithmetic.dot": "dot",
    "lpbench.arithmetic.generator": "random_index step_words",
    "lpbench.arithmetic.jit": "generic inner kernel",
    "lpbench.arithmetic.ops": "copysign index like power_of_two reciprocal take where",
    "lpbench.arithmetic.rounding": "round_sum round_to_integer",
    "lpbench.arithmetic.vectors": "copy fill",
    "lpbench.cells.engine": "Engine Trajectory",
    "lpbench.cells.points": "Points",
    "lpbench.claims.base": "MEASURED THEORY Claim Line Measure Plot claims slope spread",
    "lpbench.claims.cells": "Cells",
    "lpbench.convex.drive": "begin_loop end_loop iterate loop_length output step",
    "lpbench.convex.gradients": "difference full_gradient gradient",
    "lpbench.convex.step_sizes": "step_size",
    "lpbench.convex.update": "round_step sparse_step",
    "lpbench.dashboard.charts": "style",
    "lpbench.dashboard.charts.curves": "Axes Curve Key figure",
    "lpbench.dashboard.data": "choosing",
    "lpbench.dashboard.data.sweeps": "Sweep",
    "lpbench.dashboard.page": "MULTI NUMBER SELECT SWITCH TEXT Control Page Panel",
    "lpbench.datasets": "values",
    "lpbench.datasets.base": "CLASSIFICATION REGRESSION Data Dataset Samples Size",
    "lpbench.declared.declarations": "Choice Metric",
    "lpbench.declared.kinds": "Flag Formula Real Whole Word",
    "lpbench.errors": "ConfigError did_you_mean",
    "lpbench.executors.base": "Executor Shard Stored",
    "lpbench.formats.base": "Format block_length check_precision clip elementwise has_blocks move quantize saturated "
    "shared_unit",
    "lpbench.formats.quantize": "to_native",
    "lpbench.problems.base": "LOGISTIC SOFTMAX SQUARED Problem Shape",
    "lpbench.problems.empirical": "EmpiricalRisk",
    "lpbench.problems.family": "Family noisy_quadratic",
    "lpbench.problems.identity": "problem_key",
    "lpbench.registry": "algorithms bounds datasets executors formats load_plugins problems",
    "lpbench.terminal": "Table",
    "lpbench.theory.theorem": "DIMENSION_FREE EARLIER FINAL_GAP HALP MEAN_GAP OTHER SGD SVRG Bound Refused Setting "
    "need theorem",
}
_PLACES = {name: f"{home}.{name}" for home, names in _NAMES.items() for name in names.split()}
__all__ = sorted(_PLACES)
__getattr__ = lazy.attributes(__name__, _PLACES)
