"""What Hydra, OmegaConf and the yaml reader raise, as one clear line for the user."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from lpbench.choices import keys
from lpbench.choices.hydra_functions import FUNCTIONS
from lpbench.declared import expressions
from lpbench.errors import ConfigError, did_you_mean

# Lines around the reason in Hydra's messages; an indented one points into the override.
_HEADINGS = ("Error parsing", "See https", "LexerNoViable", " ")


@contextmanager
def translated() -> Iterator[None]:
    """Turn what Hydra, OmegaConf and the yaml reader raise into a ConfigError of one line."""
    try:
        yield
    except Exception as error:
        origin = type(error).__module__.partition(".")[0]
        if origin not in ("hydra", "omegaconf", "yaml") and not isinstance(error, UnicodeDecodeError):
            raise
        raise ConfigError(_one_line(error)) from error


def why(override: str, error: Exception) -> str:
    """One line on why Hydra's grammar refuses an override, with the way to write it."""
    key, equals, value = override.partition("=")
    if not key.strip("+~ ") or not (equals or key.startswith("~")):
        return "write KEY=VALUE"
    call = re.search(r"(\w+) while evaluating '(.*)': (.*)", str(error))
    if call and call[2].partition("(")[0] not in expressions.FUNCTIONS:
        return _why_call(*call.groups())
    lines = [line for line in str(error).splitlines() if line and not line.startswith(_HEADINGS)]
    said = lines[0].split(" expecting ")[0].rpartition(": ")[2] if lines else "not Hydra's override grammar"
    if value.rstrip().endswith(","):
        return "a value is missing after the last comma"
    if re.search(r"\s[+~]*\w+=", value):
        return f"{said}; each override is an argument of its own"
    if re.search(r"[^\w.*/+-]", value):
        bare = value.strip("'\"").replace('"', '\\"')
        return f"{said}; a value with parentheses, commas or other marks is quoted twice: '{key}=\"{bare}\"'"
    return said


def _why_call(kind: str, call: str, said: str) -> str:
    """Why a function of a value cannot be called: its own words, where they are meant for who wrote the call."""
    name = call.partition("(")[0]
    if said.startswith("Unknown function"):
        return f"there is no function {name!r}.{did_you_mean(name, FUNCTIONS)}"
    if kind == "ValueError":
        return f"{call}: {said}"
    return f"{call} is not what {name} takes: write {FUNCTIONS[name]}"


def _one_line(error: BaseException) -> str:
    lines = []
    for line in str(error).splitlines():
        if line.startswith(("Config search path", "Search path", "See https")):
            break
        if not line.strip().startswith(("full_key:", "object_type=")):
            lines.append(line.strip())
    cause = error.__cause__
    if cause is not None and str(cause) and type(cause).__module__.startswith("omegaconf"):
        lines.append(f"({str(cause).splitlines()[0]})")
    text = " ".join(line for line in lines if line) or type(error).__name__
    text = re.sub(r"\w+ raised while composing config: ", "", text)
    unknown = re.search(r"Key '(\w+)' not in 'Choices'", text)
    if "DictConfig" in text or (unknown and unknown[1] == "experiment"):
        return f"{text} (is the first line of the yaml `# @package _global_`?)"
    if unknown:
        return text.replace(
            unknown[0], f"unknown key {unknown[1]!r}.{did_you_mean(unknown[1], keys.every())}"
        )
    return text
