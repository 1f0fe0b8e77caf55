"""A company that does not exist, and loopback servers that answer as its GA4, Search Console, Clarity and Sheets."""

from demo.exports import company_copy, write_exports
from demo.faults import Fault, Request
from demo.servers import Demo, PortError, serve
from demo.world import SEED, World, simulate

__all__ = [
    "SEED",
    "Demo",
    "Fault",
    "PortError",
    "Request",
    "World",
    "company_copy",
    "serve",
    "simulate",
    "write_exports",
]
