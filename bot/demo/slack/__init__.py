"""An emulated Slack: a real server on loopback that speaks Slack's protocols, and the people who use it."""

from bot.demo.slack.apps import App, Command, Shortcut
from bot.demo.slack.chat_methods import PostRate
from bot.demo.slack.delivery import Ack, Delivery
from bot.demo.slack.emulator import SlackEmulator
from bot.demo.slack.exchanges import Exchange
from bot.demo.slack.faults import ApiError, Dropped, Fault, Faults, RateLimited, ServerError, Slow
from bot.demo.slack.many import SlackWorkspaces
from bot.demo.slack.messages import Message
from bot.demo.slack.rejections import Rejection
from bot.demo.slack.scheduled import Scheduled
from bot.demo.slack.signing import Credentials
from bot.demo.slack.views import View
from bot.demo.slack.workspace import Channel, User, Workspace

__all__ = [
    "Ack",
    "ApiError",
    "App",
    "Channel",
    "Command",
    "Credentials",
    "Delivery",
    "Dropped",
    "Exchange",
    "Fault",
    "Faults",
    "Message",
    "PostRate",
    "RateLimited",
    "Rejection",
    "Scheduled",
    "ServerError",
    "Shortcut",
    "SlackEmulator",
    "SlackWorkspaces",
    "Slow",
    "User",
    "View",
    "Workspace",
]
