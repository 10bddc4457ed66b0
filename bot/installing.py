"""Where the app is installed: in one workspace by its token, or wherever people install it by OAuth."""

import structlog
from slack_sdk.web.async_client import AsyncWebClient
from starlette.routing import BaseRoute

from bot.config import Config
from bot.model.clock import Clock
from bot.slack.installed import Installed, ManyWorkspaces, OneWorkspace
from bot.slack.workspace import find_workspace
from bot.storage import Storage
from bot.usecases.auditing import Auditing
from bot.web.slack_install import InstallPages

log = structlog.get_logger()


async def installed_by(config: Config, store: Storage, slack: AsyncWebClient, clock: Clock) -> Installed:
    """Return where the app is installed, as the settings say; SlackRefused when Slack does not know the token."""
    if config.slack_bot_token is not None:
        return OneWorkspace(await find_workspace(slack, config.slack_bot_token), slack)
    if config.slack_client_id is None or config.slack_client_secret is None:
        raise ValueError("the settings name neither a bot token nor a client")
    if not config.slack_workspaces:
        log.warning("anyone may install the app in a Slack workspace of theirs: SLACK_WORKSPACES is not set")
    return ManyWorkspaces(
        installations=store.installations,
        leases=store.leases,
        client=slack,
        client_id=config.slack_client_id,
        client_secret=config.slack_client_secret,
        clock=clock,
        named=config.slack_workspaces or frozenset(),
    )


def install_routes(
    config: Config,
    store: Storage,
    slack: AsyncWebClient,
    installed: Installed,
    auditing: Auditing,
    clock: Clock,
) -> list[BaseRoute]:
    """Return the routes for installing by OAuth; none for one workspace by its token."""
    if (
        not isinstance(installed, ManyWorkspaces)
        or not config.slack_client_id
        or not config.slack_client_secret
    ):
        return []
    # Imported here: only this way of installing reads the manifest.
    from bot.manifest import bot_scopes

    pages = InstallPages(
        installed=installed,
        states=store.install_states,
        auditing=auditing,
        client=slack,
        client_id=config.slack_client_id,
        client_secret=config.slack_client_secret,
        scopes=bot_scopes(),
        public_url=config.public_url,
        slack_api_url=config.slack_api_url,
        clock=clock,
    )
    return [*pages.routes()]
