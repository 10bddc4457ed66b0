"""Which fault strikes which call."""

from dataclasses import dataclass

from bot.demo.vault.calls import Kind
from bot.demo.vault.faults import Fault


@dataclass(kw_only=True, eq=False)
class PlannedFault:
    """A fault that waits for its calls."""

    fault: Fault
    times: int | None
    """How many calls it still strikes; None: all, until it is taken away."""
    endpoint: Kind | None
    vault: str | None

    def strikes(self, kind: Kind, vault: str) -> bool:
        """Whether it is meant for such a call."""
        return self.endpoint in (None, kind) and self.vault in (None, vault)


class FaultPlan:
    """A queue of faults that strike once or a few times, and faults that stand."""

    def __init__(self) -> None:
        self._planned: list[PlannedFault] = []

    @property
    def planned(self) -> list[PlannedFault]:
        """What still waits, in order."""
        return list(self._planned)

    def add(
        self,
        fault: Fault,
        times: int | None = 1,
        endpoint: Kind | str | None = None,
        *,
        vault: str | None = None,
    ) -> PlannedFault:
        """Let a fault strike the next call or calls; `times=None` lets it stand."""
        if times is not None and times < 1:
            raise ValueError("a fault strikes at least once")
        kind = None if endpoint is None else Kind(endpoint)
        planned = PlannedFault(fault=fault, times=times, endpoint=kind, vault=vault)
        self._planned.append(planned)
        return planned

    def remove(self, planned: PlannedFault) -> None:
        """Take one fault away, if it still waits."""
        if planned in self._planned:
            self._planned.remove(planned)

    def clear(self) -> None:
        """Take every fault away."""
        self._planned.clear()

    def draw(self, kind: Kind, vault: str) -> list[Fault]:
        """The faults of this call: every standing one, and the first of those that count."""
        struck: list[Fault] = []
        counted = False
        for planned in self.planned:
            if not planned.strikes(kind, vault):
                continue
            if planned.times is None:
                struck.append(planned.fault)
            elif not counted:
                counted = True
                struck.append(planned.fault)
                planned.times -= 1
                if planned.times == 0:
                    self._planned.remove(planned)
        return struck
