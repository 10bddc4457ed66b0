"""Reminders of one bot on one database: a sudden end, a full disk, and very many that wait."""

import asyncio
import signal
from datetime import timedelta
from pathlib import Path

import pytest

from bot.demo.workspace import DemoWorkspace
from bot.store.due_work import LEASE
from tests.acceptance.planting import held_claims, leads_left, plant, reminders, times_told
from tests.acceptance.steps import until, workspace
