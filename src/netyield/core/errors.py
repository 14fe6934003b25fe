"""What went wrong that is not dirt in the data: programming faults and wrong use.

    NetyieldError
    ├── WrongUse            the command line, an argument or the configuration is wrong (exit 2)
    │   └── ConfigError     netyield.toml, with the key and the nearest known one
    ├── SourceError         a source cannot be reached or read at all
    ├── StoreError          the project folder is missing, locked or damaged
    ├── ContractError       a table does not have the columns or types its contract says
    └── ConservationError   money went in and did not come out again: never caught, never ignored

Expected dirt in data is never an exception: it is a ``Finding``. Every message ends with the repair.
"""

from __future__ import annotations


class NetyieldError(Exception):
    """Anything Netyield raises on purpose; ``repair`` says what to do next."""

    def __init__(self, message: str, repair: str = "") -> None:
        super().__init__(f"{message} {repair}".strip())
        self.message = message
        self.repair = repair


class WrongUse(NetyieldError):
    """An argument or option is wrong; the command line exits with 2."""


class ConfigError(WrongUse):
    """A key of ``netyield.toml`` is wrong or missing."""


class SourceError(NetyieldError):
    """A source cannot be reached or read at all (nothing of it was booked)."""


class StoreError(NetyieldError):
    """The project folder is missing, locked or damaged."""


class ContractError(NetyieldError):
    """A table does not match its contract."""


class ConservationError(NetyieldError):
    """Money that went into a pass did not come out of it to the pico-unit."""
