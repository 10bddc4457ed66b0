"""The demo's page: a workspace in the browser, with all its state in this server."""

from bot.demo.page.run import serve_page

__all__ = ["serve_page"]
