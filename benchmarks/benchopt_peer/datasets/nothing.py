"""A data set that costs nothing to make."""

from benchopt import BaseDataset


class Dataset(BaseDataset):
    """One number."""

    name = "nothing"

    def get_data(self):
        return {"start": 0.0}
