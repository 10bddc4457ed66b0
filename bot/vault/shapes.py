"""What Vault's JSON is made of, and how a fault in it is told: by the field and what is off, never by the value."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, TypeVar

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from bot.model.accounts import Vault
from bot.model.clock import aware
from bot.model.errors import VaultAnswerStrange

LARGEST = 2**63 - 1


def _id_text(value: object) -> object:
    """Vault: ids come as numbers in some answers and as text in others; as text they compare."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _whole_number(value: object) -> object:
    """An integer, also one written as text or with `.0`; true and false are none."""
    if isinstance(value, bool):
        raise ValueError("a truth value")
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 19:
        return int(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _timestamp(value: object) -> datetime:
    """Vault: "Dates": `YYYY-MM-DDTHH:MM:SS.000Z`, always UTC. One without a zone could mean any hour: refused."""
    if not isinstance(value, str):
        raise ValueError("not text")
    try:
        return aware(datetime.fromisoformat(value))
    except OverflowError:
        raise ValueError("out of range") from None


def _text(value: object) -> str:
    """Text, or nothing where Vault sends null or something else."""
    return value if isinstance(value, str) else ""


def _label(value: object) -> str:
    """One line of a length that fits into a sentence; a Domain Admin wrote it."""
    return " ".join(_text(value).split())[:80]


def _truth(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


Id = Annotated[str, BeforeValidator(_id_text), Field(min_length=1, max_length=200)]
Count = Annotated[int, BeforeValidator(_whole_number), Field(strict=True, ge=0, le=LARGEST)]
Moment = Annotated[AwareDatetime, BeforeValidator(_timestamp)]
Text = Annotated[str, BeforeValidator(_text)]
Label = Annotated[str, BeforeValidator(_label)]
Truth = Annotated[bool | None, BeforeValidator(_truth)]
Credential = Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,512}$")]


class Record(BaseModel):
    """One JSON object; fields it does not know are left out."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


_Shape = TypeVar("_Shape", bound=Record)


def checked(shape: type[_Shape], vault: Vault, answer: Mapping[str, object]) -> _Shape:
    """Return the answer in that shape; VaultAnswerStrange names the first field that does not fit."""
    try:
        return shape.model_validate(answer)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(
            str(step) for step in first["loc"][:4] if isinstance(step, int) or step.isidentifier()
        )
        reason = f"{place}: {first['type']}"
    raise VaultAnswerStrange(vault=vault.name, reason=reason)
