"""Settings: read once at start from a mapping, checked all together, frozen.

Only the top floors import this module; below them functions take the values they need.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from bot import config_values
from bot.config_faults import ConfigError as ConfigError
from bot.config_faults import Fault
from bot.config_rules import together
from bot.model.accounts import LinkMethod, Vault
from bot.model.secret import Secret

DEFAULT_DATABASE = "sqlite:///data/bot.db"
DEFAULT_LOGIN = "https://login.veevavault.com"


class Config(BaseModel):
    """Every setting, checked. Field names are the variables' names in lower case."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        arbitrary_types_allowed=True,
    )

    slack_bot_token: Annotated[
        Secret | None,
        BeforeValidator(
            config_values.secret(
                not_prefix=("xapp-", "xoxp-"), hint="is the other token: this one begins with xoxb-"
            )
        ),
    ] = None
    slack_app_token: Annotated[
        Secret | None,
        BeforeValidator(
            config_values.secret(
                not_prefix=("xoxb-", "xoxp-"), hint="is the other token: this one begins with xapp-"
            )
        ),
    ] = None
    slack_signing_secret: Annotated[Secret | None, BeforeValidator(config_values.secret())] = None
    slack_client_id: Annotated[
        str | None, BeforeValidator(config_values.matches(r"[\x21-\x7e]{1,200}", "is no client ID"))
    ] = None
    slack_client_secret: Annotated[Secret | None, BeforeValidator(config_values.secret())] = None
    slack_workspaces: Annotated[frozenset[str] | None, BeforeValidator(config_values.workspaces)] = None
    slack_api_url: Annotated[str, BeforeValidator(config_values.api_url)] = "https://slack.com/api/"
    vaults: Annotated[tuple[Vault, ...], BeforeValidator(config_values.vaults)]
    vault_login_url: Annotated[str, BeforeValidator(config_values.base_url)] = DEFAULT_LOGIN
    vault_api_version: Annotated[
        str, BeforeValidator(config_values.matches(r"v\d{2}\.\d", "must look like v24.3"))
    ] = "v24.3"
    vault_client_id: Annotated[
        str,
        BeforeValidator(
            config_values.matches(r"[A-Za-z0-9._-]{1,100}", "may hold letters, digits, . _ - (100 at most)")
        ),
    ] = "vault-upload-bot"
    link_methods: Annotated[tuple[LinkMethod, ...], BeforeValidator(config_values.methods)] = (
        LinkMethod.TOKEN,
        LinkMethod.PASSWORD,
    )
    oidc_profile_id: Annotated[
        str | None, BeforeValidator(config_values.matches(r"[A-Za-z0-9._-]{1,200}", "is no profile ID"))
    ] = None
    oidc_client_id: Annotated[
        str | None, BeforeValidator(config_values.matches(r"[\x21-\x7e]{1,300}", "is no client ID"))
    ] = None
    oidc_client_secret: Annotated[Secret | None, BeforeValidator(config_values.secret())] = None
    oidc_issuer: Annotated[str | None, BeforeValidator(config_values.issuer)] = None
    oidc_scopes: Annotated[str, BeforeValidator(config_values.scopes)] = "openid email offline_access"
    encryption_keys: Annotated[Secret, BeforeValidator(Secret)]
    database_url: Annotated[
        Secret,
        BeforeValidator(Secret),
    ] = Field(default_factory=lambda: Secret(DEFAULT_DATABASE))
    public_url: Annotated[str, BeforeValidator(config_values.base_url)] = ""
    host: str = "127.0.0.1"
    port: Annotated[int, BeforeValidator(config_values.port)] = 3000
    remind_before: Annotated[tuple[timedelta, ...], BeforeValidator(config_values.lead_times)] = (
        timedelta(hours=24),
        timedelta(hours=4),
        timedelta(hours=1),
    )
    poll_every: Annotated[timedelta, BeforeValidator(config_values.at_least(timedelta(seconds=1)))] = (
        timedelta(minutes=5)
    )
    stall_after: Annotated[timedelta, BeforeValidator(config_values.positive_duration)] = timedelta(hours=1)
    allow_abort: Annotated[bool, BeforeValidator(config_values.boolean)] = False
    link_any_email: Annotated[bool, BeforeValidator(config_values.boolean)] = False
    keep_alive: Annotated[str, BeforeValidator(config_values.one_of("watching", "never"))] = "watching"
    audit_paths: Annotated[bool, BeforeValidator(config_values.boolean)] = False
    audit_keep: Annotated[timedelta | None, BeforeValidator(config_values.at_least(timedelta(days=1)))] = None
    failsafe: Annotated[bool, BeforeValidator(config_values.boolean)] = False
    log_level: Annotated[str, BeforeValidator(config_values.one_of("DEBUG", "INFO", "WARNING", "ERROR"))] = (
        "INFO"
    )
    log_format: Annotated[str | None, BeforeValidator(config_values.one_of("text", "json"))] = None
    demo_clock_file: Path | None = None

    @classmethod
    def from_environ(
        cls, mapping: Mapping[str, str], checks: Mapping[str, Callable[[str], object]] | None = None
    ) -> Self:
        """Return the settings in `mapping`; ConfigError with every fault at once.

        `checks` names further checkers, for what only a higher floor can judge; they raise ValueError.
        """
        known = cls.names()
        values, faults = _with_files(mapping, known)
        faults += [Fault(name, problem) for name, problem in together(values)]
        faults += _judged(values, checks or {})
        config: Self | None = None
        try:
            config = cls.model_validate({name.lower(): value for name, value in values.items() if value})
        except ValidationError as error:
            faults += [_fault(one) for one in error.errors(include_input=False, include_url=False)]
        unreadable = {fault.name.removesuffix("_FILE") for fault in faults if fault.name.endswith("_FILE")}
        faults = [fault for fault in faults if fault.name not in unreadable]
        if faults or config is None:
            order = {name: place for place, name in enumerate(known)}
            raise ConfigError(
                sorted(set(faults), key=lambda fault: (order.get(fault.name, 99), fault.problem))
            )
        if config.public_url:
            return config
        shown = f"[{config.host}]" if ":" in config.host else config.host
        return config.model_copy(update={"public_url": f"http://{shown}:{config.port}"})

    @classmethod
    def only(
        cls, mapping: Mapping[str, str], names: Sequence[str], checks: Mapping[str, Callable[[str], object]]
    ) -> dict[str, str]:
        """Return some settings as text, for commands that need no others; ConfigError as in `from_environ`."""
        values, faults = _with_files(mapping, list(names))
        if "DATABASE_URL" in names:
            values.setdefault("DATABASE_URL", DEFAULT_DATABASE)
        faults += [Fault(name, "is not set") for name in names if name not in values]
        faults += _judged(values, {name: checks[name] for name in names if name in checks})
        if faults:
            raise ConfigError(faults)
        return values

    @classmethod
    def names(cls) -> list[str]:
        """The variables' names in the order of the documents."""
        return [name.upper() for name in cls.model_fields]

    @property
    def socket_mode(self) -> bool:
        """Whether Slack is reached by websocket; else Slack reaches us by HTTP."""
        return self.slack_app_token is not None


def _fault(error: Any) -> Fault:
    name = str(error["loc"][0]).upper() if error["loc"] else "settings"
    if error["type"] == "missing":
        return Fault(name, "is not set")
    problem = str(error["msg"]).removeprefix("Value error, ")
    return Fault(name, problem if error["type"] == "value_error" else "cannot be used")


def _judged(values: Mapping[str, str], checks: Mapping[str, Callable[[str], object]]) -> list[Fault]:
    faults: list[Fault] = []
    for name, check in checks.items():
        try:
            if values.get(name):
                check(values[name])
        except ValueError as error:
            faults.append(Fault(name, str(error)))
    return faults


def _with_files(mapping: Mapping[str, str], known: list[str]) -> tuple[dict[str, str], list[Fault]]:
    """Replace each NAME_FILE by what the file holds; empty values count as not set."""
    values = {name: mapping[name].strip() for name in known if mapping.get(name, "").strip()}
    faults: list[Fault] = []
    for name in known:
        path = mapping.get(f"{name}_FILE", "").strip()
        if not path or f"{name}_FILE" in known:
            continue
        if name in values:
            faults.append(Fault(name, f"is set twice: use either {name} or {name}_FILE"))
            continue
        try:
            content = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            faults.append(Fault(f"{name}_FILE", "names a file that cannot be read as text"))
            values[name] = ""
            continue
        if not content:
            faults.append(Fault(f"{name}_FILE", "names an empty file"))
        values[name] = content
    return values, faults
