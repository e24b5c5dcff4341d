"""Widths of figures by name."""

# Inches, of the styles that most papers have: a column, and the text.
WIDTHS = {
    "column": 3.25, "text": 5.5, "neurips": 5.5, "iclr": 5.5, "icml": 3.25, "icml-text": 6.75, "ieee": 3.5,
    "ieee-text": 7.16,
}  # fmt: skip
