"""What the person in front of the page has chosen. It stands here, so that a reload changes nothing."""

from dataclasses import dataclass, field

DEFAULT_PLACE = "trial-uploads"
HOME = "home"


@dataclass
class Viewer:
    """Who one is, what is open. One for all tabs."""

    me: str
    place: str
    """The id of a conversation, or `home`."""
    thread: str | None = None
    """The ts of the message whose replies are open."""
    drawer_open: bool = False
    tour_open: bool = True
    tour_step: int = 0
    dismissed: set[int] = field(default_factory=set)

    def go(self, place: str) -> None:
        """Open a conversation or the app's home."""
        self.place, self.thread = place, None
