"""Where the data comes from: synthetic draws, data that ships with scikit-learn, the user's own files."""
