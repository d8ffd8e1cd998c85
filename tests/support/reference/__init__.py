"""Sections 1 to 5 and 7 of docs/model.md, transcribed literally: the third engine the Rust core is compared with.

Plain integers, plain loops, no dependence on the package it checks. Obviously right is worth more here than
fast. Each function cites the rule it transcribes.
"""

from .allocate import (
    Allocation,
    Curve,
    allocate,
    allocate_fills,
    allocate_table,
    candidates,
    effective_lot,
    offers_as_curves,
    penalty_nanos,
)
from .book import Book, FillModel, Level, Settings, Venue, snapshots
from .hindsight import hindsight
from .own_fills import FunctionModel, TableModel
from .replay import Child, Fill, Order, Policy, Run, replay
from .resting import QUEUES, Resting, Trade, probe, timeline, windows_of
from .schedules import AlmgrenChriss, Pov, Release, Schedule, Table, Twap, Vwap, released
from .sessions import Halt, Piece, Session, dropped, pieces_of, place_order, schedule, sessions_of

__all__ = [
    "QUEUES",
    "Allocation",
    "AlmgrenChriss",
    "Book",
    "Child",
    "Curve",
    "Fill",
    "FillModel",
    "FunctionModel",
    "Halt",
    "Level",
    "Order",
    "Piece",
    "Policy",
    "Pov",
    "Release",
    "Resting",
    "Run",
    "Schedule",
    "Session",
    "Settings",
    "Table",
    "TableModel",
    "Trade",
    "Twap",
    "Venue",
    "Vwap",
    "allocate",
    "allocate_fills",
    "allocate_table",
    "candidates",
    "dropped",
    "effective_lot",
    "hindsight",
    "offers_as_curves",
    "penalty_nanos",
    "pieces_of",
    "place_order",
    "probe",
    "released",
    "replay",
    "schedule",
    "sessions_of",
    "snapshots",
    "timeline",
    "windows_of",
]
