"""Figures and tables for a paper: of true size, with a caption, and the command that makes them again."""
