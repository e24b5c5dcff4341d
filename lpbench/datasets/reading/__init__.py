"""Data files as people have them: tables, LIBSVM; each read, or refused in one line."""
