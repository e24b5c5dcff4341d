"""A sweep as one file: Markdown or HTML."""
