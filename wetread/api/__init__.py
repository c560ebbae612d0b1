"""Wetread from Python: what notebooks and scripts need, in few names.

Each function stands for a command or a step of serving and calls the same code. docs/python.md
has an example of each; a test locks the names.
"""

from wetread.api.answer import Answer, read
from wetread.api.folder import Header, describe_folder, tags
from wetread.api.models import load_model
from wetread.api.pictures import read_picture, recognise
from wetread.api.registry import Registry, registry
from wetread.api.table import Table, table
from wetread.api.training import Epoch, Trained, train
from wetread.api.validation import compare, validate

__all__ = [
    "Answer",
    "Epoch",
    "Header",
    "Registry",
    "Table",
    "Trained",
    "compare",
    "describe_folder",
    "load_model",
    "read",
    "read_picture",
    "recognise",
    "registry",
    "table",
    "tags",
    "train",
    "validate",
]
