"""Errors of `sor`."""


class SorError(Exception):
    """Base class of every error that `sor` raises by itself."""


class DataError(SorError, ValueError):
    """Input data that breaks the schema: names the file, row and value."""


class ParameterError(SorError, ValueError):
    """An argument that breaks a rule of the model: names it and what would be right."""
