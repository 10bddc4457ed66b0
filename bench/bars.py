"""What is asked of the bot, with the figure found and whether it is met.

Bars of time, speed and memory are told and never asserted: a machine has moods. Lapses decide the exit code: what must
never be, and counts that no machine's mood changes.
"""

from dataclasses import dataclass, field


@dataclass
class Report:
    """What has been found so far; each line is printed at once."""

    missed: list[str] = field(default_factory=list)
    lapses: list[str] = field(default_factory=list)

    def title(self, text: str) -> None:
        """Begin a part."""
        print(f"\n{text}", flush=True)

    def line(self, text: str) -> None:
        """Tell something that no bar is set for."""
        print(f"  {text}", flush=True)

    def at_most(self, what: str, found: float, bar: float, unit: str = "", digits: int = 2) -> None:
        """Tell a figure that should not be above `bar`."""
        self._bar(what, found, f"at most {bar:g}{unit}", unit, digits, met=found <= bar)

    def counted_at_most(self, what: str, found: float, bar: float, digits: int = 2) -> None:
        """Tell a figure that no machine's mood changes; above `bar` it is a lapse."""
        if found > bar:
            self.lapses.append(f"{what}: {found:.{digits}f}")
        self.at_most(what, found, bar, digits=digits)

    def at_least(self, what: str, found: float, bar: float, unit: str = "", digits: int = 2) -> None:
        """Tell a figure that should not be below `bar`."""
        self._bar(what, found, f"at least {bar:g}{unit}", unit, digits, met=found >= bar)

    def faultless(self, what: str, lapses: list[str]) -> None:
        """Tell whether nothing went wrong."""
        self.lapses += [f"{what}: {lapse}" for lapse in lapses]
        self._told(what, "; ".join(lapses) or "0", "none", met=not lapses)

    def _bar(self, what: str, found: float, bar: str, unit: str, digits: int, *, met: bool) -> None:
        self._told(what, f"{found:.{digits}f}{unit}", bar, met=met)

    def _told(self, what: str, found: str, bar: str, *, met: bool) -> None:
        if not met:
            self.missed.append(what)
        print(f"  {what:62} {found:>12}   {bar:18} {'met' if met else 'NOT met'}", flush=True)

    def close(self) -> int:
        """Say it all in a line and return the exit code."""
        print(f"\n{len(self.missed)} bars NOT met" if self.missed else "\nAll bars met")
        for lapse in self.lapses:
            print(f"  {lapse}")
        return 1 if self.lapses else 0
