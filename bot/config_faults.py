"""What can be wrong with settings. Of its own, so that a command line is told what is wrong without pydantic."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One wrong setting: which variable, and what about it. Never its value."""

    name: str
    problem: str

    def __str__(self) -> str:
        return f"{self.name}: {self.problem}"


class ConfigError(Exception):
    """Settings that cannot be used; carries every fault found."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        super().__init__("; ".join(str(fault) for fault in faults))
