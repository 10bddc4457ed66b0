"""Vault's JSON at the border: checked, then made into values of the model.

Lenient where Vault's versions differ (unknown fields, ids as number or text, optional fields), strict where a wrong
guess would tell a person something untrue. Each reader raises VaultAnswerStrange.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BeforeValidator, Field

from bot.model.accounts import Identity, Vault, VaultUser
from bot.model.secret import Secret
from bot.model.uploads import Part, StagedFile, UploadSession
from bot.vault.shapes import Count, Credential, Id, Label, Moment, Record, Text, Truth, checked


class _UploadRecord(Record):
    """Vault: "Resumable Upload Sessions". `name` and `overwrite` are shown by some versions only."""

    id: Id
    path: Annotated[str, Field(min_length=1)]
    name: Text = ""
    size: Count
    uploaded: Count
    uploaded_parts: Count
    created_date: Moment
    expiration_date: Moment
    last_uploaded_date: Moment | None = None
    owner: Id
    overwrite: Truth = None

    def value(self) -> UploadSession:
        return UploadSession(
            id=self.id,
            path=self.path,
            name=self.name or _last_segment(self.path),
            size=self.size,
            uploaded=self.uploaded,
            uploaded_parts=self.uploaded_parts,
            created=self.created_date,
            expires=self.expiration_date,
            last_uploaded=self.last_uploaded_date or self.created_date,
            owner=self.owner,
            overwrite=self.overwrite,
        )


class _PartRecord(Record):
    """One sentence of Vault's page spells the field with a capital MD5; its JSON does not."""

    part_number: Count
    size: Count
    md5: Text = Field("", validation_alias=AliasChoices("part_content_md5", "part_content_MD5"))

    def value(self) -> Part:
        return Part(number=self.part_number, size=self.size, md5=self.md5)


class _ItemRecord(Record):
    """Vault: "List Items at a Path". Folders have neither size nor date."""

    kind: Text = ""
    path: Annotated[str, Field(min_length=1)]
    name: Text = ""
    size: Count | None = None
    modified_date: Moment | None = None

    def value(self) -> StagedFile | None:
        """The file; None for a folder, and for a file that says too little of itself to be told from another."""
        if self.kind != "file" or self.size is None or self.modified_date is None:
            return None
        name = self.name or _last_segment(self.path)
        return StagedFile(path=self.path, name=name, size=self.size, modified=self.modified_date)


class _UserRecord(Record):
    id: Id
    user_name__v: str
    user_first_name__v: Text = ""
    user_last_name__v: Text = ""
    user_email__v: Text = ""
    security_profile__v: Text = ""


class _UserBox(Record):
    user: _UserRecord


class _VaultEntry(Record):
    id: Id
    url: Text = ""


class _SignInRecord(Record):
    session: Credential = Field(validation_alias="sessionId")
    user: Id = Field(validation_alias="userId")
    vault: Id = Field(validation_alias="vaultId")
    vaults: list[_VaultEntry] = Field(default=[], validation_alias="vaultIds")


class _Profile(Record):
    id: Id
    label: Label = ""


class _DiscoveryData(Record):
    auth_type: Literal["password", "sso"]
    auth_profiles: Annotated[tuple[_Profile, ...], BeforeValidator(lambda found: found or ())] = ()


class _DiscoveryRecord(Record):
    data: _DiscoveryData


class _TokenRecord(Record):
    expires: Annotated[Moment | None, Field(validation_alias="expiry_date__sys")] = None
    last_used: Annotated[Moment | None, Field(validation_alias="last_used_date__sys")] = None


class _Tokens(Record):
    data: list[_TokenRecord]


class _OneUpload(Record):
    data: _UploadRecord


class _Uploads(Record):
    data: list[_UploadRecord]


class _Parts(Record):
    data: list[_PartRecord]


class _Items(Record):
    data: list[_ItemRecord]


class _Users(Record):
    users: Annotated[list[_UserBox], Field(min_length=1, max_length=1)]


class _Versions(Record):
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Discovery:
    """How a Vault user signs in. `profiles` are the ids for the OpenID Connect exchange, none for SAML; `label` is
    the first one's name for people, empty where there is none.

    Vault: "Authentication Type Discovery".
    """

    single_sign_on: bool
    profiles: tuple[str, ...]
    label: str


def read_versions(vault: Vault, answer: Mapping[str, object]) -> list[str]:
    """Return the API versions, oldest first."""
    names = checked(_Versions, vault, answer).values
    return sorted(names, key=lambda name: tuple(int(number) for number in name[1:].split(".")))


def read_sign_in(vault: Vault, answer: Mapping[str, object]) -> SignedIn:
    """Return the new credential, and whose it is for which Vault."""
    record = checked(_SignInRecord, vault, answer)
    urls = [entry.url for entry in record.vaults if entry.id == record.vault]
    return SignedIn(
        credential=Secret(record.session),
        identity=Identity(vault_user_id=record.user, vault_id=record.vault),
        vault_host=_host(urls[0]) if urls else None,
    )


def read_discovery(vault: Vault, answer: Mapping[str, object]) -> Discovery:
    """Return how the user name signs in."""
    found = checked(_DiscoveryRecord, vault, answer).data
    return Discovery(
        single_sign_on=found.auth_type == "sso",
        profiles=tuple(profile.id for profile in found.auth_profiles),
        label=found.auth_profiles[0].label if found.auth_profiles else "",
    )


def read_token_expiry(vault: Vault, answer: Mapping[str, object]) -> datetime | None:
    """Return when the token in use ends, None where it never does or where nobody can tell which one is in use.

    Of several active tokens it is the one used last, since it was used just now: if that is one and no more, and
    every token has a last use. One without may be the very one, whose use Vault has not written down yet.
    """
    tokens = checked(_Tokens, vault, answer).data
    if len(tokens) > 1:
        used = [token.last_used for token in tokens if token.last_used is not None]
        last = max(used) if len(used) == len(tokens) else None
        tokens = [token for token in tokens if last is not None and token.last_used == last]
    return tokens[0].expires if len(tokens) == 1 else None


def _last_segment(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2] or path


def _host(url: str) -> str | None:
    _, _, rest = url.partition("://")
    return rest.split("/")[0].lower() or None


def read_user(vault: Vault, answer: Mapping[str, object]) -> VaultUser:
    """Return the one person of the answer."""
    record = checked(_Users, vault, answer).users[0].user
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
    return checked(_OneUpload, vault, answer).data.value()


def read_uploads(vault: Vault, answer: Mapping[str, object]) -> list[UploadSession]:
    """Return the upload sessions of one page, in Vault's order (which is none)."""
    return [record.value() for record in checked(_Uploads, vault, answer).data]


def read_parts(vault: Vault, answer: Mapping[str, object]) -> list[Part]:
    """Return the parts of one page."""
    return [record.value() for record in checked(_Parts, vault, answer).data]


def read_items(vault: Vault, answer: Mapping[str, object]) -> list[StagedFile]:
    """Return the files of one page of a folder."""
    files = (record.value() for record in checked(_Items, vault, answer).data)
    return [file for file in files if file is not None]
