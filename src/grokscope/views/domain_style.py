"""How domains and roles of probes are told apart: by colour and by dash."""

from dataclasses import dataclass

import plotly.graph_objects as go

from grokscope.views.monitor_curves import MonitorCurves
from grokscope.views.theme import FAINT, GROUP_COLOURS, plain

MOST_DOMAINS = len(GROUP_COLOURS)
"""Domains that are drawn, the first ones."""
DASHES = {"seen": "solid", "twin": "dot", "test": "dash"}
ROLE_WORDS = {"seen": "seen samples", "twin": "twins, never seen", "test": "tests"}
_LONGEST = 28


@dataclass(frozen=True, kw_only=True)
class Domain:
    """A domain in figures.

    Attributes:
        name: of the domain.
        colour: of its lines.
        groups: its groups by role.
        main: the group that its pathways are drawn of.
    """

    name: str
    colour: str
    groups: dict[str, str]
    main: str

    @property
    def label(self) -> str:
        """The name as Plotly takes it, cut where it is long."""
        return plain(short_name(self.name))


def drawn_domains(curves: MonitorCurves) -> list[Domain]:
    """The domains that have a colour."""
    return [
        Domain(
            name=name,
            colour=colour,
            groups={
                group.partition("/")[2] or "seen": group
                for group in curves.groups
                if group.partition("/")[0] == name
            },
            main=curves.main(name),
        )
        for name, colour in zip(curves.domains, GROUP_COLOURS, strict=False)
    ]


def short_name(name: str, longest: int = _LONGEST) -> str:
    """A name that leaves room for others."""
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


def domain_key(domain: Domain) -> go.Scatter:
    """A legend entry that turns a domain's lines off and on."""
    return _key(domain.label, domain.colour, "solid", legendgroup=plain(domain.name))


def dash_key(name: str, dash: str) -> go.Scatter:
    """A legend entry that says what a dash means."""
    # each in a group of its own, or the legend stacks them
    return _key(name, FAINT, dash, legendgroup=f"meaning of {dash}")


def _key(name: str, colour: str, dash: str, legendgroup: str) -> go.Scatter:
    return go.Scatter(
        x=[None],
        y=[None],
        mode="lines",
        line={"color": colour, "width": 2.4, "dash": dash},
        name=name,
        legendgroup=legendgroup,
        hoverinfo="skip",
    )
