"""Vault's JSON at the border: checked, then made into values of the model.

Lenient where Vault's versions differ (unknown fields, ids as number or text, optional fields), strict where a wrong
guess would tell a person something untrue. A fault names the field and what is off, never the value.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, TypeVar

from pydantic import (
    AliasChoices,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)

from bot.model.accounts import Identity, Vault, VaultUser
from bot.model.clock import aware
from bot.model.errors import VaultAnswerStrange
from bot.model.secret import Secret
from bot.model.uploads import Part, UploadSession

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


def _truth(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


_Id = Annotated[str, BeforeValidator(_id_text), Field(min_length=1, max_length=200)]
_Count = Annotated[int, BeforeValidator(_whole_number), Field(strict=True, ge=0, le=LARGEST)]
_Moment = Annotated[AwareDatetime, BeforeValidator(_timestamp)]
_Text = Annotated[str, BeforeValidator(_text)]
_Truth = Annotated[bool | None, BeforeValidator(_truth)]
_Credential = Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,512}$")]


class _Record(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class _UploadRecord(_Record):
    """Vault: "Resumable Upload Sessions". `name` and `overwrite` are shown by some versions only."""

    id: _Id
    path: Annotated[str, Field(min_length=1)]
    name: _Text = ""
    size: _Count
    uploaded: _Count
    uploaded_parts: _Count
    created_date: _Moment
    expiration_date: _Moment
    last_uploaded_date: _Moment | None = None
    owner: _Id
    overwrite: _Truth = None

    def value(self) -> UploadSession:
        return UploadSession(
            id=self.id,
            path=self.path,
            name=self.name or self.path.rstrip("/").rpartition("/")[2] or self.path,
            size=self.size,
            uploaded=self.uploaded,
            uploaded_parts=self.uploaded_parts,
            created=self.created_date,
            expires=self.expiration_date,
            last_uploaded=self.last_uploaded_date or self.created_date,
            owner=self.owner,
            overwrite=self.overwrite,
        )


class _PartRecord(_Record):
    """One sentence of Vault's page spells the field with a capital MD5; its JSON does not."""

    part_number: _Count
    size: _Count
    md5: _Text = Field("", validation_alias=AliasChoices("part_content_md5", "part_content_MD5"))

    def value(self) -> Part:
        return Part(number=self.part_number, size=self.size, md5=self.md5)


class _UserRecord(_Record):
    id: _Id
    user_name__v: str
    user_first_name__v: _Text = ""
    user_last_name__v: _Text = ""
    user_email__v: _Text = ""
    security_profile__v: _Text = ""


class _UserBox(_Record):
    user: _UserRecord


class _VaultEntry(_Record):
    id: _Id
    url: _Text = ""


class _SignInRecord(_Record):
    session: _Credential = Field(validation_alias="sessionId")
    user: _Id = Field(validation_alias="userId")
    vault: _Id = Field(validation_alias="vaultId")
    vaults: list[_VaultEntry] = Field(default=[], validation_alias="vaultIds")


class _OneUpload(_Record):
    data: _UploadRecord


class _Uploads(_Record):
    data: list[_UploadRecord]


class _Parts(_Record):
    data: list[_PartRecord]


class _Users(_Record):
    users: Annotated[list[_UserBox], Field(min_length=1, max_length=1)]


class _Versions(_Record):
    values: dict[Annotated[str, Field(pattern=r"^v\d{1,3}\.\d{1,2}$")], Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedIn:
    """A login that Vault accepted. It may be for another Vault than the one asked for: compare `vault_host`.

    Vault: "Authentication Defaulting": a session can land in another Vault of the user. `vault_host` is the host
    of the Vault the session is for; None where Vault does not list it.
    """

    credential: Secret
    identity: Identity
    vault_host: str | None


_Shape = TypeVar("_Shape", bound=_Record)


def _checked(shape: type[_Shape], vault: Vault, answer: Mapping[str, object]) -> _Shape:
    try:
        return shape.model_validate(answer)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(
            str(step) for step in first["loc"][:4] if isinstance(step, int) or step.isidentifier()
        )
        reason = f"{place}: {first['type']}"
    raise VaultAnswerStrange(vault=vault.name, reason=reason)


def read_versions(vault: Vault, answer: Mapping[str, object]) -> list[str]:
    """Return the API versions, oldest first."""
    names = _checked(_Versions, vault, answer).values
    return sorted(names, key=lambda name: tuple(int(number) for number in name[1:].split(".")))


def read_sign_in(vault: Vault, answer: Mapping[str, object]) -> SignedIn:
    """Return the new credential, and whose it is for which Vault."""
    record = _checked(_SignInRecord, vault, answer)
    urls = [entry.url for entry in record.vaults if entry.id == record.vault]
    return SignedIn(
        credential=Secret(record.session),
        identity=Identity(vault_user_id=record.user, vault_id=record.vault),
        vault_host=_host(urls[0]) if urls else None,
    )


def _host(url: str) -> str | None:
    _, _, rest = url.partition("://")
    return rest.split("/")[0].lower() or None


def read_me(vault: Vault, answer: Mapping[str, object]) -> VaultUser:
    """Return the person whose credential was used."""
    record = _checked(_Users, vault, answer).users[0].user
    return VaultUser(
        id=record.id,
        user_name=record.user_name__v,
        first_name=record.user_first_name__v,
        last_name=record.user_last_name__v,
        email=record.user_email__v,
        security_profile=record.security_profile__v,
    )


def read_upload(vault: Vault, answer: Mapping[str, object]) -> UploadSession:
    """Return the one upload session."""
    return _checked(_OneUpload, vault, answer).data.value()


def read_uploads(vault: Vault, answer: Mapping[str, object]) -> list[UploadSession]:
    """Return the upload sessions of one page, in Vault's order (which is none)."""
    return [record.value() for record in _checked(_Uploads, vault, answer).data]


def read_parts(vault: Vault, answer: Mapping[str, object]) -> list[Part]:
    """Return the parts of one page."""
    return [record.value() for record in _checked(_Parts, vault, answer).data]
