"""Uploads as wild as the border lets them through, for property tests."""

from datetime import UTC

from hypothesis import strategies as st

from bot.model.uploads import UploadSession
from tests.factories import HOUR, NOW

SIGNS_TO_FEAR = st.sampled_from(
    [
        "<!channel>",
        "<!here>",
        "<!everyone|x>",
        "<@U01ALICE>",
        "<#C1>",
        "<https://evil.example|click>",
        "<!date^1^{time}|never>",
        "&amp;",
        "&lt;",
        "&",
        "<",
        ">",
        "`",
        "```",
        "*",
        "_",
        "~",
        "\n",
        "\r",
        "\x00",
        "\u202e",
        "\u2066",
        "\u2028",
        "🎬",
        "é",
        "\ud800",
        " ",
        "/",
        "…",
    ]
)
SHORT = st.text() | st.lists(SIGNS_TO_FEAR).map("".join)
FOREIGN = SHORT | st.builds(lambda unit, times: (unit or "x") * times, SHORT, st.integers(1, 300)).map(
    lambda text: text[:5000]
)
MOMENTS = st.datetimes(timezones=st.just(UTC)) | st.timedeltas(-80 * HOUR, 80 * HOUR).map(
    lambda gap: NOW + gap
)
COUNTS = st.integers(0, 2**63 - 1) | st.integers(0, 3)
VAULT_IDS = st.text(min_size=1, max_size=200)


@st.composite
def wild_uploads(draw: st.DrawFn) -> UploadSession:
    """What the border lets through: any text, any count, any moment."""
    return UploadSession(
        id=draw(VAULT_IDS),
        path=draw(FOREIGN.filter(bool)),
        name=draw(FOREIGN.filter(bool)),
        size=draw(COUNTS),
        uploaded=draw(COUNTS),
        uploaded_parts=draw(COUNTS),
        created=draw(MOMENTS),
        expires=draw(MOMENTS),
        last_uploaded=draw(MOMENTS),
        owner=draw(VAULT_IDS | st.just("10001400")),
    )
