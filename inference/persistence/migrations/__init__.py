"""The history of the tables. A file in `versions/` is never changed after a release."""
