"""The glossary: one word a thing, and no markup where it is read."""

import pytest

from lpbench.declared import choices, columns
from lpbench.declared.words import TERMS, meaning


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("step size", "`auto`: 1/(4 L_B)"),
        ("bound_kind", "its theorem (theory.md)"),
        ("noise_floor", "mean objective gap over the evenly spaced points"),
        ("slope", "the power of the dimension"),
        ("bound_1c", "what theorem 1c proves"),
        ("nobody", ""),
    ],
)
def test_a_word_is_that_of_the_choice_the_column_or_the_term(name, said):
    assert meaning(name).startswith(said.replace("`", ""))
    assert bool(meaning(name)) == bool(said)
    assert "`" not in meaning(name)


def test_all_that_is_declared_has_a_word():
    declared = [*choices.CHOICES, *choices.RUNTIME, *columns.NAMES, *(term.name for term in TERMS)]
    assert [name for name in declared if not meaning(name)] == []
    assert len({term.name for term in TERMS}) == len(TERMS)
