"""Tables of results, on the terminal and in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table as RichTable


@dataclass(frozen=True)
class Table:
    """Cells of text; the first column names the rows."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def show(self, console: Console) -> None:
        """Print it."""
        table = RichTable(title=self.title, title_style="bold")
        for number, column in enumerate(self.columns):
            table.add_column(column, justify="right" if number else "left")
        for row in self.rows:
            table.add_row(*row)
        console.print(table)

    def markdown(self) -> list[str]:
        """Its lines, without the title."""
        return [_row(self.columns), _row(["---"] * len(self.columns)), *(_row(row) for row in self.rows)]


def wide_console() -> Console:
    """The terminal, or 160 characters a line where there is none."""
    return Console(width=None if Console().is_terminal else 160)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
