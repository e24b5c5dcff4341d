"""Arithmetic over a problem's constants (`0.1/L`, `min(4*w_max, 2)`), by a small parser and never by eval.

The names: `L` smoothness of each f_i, `L_f` of f, `mu` strong convexity, `kappa` = L/mu, `N` samples, `d`
dimension, `w_max` = max|w*|, `delta` the quantum of the format, `alpha` the step size. The operators: + - * /
** and the functions min, max, sqrt.
"""

import ast
import math
import operator
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache

from lpbench.errors import ConfigError, did_you_mean

NAMES = ("L", "mu", "N", "d", "delta", "w_max", "alpha", "kappa", "L_f")
MAX_LENGTH = 200

_BINARY: dict[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_UNARY: dict[type, Callable[[float], float]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}
FUNCTIONS: dict[str, Callable[..., float]] = {"min": min, "max": max, "sqrt": math.sqrt}


@dataclass(frozen=True)
class Expression:
    """One expression: its canonical text (no spaces), the names that it reads, and its tree."""

    text: str
    names: frozenset[str]
    tree: ast.expr

    def evaluate(self, values: Mapping[str, float]) -> float:
        """The number at `values`, a float for each name; `kappa` may be left out beside L and mu.

        Raises ConfigError where a name has no value (`delta` of a format without a quantum) or where the
        result is not a finite real number.
        """
        if values.get("mu") and "L" in values:
            values = {"kappa": float(values["L"]) / float(values["mu"]), **values}
        for name in sorted(self.names - values.keys()):
            has = ", ".join(sorted(values)) or "none"
            raise ConfigError(f"{self.text!r}: {name} has no value here (known: {has})")
        try:
            result = _evaluate(self.tree, values)
        except (ZeroDivisionError, OverflowError, ValueError, TypeError) as error:
            raise ConfigError(f"{self.text!r} is not a finite number{self._at(values)}: {error}") from None
        if isinstance(result, complex) or not math.isfinite(result):
            raise ConfigError(f"{self.text!r} is not a finite number{self._at(values)}: it gives {result}")
        return float(result)

    def _at(self, values: Mapping[str, float]) -> str:
        shown = [f"{name}={values[name]:g}" for name in sorted(self.names) if name in values]
        return f" at {', '.join(shown)}" if shown else ""


def parse(text: str | float, names: Collection[str] = NAMES) -> Expression:
    """Read `text` (a number will do), which may use `names` only.

    Raises ConfigError for anything but numbers, `names`, + - * / ** ( ) and min, max, sqrt.
    """
    expression = _parse(str(text))
    for name in sorted(expression.names):
        if name not in names:
            if name in NAMES:
                raise ConfigError(f"{text!r}: {name} is not known here; this may use {', '.join(names)}")
            raise ConfigError(f"{text!r}: unknown name {name!r}.{did_you_mean(name, names)}")
    return expression


@lru_cache(maxsize=4096)
def _parse(text: str) -> Expression:
    if len(text) > MAX_LENGTH:
        raise ConfigError(f"an expression has at most {MAX_LENGTH} characters, got {len(text)}")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ConfigError(f"{text!r} is not a number or an expression such as 0.1/L") from None
    found: set[str] = set()
    tree = _check(tree, text, found)
    return Expression(ast.unparse(tree).replace(" ", ""), frozenset(found), tree)


def _check(node: ast.expr, text: str, found: set[str]) -> ast.expr:
    """The tree with its numbers in one spelling (2 for 2.0); raises on what is not arithmetic."""
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return ast.Constant(_number(value, text))
        case ast.Name(id=name):
            found.add(name)
            return node
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _UNARY:
            return ast.UnaryOp(op, _check(operand, text, found))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return ast.BinOp(_check(left, text, found), op, _check(right, text, found))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
            if name not in FUNCTIONS:
                raise ConfigError(f"{text!r}: unknown function {name!r}.{did_you_mean(name, FUNCTIONS)}")
            if not args or (name == "sqrt") != (len(args) == 1):
                wants = "one argument" if name == "sqrt" else "two or more arguments"
                raise ConfigError(f"{text!r}: {name} takes {wants}")
            return ast.Call(ast.Name(name), [_check(a, text, found) for a in args], [])
    power = isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitXor)
    hint = " (a power is written **)" if power else ""
    raise ConfigError(f"{text!r}: only numbers, names, + - * / ** and min, max, sqrt are allowed{hint}")


def _number(value: int | float, text: str) -> int | float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ConfigError(f"{text!r}: a number in it is too large")
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _evaluate(node: ast.expr, values: Mapping[str, float]) -> float:
    match node:
        case ast.Constant(value=int() | float() as value):
            return float(value)  # floats throughout: a power of large integers must overflow, not fill memory
        case ast.Name(id=name):
            return float(values[name])
        case ast.UnaryOp(op=op, operand=operand):
            return _UNARY[type(op)](_evaluate(operand, values))
        case ast.BinOp(left=left, op=op, right=right):
            return _BINARY[type(op)](_evaluate(left, values), _evaluate(right, values))
        case ast.Call(func=ast.Name(id=name), args=args):
            return FUNCTIONS[name](*(_evaluate(a, values) for a in args))
    raise AssertionError(ast.dump(node))
