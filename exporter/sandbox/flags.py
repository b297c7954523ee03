"""The command line flags of the sandbox."""

import argparse
import math

from exporter.sandbox.core import Sandbox
from exporter.sandbox.faults import FaultError, parse_flag


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the sandbox's flags."""
    add = parser.add_argument
    add("--listen-address", default="127.0.0.1:10422", metavar="HOST:PORT", help="default: %(default)s")
    add("--speed", type=_speed, default=1.0, help="how fast the campaigns' time passes; 60: an hour in a minute")
    add("--seed", type=int, default=1, help="other figures for other seeds (default: %(default)s)")
    add("--load-campaigns", type=_count, default=0, metavar="N", help="more campaigns, from camp_load_00001 on")
    add("--fault", action="append", default=[], metavar="CAMPAIGN=KIND", help=_FAULT_HELP)


_FAULT_HELP = (
    "let a campaign, or * for all, misbehave: latency:SECONDS, status:CODE[,retry_after:SECONDS], cut, malformed, "
    "huge, gzip_garbage, redirect or wrong_id, with ,rate:SHARE and ,count:N; repeatable"
)


def build(args: argparse.Namespace) -> Sandbox:
    """Build the sandbox that the flags ask for. Raises FaultError, its text says what to write instead."""
    sandbox = Sandbox(seed=args.seed, speed=args.speed, load_campaigns=args.load_campaigns)
    for text in args.fault:
        target, fault = parse_flag(text)
        if target in sandbox.faults.show():
            raise FaultError(f"two faults for {target!r}: write one, such as {target}=latency:2,status:503")
        sandbox.faults.put(target, fault)
    return sandbox


def _speed(text: str) -> float:
    speed = float(text)
    if not 0 <= speed < math.inf:
        raise argparse.ArgumentTypeError("write a number from 0 on, such as 60")
    return speed


def _count(text: str) -> int:
    count = int(text)
    if count < 0:
        raise argparse.ArgumentTypeError("write a number from 0 on, such as 1000")
    return count
